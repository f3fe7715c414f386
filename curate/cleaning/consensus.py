"""Test labels corrected by human votes, as labelerrors.com published them."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from curate.cleaning.candidates import MAJORITY
from curate.errors import DataError, IntegrityError


@dataclass(frozen=True)
class ConsensusCounts:
    """How the candidates were judged: kept + corrected + excluded = checked."""

    num_checked: int
    num_kept: int
    num_corrected: int
    num_excluded: int


def corrected_labels(votes_path: Path, labels: NDArray[np.int64]) -> tuple[NDArray[np.int64], ConsensusCounts]:
    """The labels after the vote: corrected where workers agreed on the other class, -1 where they agreed on nothing.

    A given label is an error when fewer than 3 of 5 workers kept it. Where 3 chose the suggested class, that becomes the label; where
    they found neither right or did not agree, the sample is excluded. Candidates whose suggestion equals the given label carry the
    same votes twice and are never errors by this rule.

    Args:
        votes_path: a JSON list of `id` (position in the official test order), `given_original_label`, `our_guessed_label` and
            `mturk` (`given`, `guessed`, `neither`).
        labels: (N,) of the test set in official order.

    Raises:
        IntegrityError: the file is missing or not of that form.
        DataError: the votes are about other labels.

    Source: Northcutt, Athalye & Mueller 2021, arXiv:2103.14749.
    """
    corrected = np.array(labels, dtype=np.int64)
    num_corrected = num_excluded = 0
    votes = _read(votes_path)
    for index, given, guessed, kept_votes, guessed_votes in votes:
        if not 0 <= index < len(labels) or labels[index] != given:
            found = labels[index] if 0 <= index < len(labels) else "no such sample"
            raise DataError(
                f"{votes_path} is about label {given} of test sample {index}, found {found}; pass the test labels in official order"
            )
        if kept_votes >= MAJORITY:
            continue
        if guessed_votes >= MAJORITY:
            corrected[index] = guessed
            num_corrected += 1
        else:
            corrected[index] = -1
            num_excluded += 1
    return corrected, ConsensusCounts(len(votes), len(votes) - num_corrected - num_excluded, num_corrected, num_excluded)


def _read(path: Path) -> list[tuple[int, int, int, int, int]]:
    try:
        return [
            (
                int(vote["id"]),
                int(vote["given_original_label"]),
                int(vote["our_guessed_label"]),
                int(vote["mturk"]["given"]),
                int(vote["mturk"]["guessed"]),
            )
            for vote in json.loads(path.read_text())
        ]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise IntegrityError(
            f"{path} is not a readable vote file ({type(error).__name__}: {error}); expected a JSON list of candidates with votes"
        ) from error
