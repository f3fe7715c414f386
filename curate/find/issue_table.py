"""The issue table: one row per sample, what every detector says about it."""

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from curate.errors import DataError
from curate.find.label_issues import LabelIssues
from curate.find.near_duplicates import NearDuplicates, find_leaks
from curate.find.outliers import Outliers

COLUMNS = [
    "sample_id",
    "split",
    "index",
    "given_label",
    "predicted_label",
    "confidence",
    "suggested_label",
    "suggested_confidence",
    "label_quality",
    "error_probability",
    "is_label_issue",
    "rank",
    "outlier_score",
    "is_outlier_issue",
    "duplicate_score",
    "duplicate_set",
    "is_duplicate_issue",
    "is_leak_issue",
    "fold",
]


def build_issue_table(
    *,
    sample_ids: NDArray[np.str_],
    splits: NDArray[np.str_],
    labels: NDArray[np.int64],
    class_names: Sequence[str],
    fold: NDArray[np.integer],
    label_issues: LabelIssues,
    outliers: Outliers,
    duplicates: NearDuplicates,
) -> pd.DataFrame:
    """`COLUMNS` of every sample, in dataset order.

    Args:
        sample_ids, splits: (N,) text.
        labels: (N,) in -1..K-1.
        class_names: K names.
        fold: (N,), the fold that held the sample out in the first repeat.
        label_issues, outliers, duplicates: of the same N samples.

    Raises:
        DataError: something has another number of samples.
    """
    num_samples = len(sample_ids)
    parts = {
        "splits": splits,
        "labels": labels,
        "fold": fold,
        "label issues": label_issues.rank,
        "outliers": outliers.outlier_score,
        "duplicates": duplicates.duplicate_set,
    }
    for what, values in parts.items():
        if np.shape(values) != (num_samples,):
            raise DataError(
                f"{what} has shape {np.shape(values)} but there are {num_samples} sample ids; were they made from the same run?"
            )
    table = pd.DataFrame(
        {
            "sample_id": pd.Series(sample_ids, dtype="str"),
            "split": pd.Series(splits, dtype="str"),
            "index": file_positions(sample_ids, splits),
            "given_label": named(labels, class_names),
            "predicted_label": named(label_issues.predicted, class_names),
            "confidence": label_issues.confidence,
            "suggested_label": named(label_issues.suggested, class_names),
            "suggested_confidence": label_issues.suggested_confidence,
            "label_quality": label_issues.label_quality,
            "error_probability": label_issues.error_probability,
            "is_label_issue": label_issues.is_label_issue,
            "rank": label_issues.rank,
            "outlier_score": outliers.outlier_score,
            "is_outlier_issue": outliers.is_outlier_issue,
            "duplicate_score": duplicates.duplicate_score,
            "duplicate_set": duplicates.duplicate_set,
            "is_duplicate_issue": duplicates.is_duplicate_issue,
            "is_leak_issue": find_leaks(duplicates.duplicate_set, splits),
            "fold": np.asarray(fold, dtype=np.int16),
        }
    )
    return table[COLUMNS]


def named(labels: NDArray[np.int64], class_names: Sequence[str]) -> pd.Series:
    """(N,) class names of `labels`, null where -1."""
    names = np.array([*class_names, None], dtype=object)
    return pd.Series(names[labels], dtype="str")


def file_positions(sample_ids: NDArray[np.str_], splits: NDArray[np.str_]) -> NDArray[np.int64]:
    """(N,) position of each sample in the official file order of its split.

    Where every id ends in `/<its split>/<number>`, as `mnist/test/3520` does, it is that number; else the position within the split.
    """
    ends = [re.search(r"(?:^|/)([^/]+)/([0-9]{1,18})$", sample_id) for sample_id in sample_ids]
    if all(end and end[1] == split for end, split in zip(ends, splits, strict=True)):
        return np.array([int(end[2]) for end in ends if end], dtype=np.int64)
    positions = np.empty(len(splits), dtype=np.int64)
    for split in np.unique(splits):
        members = np.flatnonzero(splits == split)
        positions[members] = np.arange(len(members))
    return positions
