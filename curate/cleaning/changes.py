"""What an audit changed under decisions that were taken before it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pandas as pd

from curate.cleaning.decisions import Decision

COLUMN_OF = {"given": "given_label", "suggested": "suggested_label", "is_label_issue": "is_label_issue"}


@dataclass(frozen=True)
class Change:
    """One thing that a reviewer saw and that is otherwise now.

    Attributes:
        decision: what was decided then.
        what: `given`, `suggested` or `is_label_issue`, or `sample_id` where the sample is gone.
        before, now: its values; None for no label.
    """

    decision: Decision
    what: str
    before: str | bool
    now: str | bool | None


def changed_since(decisions: Iterable[Decision], table: pd.DataFrame) -> list[Change]:
    """Where the issue table differs from what the reviewers saw, in the order of `decisions`. What they saw and nobody noted is no change.

    Args:
        decisions: such as the standing ones.
        table: the issue table; `sample_id` and the columns of `COLUMN_OF` are read.
    """
    columns = [table[column].astype(object).where(table[column].notna(), None) for column in COLUMN_OF.values()]
    seen_now = dict(zip(table["sample_id"], zip(*columns, strict=True), strict=True))
    changes = []
    for decision in decisions:
        if decision.sample_id not in seen_now:
            changes.append(Change(decision, "sample_id", decision.sample_id, None))
            continue
        for what, now in zip(COLUMN_OF, seen_now[decision.sample_id], strict=True):
            before = getattr(decision, what)
            if before is not None and before != now:
                changes.append(Change(decision, what, before, now))
    return changes


def without_stale(
    standing: Mapping[str, Mapping[str, Decision]], given_labels: Mapping[str, str | None]
) -> tuple[dict[str, dict[str, Decision]], list[Decision]]:
    """The standing decisions that are about today's given labels, and those that judged another one and so say nothing now.

    Args:
        standing: from `standing_decisions`.
        given_labels: class name by sample id, None where unlabelled. Samples that are not in it are left alone.
    """
    fresh: dict[str, dict[str, Decision]] = {}
    stale = []
    for sample_id, by_who in standing.items():
        for who, decision in by_who.items():
            if decision.given is not None and given_labels.get(sample_id, decision.given) != decision.given:
                stale.append(decision)
            else:
                fresh.setdefault(sample_id, {})[who] = decision
    return fresh, stale
