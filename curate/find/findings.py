"""Findings about the dataset as a whole: the content of findings.json."""

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from curate.find.classes import check_imbalance
from curate.find.confident_joint import confident_joint_errors
from curate.find.order import OrderCheck
from curate.find.self_estimate import SelfEstimate

KINDS = {
    "label_issues": "is_label_issue",
    "outliers": "is_outlier_issue",
    "near_duplicates": "is_duplicate_issue",
    "leaks": "is_leak_issue",
    "in_underperforming_groups": "is_underperforming_group_issue",
}


def build_findings(
    table: pd.DataFrame,
    labels: NDArray[np.int64],
    pred_probs: NDArray[np.floating],
    class_names: Sequence[str],
    order: OrderCheck | None,
    *,
    detection: SelfEstimate,
    joint: NDArray[np.int64] | None = None,
) -> dict[str, Any]:
    """JSON-able figures of the whole dataset.

    Args:
        table: from `build_issue_table`.
        labels: (N,) in -1..K-1.
        pred_probs: (N, K) out-of-fold; may be a memory map.
        class_names: K names.
        order: from `check_order`; None where it is not known.
        detection: `estimate` of `find_label_issues`.
        joint: (K, K) from `confident_joint`; counted here if not given.

    Returns:
        `counts` of samples, of each kind of issue, of sets of duplicates and of those of them whose labels contradict each other,
        `counts_by_split` the same per split, `estimated_label_errors`
        (None where they cannot be counted),
        `confident_joint_errors` to compare with, `detection` with the fields of `SelfEstimate`,
        `class_imbalance` (of two and more classes) and `order` with the fields of `Imbalance` and `OrderCheck`.
    """
    return {
        "counts": _counts(table),
        "counts_by_split": {str(split): _counts(rows) for split, rows in table.groupby("split", sort=False)},
        "estimated_label_errors": None if math.isnan(detection.num_errors.value) else round(detection.num_errors.value),
        "confident_joint_errors": confident_joint_errors(labels, pred_probs, joint=joint),
        "detection": detection.to_json(),
        **({"class_imbalance": asdict(check_imbalance(labels, class_names))} if len(class_names) > 1 else {}),
        **({} if order is None else {"order": asdict(order)}),
    }


def _counts(table: pd.DataFrame) -> dict[str, int]:
    counts = {"samples": len(table), "unlabelled": int(table["given_label"].isna().sum())}
    counts |= {kind: int(table[column].sum()) for kind, column in KINDS.items() if column in table}
    sets = table["duplicate_set"]
    labels = table["given_label"][sets >= 0].groupby(sets[sets >= 0]).nunique()  # of each set
    return counts | {"duplicate_sets": len(labels), "contradictions": int((labels > 1).sum())}
