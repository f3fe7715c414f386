"""Pairs of given and suggested label among the flagged samples: which classes are mistaken for which."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray


def label_pairs(
    labels: NDArray[np.int64], suggested: NDArray[np.int64], is_label_issue: NDArray[np.bool_], class_names: Sequence[str]
) -> pd.DataFrame:
    """Columns `given_label`, `suggested_label`, `num_samples`: the flagged samples only, most frequent pair first.

    Args:
        labels: (N,) in -1..K-1.
        suggested: (N,) in -1..K-1, from `find_label_issues`.
        is_label_issue: (N,).
        class_names: K names. Pairs of equal frequency follow the order of the classes.
    """
    num_classes = len(class_names)
    chosen = is_label_issue & (labels >= 0) & (suggested >= 0)
    counts = np.bincount(labels[chosen] * num_classes + suggested[chosen], minlength=num_classes**2)
    order = np.argsort(-counts, kind="stable")
    order = order[counts[order] > 0]
    names = np.array(class_names, dtype=object)
    return pd.DataFrame(
        {
            "given_label": names[order // num_classes],
            "suggested_label": names[order % num_classes],
            "num_samples": counts[order].astype(np.int64),
        }
    )
