import json

import numpy as np
import pandas as pd
import pytest

from curate.errors import DataError
from curate.find.findings import build_findings
from curate.find.issue_table import COLUMNS, build_issue_table, file_positions
from curate.find.label_issues import find_label_issues
from curate.find.near_duplicates import find_near_duplicates
from curate.find.order import check_order
from curate.find.outliers import find_outliers

NAMES = ("cat", "dog", "eel")
DTYPES = {
    "index": np.int64,
    "confidence": np.float32,
    "suggested_confidence": np.float32,
    "label_quality": np.float32,
    "is_label_issue": np.bool_,
    "rank": np.int64,
    "outlier_score": np.float32,
    "is_outlier_issue": np.bool_,
    "duplicate_score": np.float32,
    "duplicate_set": np.int64,
    "is_duplicate_issue": np.bool_,
    "is_leak_issue": np.bool_,
    "fold": np.int16,
}
NEIGHBORS = np.array([[1, 2], [0, 2], [3, 1], [2, 1], [5, 0], [4, 0]])
SIMILARITIES = np.array([[0.9, 0.8], [0.9, 0.8], [1.0, 0.5], [1.0, 0.5], [0.8, 0.6], [0.8, 0.6]], dtype=np.float32)
LABELS = np.array([0, 1, 2, 0, 1, -1])
PROBS = np.array([[0.9, 0.05, 0.05], [0.1, 0.8, 0.1], [0, 0.1, 0.9], [0.05, 0.9, 0.05], [0.1, 0.7, 0.2], [0.3, 0.3, 0.4]])


def build(**changes):
    arguments = {
        "sample_ids": np.array(
            [f"pets/{s}/{i}" for s, i in [("train", 0), ("train", 1), ("train", 2), ("test", 0), ("test", 1), ("test", 2)]]
        ),
        "splits": np.array(["train"] * 3 + ["test"] * 3),
        "labels": LABELS,
        "class_names": NAMES,
        "fold": np.array([0, 1, 0, 1, 0, 1]),
        "label_issues": find_label_issues(LABELS, PROBS, method="predicted_neq_given"),
        "outliers": find_outliers(SIMILARITIES),
        "duplicates": find_near_duplicates(NEIGHBORS, SIMILARITIES),
    }
    return build_issue_table(**arguments | changes)


def test_columns_and_types_are_those_of_the_contract():
    table = build()
    assert table.columns.tolist() == COLUMNS
    assert {name: table[name].dtype for name in DTYPES} == {name: np.dtype(dtype) for name, dtype in DTYPES.items()}


def test_unlabelled_sample_has_null_where_there_is_nothing_to_say():
    row = build().iloc[5]
    assert pd.isna(row["given_label"]) and pd.isna(row["suggested_label"]) and np.isnan(row["label_quality"])
    assert row["predicted_label"] == "eel"


def test_suggestion_is_named_where_the_model_disagrees_and_null_elsewhere():
    table = build()
    assert table.loc[3, "suggested_label"] == "dog" and table["suggested_label"].notna().sum() == 1


def test_duplicates_across_splits_are_leaks():
    assert build()["is_leak_issue"].tolist() == [False, False, True, True, False, False]


def test_table_survives_parquet(tmp_path):
    table = build()
    table.to_parquet(tmp_path / "issues.parquet")
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "issues.parquet"), table)


def test_arrays_of_another_length_are_refused():
    with pytest.raises(DataError, match="fold has shape \\(5,\\) but there are 6 sample ids"):
        build(fold=np.zeros(5))


def test_position_is_the_number_of_a_catalog_id():
    assert file_positions(np.array(["mnist/test/3520", "mnist/train/7"]), np.array(["test", "train"])).tolist() == [3520, 7]


def test_position_of_other_ids_is_the_place_within_the_split():
    ids, splits = np.array(["train/cat/1.png", "test/7", "b"]), np.array(["train", "test", "train"])
    assert file_positions(ids, splits).tolist() == [0, 0, 1]


def test_findings_count_each_kind_and_are_json():
    detection = find_label_issues(LABELS, PROBS).estimate
    findings = json.loads(json.dumps(build_findings(build(), LABELS, PROBS, NAMES, check_order(NEIGHBORS), detection=detection)))
    assert findings["estimated_label_errors"] is None and "too few" in findings["detection"]["reason"]
    assert findings["counts"] == {
        "samples": 6, "unlabelled": 1, "label_issues": 1, "outliers": 0, "near_duplicates": 2, "leaks": 2, "duplicate_sets": 1,
        "contradictions": 1,
    }  # fmt: skip
    assert findings["counts_by_split"]["train"]["near_duplicates"] == 1
    agreed = build(labels=np.array([0, 1, 2, 2, 1, -1]), label_issues=find_label_issues(np.array([0, 1, 2, 2, 1, -1]), PROBS))
    counts = build_findings(agreed, LABELS, PROBS, NAMES, None, detection=detection)["counts"]
    assert (counts["duplicate_sets"], counts["contradictions"]) == (1, 0)
    assert findings["class_imbalance"]["rarest_class"] == "eel"
