"""Classes as a whole: the health of each, which are mistaken for each other, and whether one is too rare."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from curate.find.confident_joint import confident_joint

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


def label_pairs(
    labels: NDArray[np.int64],
    suggested: NDArray[np.int64],
    is_label_issue: NDArray[np.bool_],
    label_quality: NDArray[np.floating],
    class_names: Sequence[str],
) -> pd.DataFrame:
    """Columns `given_label`, `suggested_label`, `num_samples`: the flagged samples only, most frequent pair first.

    Args:
        labels: (N,) in -1..K-1.
        suggested: (N,) in -1..K-1, from `find_label_issues`.
        is_label_issue: (N,).
        label_quality: (N,); of pairs of equal frequency, that of the worst label comes first: among many classes most pairs are rare.
        class_names: K names.
    """
    num_classes = len(class_names)
    chosen = np.flatnonzero(is_label_issue & (labels >= 0) & (suggested >= 0))
    chosen = chosen[np.argsort(label_quality[chosen], kind="stable")]
    pairs, worst, counts = np.unique(labels[chosen] * num_classes + suggested[chosen], return_index=True, return_counts=True)
    order = np.lexsort((worst, -counts))
    names = np.array(class_names, dtype=object)
    return pd.DataFrame(
        {
            "given_label": names[pairs[order] // num_classes],
            "suggested_label": names[pairs[order] % num_classes],
            "num_samples": counts[order].astype(np.int64),
        }
    )


RARE_SHARE = 0.1


@dataclass(frozen=True)
class Imbalance:
    """Outcome of `check_imbalance`: names and counts of the rarest and the most frequent class.

    `is_imbalance_issue`: the rarest class has under a tenth of an equal share of the labelled samples.
    """

    rarest_class: str
    rarest_count: int
    most_frequent_class: str
    most_frequent_count: int
    is_imbalance_issue: bool


def check_imbalance(labels: NDArray[np.int64], class_names: Sequence[str]) -> Imbalance:
    """The rarest class and whether that is an issue, by the rule of cleanlab's Datalab.

    Args:
        labels: (N,) in -1..K-1; unlabelled samples are left out.
        class_names: K names. A class without samples counts as rarest; the first of equals is named.
    """
    counts = np.bincount(labels[labels >= 0], minlength=len(class_names))
    rarest, most = int(counts.argmin()), int(counts.argmax())
    return Imbalance(
        rarest_class=str(class_names[rarest]),
        rarest_count=int(counts[rarest]),
        most_frequent_class=str(class_names[most]),
        most_frequent_count=int(counts[most]),
        is_imbalance_issue=bool(counts[rarest] < RARE_SHARE * counts.sum() / len(class_names)),
    )
