"""Candidates of labelerrors.com: suspected labels, and how people voted on each."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from curate.errors import DataError

NUM_WORKERS = 5  # of a candidate
MAJORITY = 3
VOTES = ("given", "guessed", "neither", "both")
CATEGORIES = ("correctable", "both", "neither", "no_agreement")


@dataclass(frozen=True)
class Candidate:
    """One suspected label.

    Attributes:
        id: position in the official order of the test split; text where the file names samples otherwise.
        given, guessed: the two labels as text, by name where the file has names, else by index.
        given_index: of the given label; None where the file has none.
        votes: how many workers chose each of `VOTES`. Where both labels are the same, `guessed` repeats the votes for `given`.
    """

    id: int | str
    given: str
    guessed: str
    given_index: int | None
    votes: Mapping[str, int]

    @property
    def is_error(self) -> bool:
        """Whether fewer than 3 of 5 workers kept the given label."""
        return self.votes["given"] < MAJORITY

    @property
    def category(self) -> str | None:
        """Of an error, one of `CATEGORIES`: what at least 3 workers chose instead; None where the given label stands."""
        if not self.is_error:
            return None
        if self.votes["guessed"] >= MAJORITY:
            return "correctable"
        return next((vote for vote in ("both", "neither") if self.votes[vote] >= MAJORITY), "no_agreement")


def parse_candidates(path: Path, text: str) -> list[Candidate]:
    """The candidates in a JSON list, in its order.

    Each has `id`, `given_original_label` and `our_guessed_label` as indices or `…_name`, and the counts `mturk`; one that lacks is 0.

    Args:
        path: where the text is from, for messages.
        text: content of the file.

    Raises:
        DataError: the text is of another form, or names a sample twice; names the candidate, the first being 1.

    Source: Northcutt, Athalye & Mueller 2021, arXiv:2103.14749; the files are Apache-2.0, cleanlab/label-errors.
    """
    try:
        entries = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is not readable as JSON ({error})") from error
    if not isinstance(entries, list):
        raise DataError(f"{path} must be a JSON list of candidates, found {type(entries).__name__}")
    candidates: dict[int | str, Candidate] = {}
    for number, entry in enumerate(entries, 1):
        try:
            candidate = _candidate(entry)
        except DataError as error:
            raise DataError(f"{path} candidate {number}: {error}") from error
        if candidate.id in candidates:
            raise DataError(f"{path} candidate {number}: sample {candidate.id} is there more than once; keep one entry per sample")
        candidates[candidate.id] = candidate
    return list(candidates.values())


def _candidate(entry: Any) -> Candidate:
    if not isinstance(entry, dict):
        raise DataError(f"expected an object, found {entry!r}")
    position = entry.get("id")
    if type(position) is not int and not isinstance(position, str):
        raise DataError(f"there is no test sample {position!r}; expected a position in the official order of the test split under id")
    given, guessed = (_label(entry, key) for key in ("given_original_label", "our_guessed_label"))
    index = entry.get("given_original_label")
    return Candidate(position, given, guessed, index if type(index) is int else None, _counts(entry.get("mturk")))


def _counts(votes: Any) -> dict[str, int]:
    counts: dict[str, Any] = {vote: votes.get(vote, 0) if isinstance(votes, dict) else None for vote in VOTES}
    if not all(type(count) is int and 0 <= count <= NUM_WORKERS for count in counts.values()):
        raise DataError(f"mturk must hold counts of up to {NUM_WORKERS} votes ({', '.join(VOTES)}), found {votes!r}")
    return counts


def _label(entry: dict[str, Any], key: str) -> str:
    """The class name under `key` + `_name`, or else the index under `key`, as text."""
    value = entry.get(f"{key}_name", entry.get(key))
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise DataError(f"expected a class under {key}_name, found {value!r}")
    return str(value)
