"""Label issues: which given labels are probably wrong, and which class is probably right."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from curate.errors import UnknownNameError, UsageError
from curate.find.error_probability import Errors, as_opinions, estimate_errors, mean_blocks
from curate.find.label_evidence import label_evidence
from curate.find.self_estimate import SelfEstimate, estimate_detection, estimate_sentences
from curate.intervals import Estimate
from curate.options import METHODS

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

DEFAULT_METHOD, *CLEANLAB_METHODS = METHODS
THRESHOLD = 0.5


@dataclass(frozen=True)
class LabelIssues:
    """What the out-of-fold probabilities say about each given label.

    Attributes:
        is_label_issue: (N,) bool; False where unlabelled.
        error_probability: (N,) float32 in [0, 1], that the given label is wrong; NaN where unlabelled.
        label_quality: (N,) float32 in [0, 1], low = bad, the probability that it is right: 1 - `error_probability`, but finer near 0; NaN
            where unlabelled.
        rank: (N,) int64, a permutation of 1..N: 1 = lowest quality, ties in dataset order, unlabelled last.
        predicted: (N,) int64, the most probable class.
        confidence: (N,) float32, its probability.
        suggested: (N,) int64, the most probable class other than the given one where the sample is flagged or
            predicted differs from given; -1 elsewhere and where unlabelled.
        suggested_confidence: (N,) float32, its probability; NaN where `suggested` is -1.
        estimate: how many labels are wrong, flagged or not, and whether that can be told.
        errors: what the estimate was made of.
    """

    is_label_issue: NDArray[np.bool_]
    error_probability: NDArray[np.float32]
    label_quality: NDArray[np.float32]
    rank: NDArray[np.int64]
    predicted: NDArray[np.int64]
    confidence: NDArray[np.float32]
    suggested: NDArray[np.int64]
    suggested_confidence: NDArray[np.float32]
    estimate: SelfEstimate
    errors: Errors

    def __str__(self) -> str:
        """What was found, in sentences."""
        return " ".join(estimate_sentences(self.estimate.to_json()))

    @property
    def num_errors(self) -> Estimate:
        """How many labels are wrong: `.value` between `.low` and `.high` with 95 %; NaN in the widest interval where it cannot be told."""
        return self.estimate.num_errors

    @property
    def num_left(self) -> Estimate:
        """How many of the labels that are not flagged are wrong, likewise."""
        return self.estimate.num_left


def find_label_issues(
    labels: "ArrayLike",
    pred_probs: "ArrayLike | Sequence[ArrayLike]",
    *,
    method: str = DEFAULT_METHOD,
    threshold: float = THRESHOLD,
    seed: int = 0,
) -> LabelIssues:
    """Probability of an error, flags, rank and suggestion for every given label.

    `error_probability`, the default, flags the labels that are more probably wrong than `threshold`; none where the judge is too weak to
    tell, which `estimate.reason` says. It reads `pred_probs` a block of rows at a time. The other methods are cleanlab's filters as they
    are, which take the whole array into memory. What each finds is in docs/detection.md.

    Args:
        labels: (N,) integers in -1..K-1; -1 = unlabelled: left out of the statistics, never flagged.
        pred_probs: (N, K) out-of-fold, rows sum to 1, or several such arrays of independent judges: their mean judges, and their
            disagreement tells how often they err. They may be memory maps.
        method: which labels are flagged, one of `METHODS`.
        threshold: in [0, 1], of the method `error_probability`.
        seed: of the samples that the estimate is fitted to.

    Raises:
        DataError: shapes differ, a row of `pred_probs` is no distribution, or a label is out of range.
        UnknownNameError: no such method.
        UsageError: the threshold is no probability.

    Source: Northcutt, Jiang & Chuang 2021, arXiv:1911.00068 (the filters).
    """
    if method not in METHODS:
        raise UnknownNameError.of("method", method, METHODS)
    if not 0 <= threshold <= 1:
        raise UsageError(f"the threshold must be a probability in 0..1, found {threshold}")
    opinions = as_opinions(pred_probs)
    num_samples = len(np.asarray(labels))
    errors = estimate_errors(labels, opinions, seed=seed)
    evidence = label_evidence(labels, mean_blocks(opinions, num_samples))
    given, labelled = evidence.labels, evidence.labels >= 0
    if method == DEFAULT_METHOD:
        flagged = _above(errors, threshold)
    else:
        flagged = cleanlab_flags(given, np.concatenate([block for _, block in mean_blocks(opinions, num_samples)]), method)
    has_suggestion = labelled & (flagged | (evidence.predicted != given))
    return LabelIssues(
        is_label_issue=flagged,
        error_probability=errors.probability,
        label_quality=errors.quality,
        rank=rank_of(errors.quality),
        predicted=evidence.predicted,
        confidence=evidence.confidence,
        suggested=np.where(has_suggestion, evidence.best_other, -1),
        suggested_confidence=np.where(has_suggestion, evidence.other, np.nan).astype(np.float32),
        estimate=estimate_detection(errors, flagged),
        errors=errors,
    )


def unjudged(labels: NDArray[np.int64], class_names: Sequence[str]) -> LabelIssues:
    """What there is to say of labels of fewer than two classes: nothing; `estimate.reason` tells why.

    Args:
        labels: (N,) in -1..K-1.
        class_names: K names.
    """
    n, present = len(labels), np.unique(labels[labels >= 0])
    reason = f"all are '{class_names[present[0]]}', and one class alone tells nothing" if len(present) else "no picture has a class"
    unknown, nobody = np.full(n, np.nan, np.float32), np.full(n, -1, dtype=np.int64)
    nothing = np.empty((1, 0), np.float32)
    errors = Errors(unknown, np.empty(0, np.int64), nothing, np.ones(1), float("nan"), num_labelled=0, num_opinions=0, reason=reason)
    flagged = np.zeros(n, dtype=bool)
    return LabelIssues(
        is_label_issue=flagged,
        error_probability=unknown,
        label_quality=unknown,
        rank=rank_of(unknown),
        predicted=nobody,
        confidence=unknown,
        suggested=nobody,
        suggested_confidence=unknown,
        estimate=estimate_detection(errors, flagged),
        errors=errors,
    )


def rank_of(label_quality: NDArray[np.floating]) -> NDArray[np.int64]:
    """(N,) ranks, a permutation of 1..N: 1 = lowest quality, ties in dataset order, NaN last."""
    order = np.argsort(label_quality, kind="stable")
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(1, len(order) + 1)
    return rank


def flags_of(issues: LabelIssues, threshold: float = THRESHOLD) -> NDArray[np.bool_]:
    """(N,) what the method `error_probability` flags above a threshold, whatever method `issues` is of."""
    return _above(issues.errors, threshold)


def _above(errors: Errors, threshold: float) -> NDArray[np.bool_]:
    return (errors.probability > threshold) & (errors.reason is None)


def cleanlab_flags(labels: NDArray[np.int64], pred_probs: NDArray[np.floating], method: str) -> NDArray[np.bool_]:
    """(N,) what a filter of cleanlab flags; False where unlabelled.

    Args:
        labels: (N,) in -1..K-1.
        pred_probs: (N, K), in memory.
        method: of `CLEANLAB_METHODS`.
    """
    from cleanlab.filter import find_label_issues as cleanlab_find

    flagged = labels >= 0
    if len(np.unique(labels[flagged])) < 2:  # with a single class cleanlab has nothing to compare
        return np.zeros(len(labels), dtype=bool)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # classes with few or no labels: nothing of theirs is flagged
        # one job: faster than starting processes up to 1,000 classes
        flagged[flagged] = cleanlab_find(labels[flagged], pred_probs[flagged], filter_by=method, n_jobs=1)
    return flagged
