"""How many given labels are wrong by confident learning, to compare with."""

import numpy as np
from numpy.typing import NDArray

from curate.issues.confident_joint import confident_joint


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
