"""What labelerrors.com published of a dataset: labels, out-of-fold probabilities and votes, in the folders of its repository."""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from curate.errors import DataError
from curate.judge.probabilities import checked_labels, checked_pred_probs
from curate.review.votes import Candidate, parse_candidates

PROBS, LABELS, VOTES = "cross_validated_predicted_probabilities", "original_test_labels", "mturk"
LAYOUT = (
    f"expected {PROBS}/NAME_test_set_pyx.npy, {LABELS}/NAME_test_set_original_labels.npy and {VOTES}/NAME_mturk.json, "
    "or these three files side by side"
)


@dataclass(frozen=True)
class Published:
    """One dataset.

    Attributes:
        name: such as `mnist`.
        labels: (N,) int64 in 0..K-1, in the official order of the test set.
        pred_probs: (N, K) as published.
        candidates: those that people checked; the id of each is a position in 0..N-1.
    """

    name: str
    labels: NDArray[np.int64]
    pred_probs: NDArray[np.floating]
    candidates: tuple[Candidate, ...]


def read_published(folder: Path) -> tuple[list[Published], dict[str, str]]:
    """All datasets of the folder by name, and why others of which there are probabilities are left out.

    Left out is what has no labels or votes beside it, what has several labels per sample (AudioSet) or names samples by text (IMDB), and
    what is broken; where nothing else is there, that is an error.

    Raises:
        DataError: there is no such folder, or no dataset in it that can be read.
    """
    if not folder.is_dir():
        raise DataError(f"there is no folder at {folder}; {LAYOUT}")
    files = {path.name: path for path in (*folder.glob("*_pyx.npy"), *folder.glob(f"{PROBS}/*_pyx.npy"))}
    found, left_out = [], {}
    for file in sorted(files):
        name = re.sub(r"(_(test|val|eval)_set)?_pyx\.npy$", "", file)
        try:
            found.append(_read(name, files[file], folder))
        except DataError as error:
            left_out[name] = str(error)
    if not found:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in left_out.items())
        raise DataError(f"{folder} has no dataset of labelerrors.com that can be read ({reasons or 'no file ends in _pyx.npy'}); {LAYOUT}")
    return found, left_out


def _read(name: str, probs_path: Path, folder: Path) -> Published:
    labels_path = _beside(folder, LABELS, probs_path.name.replace("_pyx.npy", "_original_labels.npy"))
    votes_path = _beside(folder, VOTES, f"{name}_mturk.json")
    candidates = parse_candidates(votes_path, votes_path.read_text(encoding="utf-8", errors="replace"))
    return _checked(name, probs_path, labels_path, votes_path, candidates)


def _checked(name: str, probs_path: Path, labels_path: Path, votes_path: Path, candidates: list[Candidate]) -> Published:
    labels = _load(labels_path)
    pred_probs = _load(probs_path)
    if pred_probs.dtype == np.float16:
        pred_probs = pred_probs.astype(np.float32)
    try:
        pred_probs = checked_pred_probs(pred_probs, len(labels))
        labels = checked_labels(labels, pred_probs.shape[1])
        if (labels < 0).any():
            raise DataError(f"sample {int((labels < 0).argmax())} has no label; every sample of a published test set has one")
    except DataError as error:
        raise DataError(f"{probs_path.name} and {labels_path.name}: {error}") from error
    for number, candidate in enumerate(candidates, 1):
        if not isinstance(candidate.id, int) or not 0 <= candidate.id < len(labels):
            raise DataError(
                f"{votes_path} candidate {number}: there is no test sample {candidate.id!r}; expected a position in 0..{len(labels) - 1}"
            )
        if candidate.given_index is not None and labels[candidate.id] != candidate.given_index:
            raise DataError(
                f"{votes_path} candidate {number} is about label {candidate.given_index} of test sample {candidate.id}, but "
                f"{labels_path.name} has {labels[candidate.id]} there; take both from the same release"
            )
    return Published(name, labels, pred_probs, tuple(candidates))


def _beside(folder: Path, part: str, name: str) -> Path:
    found = next((path for path in (folder / part / name, folder / name) if path.is_file()), None)
    if found is None:
        raise DataError(f"there is no {name}")
    return found


def _load(path: Path) -> NDArray:
    try:
        return np.load(path, allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise DataError(f"{path} is not a readable .npy array ({error})") from error
