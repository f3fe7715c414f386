"""What the probabilities say about each given label, in a handful of numbers per sample."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from curate.judge.probabilities import checked_labels


@dataclass(frozen=True)
class LabelEvidence:
    """The few of the K probabilities of each sample that qualities, flags and suggestions are made of.

    Attributes:
        labels: (N,) int64 in -1..K-1, as given.
        own: (N,) float32, probability of the given label; NaN where unlabelled.
        predicted: (N,) int64, the most probable class.
        confidence: (N,) float32, its probability.
        best_other: (N,) int64, the most probable class other than the given one; `predicted` where unlabelled.
        other: (N,) float32, its probability.
    """

    labels: NDArray[np.int64]
    own: NDArray[np.float32]
    predicted: NDArray[np.int64]
    confidence: NDArray[np.float32]
    best_other: NDArray[np.int64]
    other: NDArray[np.float32]

    @property
    def quality(self) -> NDArray[np.float32]:
        """(N,) in [0, 1]: own / (own + other); under 0.5 the model prefers another class; NaN where unlabelled."""
        own, total = self.own.astype(np.float64), self.own.astype(np.float64) + self.other
        return np.divide(own, total, out=np.where(self.labels >= 0, 0.0, np.nan), where=total > 0).astype(np.float32)


def label_evidence(labels: ArrayLike, blocks: Iterable[tuple[int, NDArray[np.floating]]]) -> LabelEvidence:
    """One pass over the probabilities, a block of rows in memory at a time.

    Args:
        labels: (N,) integers in -1..K-1; -1 = unlabelled.
        blocks: from `probability_blocks` of (N, K); each is written to.

    Raises:
        DataError: a label is out of range.
    """
    num_samples = len(np.asarray(labels))
    own, confidence, other = (np.full(num_samples, np.nan, dtype=np.float32) for _ in range(3))
    predicted, best_other = (np.empty(num_samples, dtype=np.int64) for _ in range(2))
    given = None
    for start, block in blocks:
        if given is None:
            given = checked_labels(labels, block.shape[1])
        part, rows = slice(start, start + len(block)), np.arange(len(block))
        predicted[part] = block.argmax(axis=1)
        confidence[part] = block[rows, predicted[part]]
        labelled = np.flatnonzero(given[part] >= 0)
        own[start + labelled] = block[labelled, given[start + labelled]]
        block[labelled, given[start + labelled]] = -1
        best_other[part] = block.argmax(axis=1)
        other[part] = block[rows, best_other[part]]
    if given is None:  # no samples
        given = np.empty(0, dtype=np.int64)
    return LabelEvidence(given, own, predicted, confidence, best_other, other)
