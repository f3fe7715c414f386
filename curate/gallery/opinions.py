"""What reviewers say about a sample, in the few words and numbers that the site shows."""

from collections import Counter
from collections.abc import Mapping, Sequence

from curate.cleaning.decisions import Decision
from curate.cleaning.standing import Verdict
from curate.errors import UnknownNameError

STATES = ("open", "error", "right", "ambiguous", "conflict")
ERROR_ACTIONS = ("confirm_error", "drop", "relabel", "accept_suggestion")
WRONG, AMBIGUOUS, MISPLACED = -1, -2, -3  # opinions that name no class


def state_of(verdict: Verdict | None, given: str) -> str:
    """One of `STATES`: `open` where nobody decided, `error` where the given label is wrong, whether or not the right one is known."""
    if verdict is None:
        return "open"
    if verdict.action == "ok" or verdict.label == given:
        return "right"
    return "error" if verdict.action in ERROR_ACTIONS else verdict.action


def opinion(decision: Decision, given: int, class_names: Sequence[str]) -> int:
    """The class that a reviewer holds for right, or `WRONG`, `AMBIGUOUS` or `MISPLACED` (the image does not belong in the dataset).

    Args:
        decision: a standing one.
        given: the given label, in 0..K-1.
        class_names: K names.

    Raises:
        UnknownNameError: the decision names a class that there is not.
    """
    if decision.label is not None:
        return class_number(decision.label, class_names)
    return {"ok": given, "ambiguous": AMBIGUOUS, "drop": MISPLACED}.get(decision.action, WRONG)


def count_opinions(by_who: Mapping[str, Decision], given: int, class_names: Sequence[str]) -> list[tuple[int, int]]:
    """(opinion, number of reviewers who hold it), the most frequent first."""
    return Counter(opinion(decision, given, class_names) for decision in by_who.values()).most_common()


def class_number(name: str, class_names: Sequence[str]) -> int:
    """The place of `name` among `class_names`.

    Raises:
        UnknownNameError: it is not among them.
    """
    try:
        return class_names.index(name)
    except ValueError as error:
        raise UnknownNameError.of("class", name, class_names) from error
