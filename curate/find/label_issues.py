"""Label issues: which given labels are probably wrong, and which class is probably right."""

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from curate.errors import UnknownNameError
from curate.find.label_evidence import label_evidence
from curate.find.label_noise import LabelNoise, estimate_label_noise
from curate.find.ranking import channel_quality
from curate.judge.probabilities import checked_pred_probs
from curate.options import METHODS

DEFAULT_METHOD, *CLEANLAB_METHODS = METHODS
DOUBTFUL_QUALITY = 0.5


@dataclass(frozen=True)
class LabelIssues:
    """What the out-of-fold probabilities say about each given label.

    Attributes:
        is_label_issue: (N,) bool; False where unlabelled.
        label_quality: (N,) float32 in [0, 1], low = bad; NaN where unlabelled.
        rank: (N,) int64, a permutation of 1..N: 1 = lowest quality, ties in dataset order, unlabelled last.
        predicted: (N,) int64, the most probable class.
        confidence: (N,) float32, its probability.
        suggested: (N,) int64, the most probable class other than the given one where the sample is flagged or
            predicted differs from given; -1 elsewhere and where unlabelled.
        suggested_confidence: (N,) float32, its probability; NaN where `suggested` is -1.
        noise: how many labels are wrong, and of what kind.
    """

    is_label_issue: NDArray[np.bool_]
    label_quality: NDArray[np.float32]
    rank: NDArray[np.int64]
    predicted: NDArray[np.int64]
    confidence: NDArray[np.float32]
    suggested: NDArray[np.int64]
    suggested_confidence: NDArray[np.float32]
    noise: LabelNoise


def find_label_issues(labels: ArrayLike, pred_probs: ArrayLike, *, method: str = DEFAULT_METHOD) -> LabelIssues:
    """Flags, quality, rank and suggestion for every given label.

    `low_label_quality`, the default, flags as many labels as `estimate_label_noise` says are wrong, those of lowest quality, as far as it
    is under `DOUBTFUL_QUALITY`; but no fewer than there are labels that the model contradicts where it hardly errs. The quality is that of
    `channel_quality` with the confusions that were found. It reads `pred_probs` a block of rows at a time. The other methods are
    cleanlab's filters as they are, which take the whole array into memory. What each finds is in docs/detection.md.

    Args:
        labels: (N,) integers in -1..K-1; -1 = unlabelled: left out of the statistics, never flagged.
        pred_probs: (N, K) out-of-fold, rows sum to 1; may be a memory map.
        method: which labels are flagged, one of `METHODS`.

    Raises:
        DataError: shapes differ, a row of `pred_probs` is no distribution, or a label is out of range.
        UnknownNameError: no such method.

    Source: Northcutt, Jiang & Chuang 2021, arXiv:1911.00068 (the filters).
    """
    if method not in METHODS:
        raise UnknownNameError.of("method", method, METHODS)
    evidence = label_evidence(labels, pred_probs)
    noise = estimate_label_noise(evidence, pred_probs)
    given, quality = evidence.labels, channel_quality(evidence.labels, pred_probs, noise.rivals)
    labelled, rank = given >= 0, rank_of(quality)
    if method == DEFAULT_METHOD:
        flagged = labelled & (quality < DOUBTFUL_QUALITY) & (rank <= max(round(noise.num_errors), noise.num_clear))
    else:
        flagged = np.zeros(len(given), dtype=bool)
        if labelled.any():
            flagged[labelled] = _cleanlab_filter(given[labelled], checked_pred_probs(pred_probs)[labelled], method)
    has_suggestion = labelled & (flagged | (evidence.predicted != given))
    return LabelIssues(
        is_label_issue=flagged,
        label_quality=quality,
        rank=rank,
        predicted=evidence.predicted,
        confidence=evidence.confidence,
        suggested=np.where(has_suggestion, evidence.best_other, -1),
        suggested_confidence=np.where(has_suggestion, evidence.other, np.nan).astype(np.float32),
        noise=noise,
    )


def rank_of(label_quality: NDArray[np.floating]) -> NDArray[np.int64]:
    """(N,) ranks, a permutation of 1..N: 1 = lowest quality, ties in dataset order, NaN last."""
    order = np.argsort(label_quality, kind="stable")
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(1, len(order) + 1)
    return rank


def _cleanlab_filter(labels: NDArray[np.int64], probs: NDArray[np.floating], method: str) -> NDArray[np.bool_]:
    from cleanlab.filter import find_label_issues as cleanlab_find

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # classes with few or no labels: nothing of theirs is flagged
        return cleanlab_find(labels, probs, filter_by=method, n_jobs=1)  # one job: faster than starting processes up to 1,000 classes
