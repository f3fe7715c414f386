"""cleanlab's confident joint, counted block by block, and how many labels it says are wrong."""

import numpy as np
from numpy.typing import NDArray

from curate.judge.probabilities import probability_blocks

SLACK = 1e-6  # cleanlab's: a probability that so nearly reaches the threshold of its class is confident
NEVER = 2.0  # threshold of a class without labels
LOWEST = 2e-6  # cleanlab's lower bound of a threshold


def confident_joint(labels: NDArray[np.int64], pred_probs: NDArray[np.floating]) -> NDArray[np.int64]:
    """(K, K) counts of samples by given label (row) and the class that the model is confident of (column).

    Confident means: at least as probable as that class is on average among the samples labelled so. Equal to
    `cleanlab.count.compute_confident_joint(calibrate=False)` on the labelled samples.

    Args:
        labels: (N,) in -1..K-1; unlabelled samples are left out.
        pred_probs: (N, K) out-of-fold, rows sum to 1; may be a memory map.

    Raises:
        DataError: a row of `pred_probs` is no distribution.

    Source: Northcutt, Jiang & Chuang 2021, arXiv:1911.00068.
    """
    num_classes = pred_probs.shape[1]
    counts = np.bincount(labels[labels >= 0], minlength=num_classes)
    totals = np.zeros(num_classes)
    for start, block in probability_blocks(pred_probs, len(labels)):
        rows = np.flatnonzero(labels[start : start + len(block)] >= 0)
        given = labels[start + rows]
        totals += np.bincount(given, weights=block[rows, given], minlength=num_classes)
    means = np.divide(totals, counts, out=np.full(num_classes, NEVER), where=counts > 0)
    thresholds = (np.maximum(means, LOWEST) - SLACK).astype(pred_probs.dtype)
    joint = np.zeros(num_classes**2, dtype=np.int64)
    for start, block in probability_blocks(pred_probs, len(labels)):
        confident = block >= thresholds  # (B, K)
        num_confident = np.count_nonzero(confident, axis=1)
        guess = np.where(num_confident > 1, block.argmax(axis=1), confident.argmax(axis=1))
        rows = np.flatnonzero((labels[start : start + len(block)] >= 0) & (num_confident > 0))
        joint += np.bincount(labels[start + rows] * num_classes + guess[rows], minlength=num_classes**2)
    square = joint.reshape(num_classes, num_classes)
    np.fill_diagonal(square, square.diagonal().clip(min=1))
    return square


def confident_joint_errors(labels: NDArray[np.int64], pred_probs: NDArray[np.floating], *, joint: NDArray[np.int64] | None = None) -> int:
    """The number of wrong labels by confident learning: the off-diagonal of the calibrated confident joint.

    Args:
        labels: (N,) in -1..K-1; unlabelled samples are left out.
        pred_probs: (N, K) out-of-fold, rows sum to 1; may be a memory map.
        joint: (K, K) from `confident_joint`; counted here if not given.

    Source: Northcutt, Jiang & Chuang 2021, arXiv:1911.00068; `cleanlab.count.num_label_issues` by `off_diagonal_calibrated`.
    """
    from cleanlab.count import calibrate_confident_joint, estimate_joint

    labelled = labels[labels >= 0]
    if not len(labelled):
        return 0
    counted = confident_joint(labels, pred_probs) if joint is None else joint
    shares = estimate_joint(labelled, None, confident_joint=calibrate_confident_joint(counted, labelled))
    return int(np.rint((1 - shares.trace()) * len(labelled)))
