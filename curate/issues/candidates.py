"""Which labels labelerrors.com had people check: the lowest normalized margins, as many as confident learning counts errors."""

import warnings

import numpy as np
from numpy.typing import NDArray


def normalized_margin(labels: NDArray[np.int64], pred_probs: NDArray[np.floating]) -> NDArray[np.float64]:
    """Probability of the given label less that of the best other class.

    Args:
        labels: (N,) in 0..K-1.
        pred_probs: (N, K), rows sum to 1.

    Returns:
        (N,) in [-1, 1]; low means that the label is suspect.

    Source: Northcutt, Jiang & Chuang 2021, arXiv:1911.00068 (there shifted by a constant).
    """
    rows = np.arange(len(labels))
    others = pred_probs.astype(np.float64)  # a copy
    own = others[rows, labels]
    others[rows, labels] = -np.inf
    return own - others.max(axis=1)


def lowest_margins(labels: NDArray[np.int64], pred_probs: NDArray[np.floating], num: int) -> NDArray[np.int64]:
    """(num,) positions of the lowest normalized margins, the lowest first, ties in dataset order."""
    return np.argsort(normalized_margin(labels, pred_probs), kind="stable")[:num]


def num_candidates(labels: NDArray[np.int64], pred_probs: NDArray[np.floating]) -> int:
    """How many labels are wrong by the confident joint as it is counted, not calibrated: N (1 - trace / sum), rounded down.

    275 for the CIFAR-10 test set as published, all of which were checked.

    Args:
        labels: (N,) in 0..K-1.
        pred_probs: (N, K) out-of-fold, rows sum to 1.

    Source: Northcutt, Athalye & Mueller 2021, arXiv:2103.14749.
    """
    from cleanlab.count import compute_confident_joint

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # classes with few or no labels
        joint = compute_confident_joint(labels, pred_probs, calibrate=False)
    return int((1 - np.trace(joint) / joint.sum()) * len(labels))
