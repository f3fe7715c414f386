"""How well flags and scores find the labels that are known to be wrong."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from curate.errors import DataError


@dataclass(frozen=True)
class Detection:
    """Outcome of `evaluate_detection`; figures that have no meaning (no flags, no errors) are NaN.

    Attributes:
        precision: of the flagged, the share that is truly wrong.
        recall: of the truly wrong, the share that is flagged.
        f1: their harmonic mean.
        average_precision: of the ranking by `label_quality`, worst first; needs no threshold.
        last_error_rank: how many samples, worst first, must be looked at to have seen every true error; 0 without errors.
        num_flagged, num_errors, num_samples: counts over the samples with known truth.
    """

    precision: float
    recall: float
    f1: float
    average_precision: float
    last_error_rank: int
    num_flagged: int
    num_errors: int
    num_samples: int


def evaluate_detection(
    is_error: ArrayLike, is_label_issue: ArrayLike, label_quality: ArrayLike, *, is_known: ArrayLike | None = None
) -> Detection:
    """Precision, recall, F1, average precision and the rank of the last true error.

    Args:
        is_error: (N,) bool, the truth.
        is_label_issue: (N,) bool, the flags.
        label_quality: (N,) float, low = bad; where NaN (unlabelled) the sample is left out.
        is_known: (N,) bool; where False the truth is unknown and the sample is left out (labels of -1).

    Raises:
        DataError: lengths differ, or no sample is left.
    """
    truth, flags = np.asarray(is_error, dtype=bool), np.asarray(is_label_issue, dtype=bool)
    quality = np.asarray(label_quality, dtype=np.float64)
    known = np.ones(len(truth), dtype=bool) if is_known is None else np.asarray(is_known, dtype=bool)
    if not len(truth) == len(flags) == len(quality) == len(known):
        raise DataError(
            f"{len(truth)} true values, {len(flags)} flags, {len(quality)} qualities and {len(known)} known; expected as many of each"
        )
    known = known & ~np.isnan(quality)
    if not known.any():
        raise DataError("no sample has both a given label and a known truth; nothing can be evaluated")
    truth, flags, quality = truth[known], flags[known], quality[known]
    hits = int((truth & flags).sum())
    num_flagged, num_errors = int(flags.sum()), int(truth.sum())
    return Detection(
        precision=_ratio(hits, num_flagged),
        recall=_ratio(hits, num_errors),
        f1=_ratio(2 * hits, num_flagged + num_errors),
        average_precision=_average_precision(truth, quality),
        last_error_rank=int((quality <= quality[truth].max()).sum()) if num_errors else 0,
        num_flagged=num_flagged,
        num_errors=num_errors,
        num_samples=len(truth),
    )


@dataclass(frozen=True)
class Cut:
    """The cut of a ranking with the best F1, chosen by the truth: what no threshold without it can exceed."""

    f1: float
    num_flagged: int


def best_cut(is_error: ArrayLike, label_quality: ArrayLike) -> Cut:
    """The best of all cuts; samples that tie are taken in their order.

    Args:
        is_error: (N,) bool, the truth.
        label_quality: (N,) float, low = bad, no NaN.

    Raises:
        DataError: lengths differ, or there is no error.
    """
    truth, quality = np.asarray(is_error, dtype=bool), np.asarray(label_quality)
    if len(truth) != len(quality) or not truth.any():
        raise DataError(f"expected errors among as many true values as qualities, found {truth.sum()} of {len(truth)} and {len(quality)}")
    hits = truth[np.argsort(quality, kind="stable")].cumsum()
    f1 = 2 * hits / (np.arange(1, len(hits) + 1) + hits[-1])
    return Cut(float(f1.max()), int(f1.argmax()) + 1)


def _average_precision(truth: NDArray[np.bool_], quality: NDArray[np.float64]) -> float:
    from sklearn.metrics import average_precision_score

    return float(average_precision_score(truth, -quality)) if truth.any() else float("nan")


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")
