"""What stands after all decisions: each reviewer's last word on a sample, and the verdict that follows from them.

Reviewers do not overwrite each other. Where they differ, a strict majority decides; without one the sample is a conflict until
somebody adjudicates it.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from curate.cleaning.decisions import LABEL_ACTIONS, Decision
from curate.errors import DataError

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
