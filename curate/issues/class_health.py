"""Health of each class: how many of its given labels are believed wrong, and how many of its members are labelled otherwise."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from curate.issues.confident_joint import confident_joint

COLUMNS = ["class_name", "num_samples", "num_issues", "label_noise", "inverse_label_noise", "label_quality"]


def class_health(
    labels: NDArray[np.int64],
    pred_probs: NDArray[np.floating],
    is_label_issue: NDArray[np.bool_],
    label_quality: NDArray[np.floating],
    class_names: Sequence[str],
    *,
    joint: NDArray[np.int64] | None = None,
) -> pd.DataFrame:
    """One row per class in the order of `class_names`.

    Args:
        labels: (N,) in -1..K-1; unlabelled samples are left out.
        pred_probs: (N, K) out-of-fold, rows sum to 1; may be a memory map.
        is_label_issue, label_quality: (N,) from `find_label_issues`.
        class_names: K names.
        joint: (K, K) from `confident_joint`; counted here if not given.

    Returns:
        `num_samples` and `num_issues` (flagged) of the given label; `label_noise` in [0, 1], cleanlab's estimate of the share of
        the class's given labels that are wrong; `inverse_label_noise` in [0, 1], of the true members of the class, the share with
        another given label; `label_quality` in [0, 1], the mean. The last three are NaN for a class without labels.

    Source: confident joint, Northcutt, Jiang & Chuang 2021, arXiv:1911.00068.
    """
    from cleanlab.count import estimate_joint
    from cleanlab.dataset import rank_classes_by_label_quality

    labelled = labels >= 0
    given, num_classes = labels[labelled], len(class_names)
    counts = np.bincount(given, minlength=num_classes)
    noise = inverse = quality = np.full(num_classes, np.nan)
    if len(given):
        counted = confident_joint(labels, pred_probs) if joint is None else joint
        shares = estimate_joint(given, None, confident_joint=counted)
        ranked = rank_classes_by_label_quality(joint=shares, num_examples=len(given)).sort_values("Class Index")
        present = counts > 0
        noise = np.where(present, ranked["Label Noise"].to_numpy(), np.nan)
        inverse = np.where(present, ranked["Inverse Label Noise"].to_numpy(), np.nan)
        totals = np.bincount(given, weights=label_quality[labelled], minlength=num_classes)
        quality = np.divide(totals, counts, out=np.full(num_classes, np.nan), where=present)
    num_issues = np.bincount(given[is_label_issue[labelled]], minlength=num_classes)
    return pd.DataFrame(dict(zip(COLUMNS, (list(class_names), counts, num_issues, noise, inverse, quality), strict=True)))
