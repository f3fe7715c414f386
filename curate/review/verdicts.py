"""What stands after all decisions: last words, verdicts, agreement of reviewers, and what an audit changed since.

Reviewers do not overwrite each other. Where they differ, a strict majority decides; without one the sample is a conflict until
somebody adjudicates it.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations

import pandas as pd

from curate.errors import DataError
from curate.review.journal import LABEL_ACTIONS, Decision

CONFLICT = "conflict"
JUDGEMENTS = ("right", "wrong", "ambiguous")


@dataclass(frozen=True)
class Verdict:
    """What reviewers decided about one sample together.

    Attributes:
        sample_id: such as `mnist/test/3520`.
        action: an action of decisions except `undo`, or `conflict`.
        label: the right class's name where the action sets one, else None.
        who: whose decision this is, sorted: those who agree on it, or who adjudicated; all who decided where it is a conflict.
        when, note: of the last decision among theirs.
        is_adjudicated: whether it was settled by an adjudication.
        num_reviewers: how many decided about the sample.
    """

    sample_id: str
    action: str
    label: str | None
    who: tuple[str, ...]
    when: str
    note: str
    is_adjudicated: bool
    num_reviewers: int


def standing_decisions(decisions: Iterable[Decision]) -> dict[str, dict[str, Decision]]:
    """Each reviewer's decision that counts, by sample id and reviewer; where all were undone, there is none.

    Decisions are ordered by time, then by place; one that comes twice (by its id) counts once. So the journals of two machines can be
    put together in any order. `undo` takes back the decision that it names, else the last one, of the same reviewer on that sample.
    """
    stacks: dict[str, dict[str, list[Decision]]] = {}
    each = sorted({d.id: d for d in decisions}.values(), key=lambda d: d.when)
    taken_back = {(d.sample_id, d.who, d.undoes) for d in each if d.undoes}
    for decision in each:
        stack = stacks.setdefault(decision.sample_id, {}).setdefault(decision.who, [])
        if decision.action != "undo":
            if (decision.sample_id, decision.who, decision.id) not in taken_back:
                stack.append(decision)
        elif stack and not decision.undoes:
            stack.pop()
    standing = {sample_id: {who: stack[-1] for who, stack in by_who.items() if stack} for sample_id, by_who in stacks.items()}
    return {sample_id: by_who for sample_id, by_who in standing.items() if by_who}


def verdict_of(by_who: Mapping[str, Decision]) -> Verdict:
    """The verdict on one sample: the last standing adjudication; else what more than half of its reviewers chose; else a conflict.

    A relabelling and an accepted suggestion to the same class are the same choice, and one to the given label is the same as `ok`.

    Args:
        by_who: each reviewer's standing decision, at least one.

    Raises:
        DataError: there is no decision.
    """
    if not by_who:
        raise DataError("a verdict needs at least one standing decision, found none")
    ordered = sorted(by_who.values(), key=lambda d: (d.when, d.who))
    adjudications = [decision for decision in ordered if decision.adjudicates]
    if adjudications:
        return _verdict(adjudications[-1:], len(ordered), is_adjudicated=True)
    counts = Counter(outcome(decision) for decision in ordered)
    choice, num_votes = counts.most_common(1)[0]
    if 2 * num_votes > len(ordered):
        return _verdict([d for d in ordered if outcome(d) == choice], len(ordered))
    return _verdict(ordered, len(ordered), is_conflict=True)


def verdicts(decisions: Iterable[Decision]) -> dict[str, Verdict]:
    """The verdict on every sample that has a standing decision, by sample id."""
    return {sample_id: verdict_of(by_who) for sample_id, by_who in standing_decisions(decisions).items()}


def outcome(decision: Decision) -> tuple[str, str | None]:
    """What a decision comes to, as (kind, label): `relabel` for every new label, `ok` where that is the given one."""
    if decision.action not in LABEL_ACTIONS:
        return decision.action, None
    return ("ok", None) if decision.label == decision.given else ("relabel", decision.label)


def judgement(decision: Decision) -> str:
    """Whether the given label is `right`, `wrong` or `ambiguous` by this decision."""
    kind, _ = outcome(decision)
    return {"ok": "right", "ambiguous": "ambiguous"}.get(kind, "wrong")


def _verdict(deciding: list[Decision], num_reviewers: int, *, is_adjudicated: bool = False, is_conflict: bool = False) -> Verdict:
    """The verdict of `deciding`, in order of time."""
    last = deciding[-1]
    action, label = (CONFLICT, None) if is_conflict else (last.action, last.label)
    if action in LABEL_ACTIONS and outcome(last)[0] == "ok":
        action, label = "ok", None
    return Verdict(
        sample_id=last.sample_id,
        action=action,
        label=label,
        who=tuple(sorted(decision.who for decision in deciding)),
        when=last.when,
        note=last.note,
        is_adjudicated=is_adjudicated,
        num_reviewers=num_reviewers,
    )


@dataclass(frozen=True)
class PairAgreement:
    """How alike two reviewers judge given labels: right, wrong or ambiguous.

    Attributes:
        reviewers: the two, sorted.
        num_both: samples that both decided.
        observed: share of them on which they say the same, in [0, 1].
        kappa: Cohen's kappa, in [-1, 1]: 1 = always the same, 0 = as by chance; None where both said one and the same thing of every
            sample, for then chance explains everything and nothing.
    """

    reviewers: tuple[str, str]
    num_both: int
    observed: float
    kappa: float | None


def agreement(standing: Mapping[str, Mapping[str, Decision]]) -> list[PairAgreement]:
    """The agreement of every two reviewers who decided a sample in common, those with most in common first.

    Adjudications are left out: whoever adjudicates knows what the others said.

    Args:
        standing: from `standing_decisions`.

    Source: Cohen 1960, A Coefficient of Agreement for Nominal Scales.
    """
    judged: dict[str, dict[str, str]] = {}
    for sample_id, by_who in standing.items():
        for who, decision in by_who.items():
            if not decision.adjudicates:
                judged.setdefault(who, {})[sample_id] = judgement(decision)
    pairs = []
    for first, second in combinations(sorted(judged), 2):
        shared = sorted(judged[first].keys() & judged[second].keys())
        if shared:
            pairs.append(_agreement((first, second), [judged[first][s] for s in shared], [judged[second][s] for s in shared]))
    return sorted(pairs, key=lambda pair: -pair.num_both)


def conflicts(standing: Mapping[str, Mapping[str, Decision]]) -> list[str]:
    """Ids of the samples that wait for adjudication, sorted."""
    return sorted(sample_id for sample_id, by_who in standing.items() if verdict_of(by_who).action == CONFLICT)


def _agreement(reviewers: tuple[str, str], first: list[str], second: list[str]) -> PairAgreement:
    from sklearn.metrics import cohen_kappa_score

    observed = sum(a == b for a, b in zip(first, second, strict=True)) / len(first)
    is_defined = len({*first, *second}) > 1
    kappa = float(cohen_kappa_score(first, second, labels=list(JUDGEMENTS))) if is_defined else None
    return PairAgreement(reviewers, len(first), observed, kappa)


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
