"""How many given labels are wrong, before anyone says which."""

import warnings

import numpy as np
from numpy.typing import NDArray


def estimated_label_errors(labels: NDArray[np.int64], pred_probs: NDArray[np.floating]) -> int:
    """The number of wrong labels by confident learning: the off-diagonal of the calibrated confident joint.

    Args:
        labels: (N,) in -1..K-1; unlabelled samples are left out.
        pred_probs: (N, K) out-of-fold, rows sum to 1.

    Source: Northcutt, Jiang & Chuang 2021, arXiv:1911.00068.
    """
    from cleanlab.count import num_label_issues

    labelled = labels >= 0
    if not labelled.any():
        return 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # classes with few or no labels
        return int(num_label_issues(labels[labelled], pred_probs[labelled], estimation_method="off_diagonal_calibrated"))
