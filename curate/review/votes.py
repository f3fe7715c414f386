"""Votes as labelerrors.com published them: candidates, how people voted on each, and the same as decisions of five workers."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from curate.errors import DataError, IntegrityError, UnknownNameError
from curate.review.journal import Decision, content_id, utc_now

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
        given_index, guessed_index: of the labels; None where the file has none.
        votes: how many workers chose each of `VOTES`. Where both labels are the same, `guessed` repeats the votes for `given`.
    """

    id: int | str
    given: str
    guessed: str
    given_index: int | None
    guessed_index: int | None
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

    @property
    def sentence(self) -> str:
        """What the workers said, such as `given 6: 2 of 5 keep it, 0 say 4, 3 neither`."""
        told = [f"{self.votes['given']} of {NUM_WORKERS} keep it"]
        if self.guessed != self.given:
            told.append(f"{self.votes['guessed']} say {self.guessed}")
        told += [f"{self.votes[vote]} {vote}" for vote in ("both", "neither") if self.votes[vote]]
        return f"given {self.given}: {', '.join(told)}"


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
    return Candidate(
        position, given, guessed, _index(entry, "given_original_label"), _index(entry, "our_guessed_label"), _counts(entry.get("mturk"))
    )


def _index(entry: dict[str, Any], key: str) -> int | None:
    value = entry.get(key)
    return value if type(value) is int else None


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


@dataclass(frozen=True)
class ConsensusCounts:
    """How the candidates were judged: kept + corrected + excluded = checked."""

    num_checked: int
    num_kept: int
    num_corrected: int
    num_excluded: int


def corrected_labels(votes_path: Path, labels: NDArray[np.int64], num_classes: int) -> tuple[NDArray[np.int64], ConsensusCounts]:
    """The labels after the vote: corrected where workers agreed on the other class, -1 where they agreed on nothing.

    A given label is an error when fewer than 3 of 5 workers kept it. Where 3 chose the suggested class, that becomes the label; where
    they found neither right or did not agree, the sample is excluded. Candidates whose suggestion equals the given label carry the
    same votes twice and are never errors by this rule.

    Args:
        votes_path: a JSON list of `id` (position in the official test order), `given_original_label`, `our_guessed_label` and
            `mturk` (`given`, `guessed`, `neither`).
        labels: (N,) of the test set in official order.
        num_classes: K, so that labels are in 0..K-1.

    Raises:
        IntegrityError: the file is missing or not of that form.
        DataError: the votes are about other labels, or name a class outside 0..K-1.

    Source: Northcutt, Athalye & Mueller 2021, arXiv:2103.14749.
    """
    corrected = np.array(labels, dtype=np.int64)
    num_corrected = num_excluded = 0
    candidates = _about_indices(votes_path)
    for candidate in candidates:
        index, given = candidate.id, candidate.given_index
        if not isinstance(index, int) or not 0 <= index < len(labels) or labels[index] != given:
            found = labels[index] if isinstance(index, int) and 0 <= index < len(labels) else "no such sample"
            raise DataError(
                f"{votes_path} is about label {given} of test sample {index}, found {found}; pass the test labels in official order"
            )
        if candidate.guessed_index is not None and not 0 <= candidate.guessed_index < num_classes:
            raise DataError(
                f"{votes_path} guesses class {candidate.guessed_index} for test sample {index}, but classes are 0 to {num_classes - 1}; "
                "are the votes about another dataset?"
            )
        if not candidate.is_error:
            continue
        if candidate.category == "correctable" and candidate.guessed_index is not None:
            corrected[index] = candidate.guessed_index
            num_corrected += 1
        else:
            corrected[index] = -1
            num_excluded += 1
    return corrected, ConsensusCounts(len(candidates), len(candidates) - num_corrected - num_excluded, num_corrected, num_excluded)


def _about_indices(path: Path) -> list[Candidate]:
    """The candidates of a vote file, all of which name both labels by index."""
    try:
        candidates = parse_candidates(path, path.read_text())
    except (OSError, DataError) as error:
        raise IntegrityError(f"{path} is not a readable vote file ({error}); expected a JSON list of candidates with votes") from error
    for candidate in candidates:
        if candidate.given_index is None or candidate.guessed_index is None:
            raise IntegrityError(f"{path} has no labels by index for sample {candidate.id}; expected a JSON list of candidates with votes")
    return candidates


@dataclass(frozen=True)
class Known:
    """The samples and classes of one run.

    Attributes:
        given: class name by sample id, None where unlabelled.
        test_ids: sample id by position in the official order of the test split.
        class_names: K names.
    """

    given: Mapping[str, str | None]
    test_ids: Mapping[int, str]
    class_names: tuple[str, ...]

    @classmethod
    def of(cls, table: pd.DataFrame, class_names: tuple[str, ...]) -> "Known":
        """Those of an issue table: `sample_id`, `given_label`, `split` and `index` are read."""
        test = table[table["split"] == "test"]
        return cls(
            given=given_labels(table),
            test_ids=dict(zip(test["index"].tolist(), test["sample_id"], strict=True)),
            class_names=class_names,
        )

    def class_name(self, text: str) -> str:
        """The class called `text`, or else the one with that index."""
        if text in self.class_names:
            return text
        index = int(text) if text.isdecimal() and len(text) < 10 else len(self.class_names)
        if index < len(self.class_names):
            return self.class_names[index]
        raise UnknownNameError.of("class", text, self.class_names)

    def given_label(self, sample_id: str) -> str | None:
        if sample_id not in self.given:
            raise DataError(f"there is no sample '{sample_id}' in this run; expected an id like '{next(iter(self.given), '')}'")
        return self.given[sample_id]


def given_labels(table: pd.DataFrame) -> dict[str, str | None]:
    """Class name by sample id of an issue table, None where unlabelled."""
    labels = table["given_label"].astype(object)
    return dict(zip(table["sample_id"], labels.where(labels.notna(), None), strict=True))


ACTION_OF_VOTE = {"given": "ok", "guessed": "relabel", "neither": "confirm_error", "both": "ambiguous"}


def decisions_from_votes(path: Path, text: str, known: Known, *, run: str = "", batch: str = "") -> list[Decision]:
    """The votes in a JSON list of candidates as decisions of `worker 1` to `worker 5`, in its order.

    The form is that of `curate.review.votes`. Where both labels are the same, `guessed` repeats the votes for `given` and is left
    out.

    The file does not tell who voted what. Each candidate's votes go to the workers in an order that its sample id shuffles: so the
    agreement of two workers is that of any two, and the same file always gives the same decisions.

    Args:
        path: where the text is from, for messages.
        text: content of the file.
        known: the samples and classes of the run.
        run, batch: of the decisions.

    Raises:
        DataError: the text is of another form, or about an unknown sample or class; names the candidate, the first being 1.

    Source: Northcutt, Athalye & Mueller 2021, arXiv:2103.14749.
    """
    decisions, now = [], utc_now()
    for number, candidate in enumerate(parse_candidates(path, text), 1):
        try:
            decisions += _from_candidate(candidate, known, run, batch, now)
        except DataError as error:
            raise DataError(f"{path} candidate {number}: {error}") from error
    return decisions


def _from_candidate(candidate: Candidate, known: Known, run: str, batch: str, now: str) -> list[Decision]:
    if not isinstance(candidate.id, int) or candidate.id not in known.test_ids:
        raise DataError(
            f"there is no test sample {candidate.id!r} in this run; expected a position in the official order of the test split"
        )
    sample_id = known.test_ids[candidate.id]  # type: ignore[index]
    given, guessed = known.class_name(candidate.given), known.class_name(candidate.guessed)
    counts = {**candidate.votes, **({"guessed": 0} if given == guessed else {})}
    actions = [ACTION_OF_VOTE[vote] for vote, count in counts.items() for _ in range(count)]
    if not 1 <= len(actions) <= NUM_WORKERS:
        raise DataError(f"mturk must hold 1 to {NUM_WORKERS} votes, found {len(actions)}")
    workers = sorted(range(1, NUM_WORKERS + 1), key=lambda worker: content_id(sample_id, str(worker)))
    return [
        Decision(
            sample_id,
            action,
            guessed if action == "relabel" else None,
            who=f"worker {worker}",
            when=now,
            run=run,
            given=given,
            suggested=guessed,
            batch=batch,
            id=content_id("votes", sample_id, action, given, guessed, str(worker)),
        )
        for worker, action in sorted(zip(workers, actions, strict=False))
    ]
