"""Systematic confusions: pairs of classes of which labels are mistaken for each other however clear the picture is."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from curate.issues.checks import probability_blocks
from curate.issues.label_evidence import LabelEvidence

CLEAR_SHARE = 0.2  # of the samples that are predicted to be of a class: those of the largest margin
LOWEST_RATE = 0.03  # of a systematic confusion
OUTSTANDING = 3.0  # how many times the rate of the usual pair it must have
FEWEST = 10  # samples of it among the clear ones
SMALLEST = 1e-7  # probability


@dataclass(frozen=True)
class Confusions:
    """How often clear samples of each class bear the label of each other class.

    Attributes:
        rates: (K, K), row = predicted class, column = given label: share of the clear samples, 0 on the diagonal.
        is_systematic: (K, K) bool; the rate is high, does not fall from the clearest samples to the less clear, and stands out.
        margin: (N,) float32, 0 and more: log probability of the predicted class less that of the best other class that is not
            systematically confused with it.
        num_predicted: (K,) labelled samples by predicted class.
    """

    rates: NDArray[np.float64]
    is_systematic: NDArray[np.bool_]
    margin: NDArray[np.float32]
    num_predicted: NDArray[np.int64]

    @property
    def num_errors(self) -> float:
        """Wrong labels that the systematic confusions make among all samples."""
        return float((np.where(self.is_systematic, self.rates, 0.0) * self.num_predicted[:, None]).sum())


def find_confusions(evidence: LabelEvidence, pred_probs: ArrayLike) -> Confusions:
    """Rates on clear samples, and which of them no difficulty of the pictures explains.

    A net that is trained on such labels is torn between the two classes on all samples of one, so that none of them would be clear by
    its own margin. So the margin leaves out what was found to be systematic, and the search is done again.

    Args:
        evidence: of N samples.
        pred_probs: (N, K); may be a memory map.
    """
    num_classes = np.shape(pred_probs)[1]
    found = np.zeros((num_classes, num_classes), dtype=bool)
    for last in (False, False, True):
        margin = predicted_margin(evidence, pred_probs, found)
        rates, steady, num_clear, num_predicted = _clear_rates(evidence, margin, num_classes)
        usual = np.median(steady[~np.eye(num_classes, dtype=bool)])
        now = (steady > max(LOWEST_RATE, OUTSTANDING * usual)) & (steady * num_clear[:, None] > FEWEST)
        if last or (now == found).all():
            break
        found = now
    return Confusions(rates, found, margin, num_predicted)


def predicted_margin(evidence: LabelEvidence, pred_probs: ArrayLike, left_out: NDArray[np.bool_]) -> NDArray[np.float32]:
    """(N,) the margin of `Confusions`, where `left_out` (K, K) has the classes that count for no rival of a predicted class."""
    margin = np.empty(len(evidence.labels), dtype=np.float32)
    for start, block in probability_blocks(pred_probs, len(margin)):
        rows = np.arange(len(block))
        top = evidence.predicted[start : start + len(block)]
        best = np.log(np.maximum(block[rows, top], SMALLEST))
        if left_out.any():
            block[left_out[top]] = 0
        block[rows, top] = 0
        margin[start : start + len(block)] = best - np.log(np.maximum(block.max(axis=1), SMALLEST))
    return np.maximum(margin, 0)


def _clear_rates(
    evidence: LabelEvidence, margin: NDArray[np.float32], num_classes: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """(K, K) rates on the clearest fifth of each class; the same less what they rise by in the next fifth; clear and all samples, (K,)."""
    rates, steady = (np.zeros((num_classes, num_classes)) for _ in range(2))
    num_clear, num_predicted = (np.zeros(num_classes, dtype=np.int64) for _ in range(2))
    labelled = np.flatnonzero(evidence.labels >= 0)
    order = labelled[np.lexsort((-margin[labelled], evidence.predicted[labelled]))]  # by predicted class, the clearest first
    starts = np.searchsorted(evidence.predicted[order], np.arange(num_classes + 1))
    for k in range(num_classes):
        members = order[starts[k] : starts[k + 1]]
        num_predicted[k] = len(members)
        num_clear[k] = size = int(CLEAR_SHARE * len(members))
        if size:
            first, second = (np.bincount(evidence.labels[part], minlength=num_classes) / size for part in np.split(members[: 2 * size], 2))
            rates[k], steady[k] = first, np.maximum(0, first - np.maximum(0, second - first))
    for matrix in (rates, steady):
        np.fill_diagonal(matrix, 0)
    return rates, steady, num_clear, num_predicted
