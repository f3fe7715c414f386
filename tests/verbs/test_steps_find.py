"""find: every artefact of the contract, and one line for probabilities that are none."""

import json

import numpy as np
import pandas as pd
import pytest

from curate.errors import DataError, RunError, UnknownNameError
from curate.find.find import find
from curate.find.issue_table import COLUMNS
from curate.find.saved_table import load_table
from curate.options import LookFor
from curate.run import Run

DTYPES = {
    "index": "int64",
    "confidence": "float32",
    "suggested_confidence": "float32",
    "label_quality": "float32",
    "is_label_issue": "bool",
    "rank": "int64",
    "outlier_score": "float32",
    "is_outlier_issue": "bool",
    "duplicate_score": "float32",
    "duplicate_set": "int64",
    "is_duplicate_issue": "bool",
    "is_leak_issue": "bool",
    "fold": "int16",
}


def test_all_artefacts_are_written(found):
    path = found.run.path
    health, pairs = pd.read_csv(path / "class_health.csv"), pd.read_csv(path / "label_pairs.csv")
    assert {"class_name", "num_samples", "num_issues", "label_noise", "inverse_label_noise", "label_quality"} <= set(health.columns)
    assert health["class_name"].tolist() == ["across", "disc", "down"]
    assert pairs.columns.tolist() == ["given_label", "suggested_label", "num_samples"] and pairs["num_samples"].sum() == 3
    projection = np.load(path / "projection.npy")
    assert (projection.dtype, projection.shape) == (np.float32, (48, 2)) and np.isfinite(projection).all()
    findings = json.loads((path / "findings.json").read_text())
    assert findings["counts"]["samples"] == 48 and {"class_imbalance", "methods", "estimated_label_errors"} <= findings.keys()
    assert "order" not in findings  # a folder is read class by class
    assert {"find", "map"} <= Run.open(path).meta["steps"].keys()


def test_the_table_has_the_columns_and_types_of_the_contract_in_dataset_order(found):
    table = load_table(found.run)
    assert table.columns.tolist()[: len(COLUMNS)] == COLUMNS  # and then what `find_more` adds
    assert {name: str(table[name].dtype) for name in DTYPES} == DTYPES
    assert table["sample_id"].tolist() == found.images.sample_ids.tolist()
    assert pd.read_csv(found.run.path / "issues.csv").columns.tolist() == table.columns.tolist()


def test_the_wrong_labels_are_flagged_with_the_right_suggestion(found):
    table = load_table(found.run)
    right = np.array(found.images.class_names)[found.true]
    flagged = table["is_label_issue"].to_numpy()
    assert flagged.sum() == 3 and np.array_equal(flagged, right != table["given_label"])
    assert (table["suggested_label"][flagged] == right[flagged]).all() and sorted(table["rank"][flagged]) == [1, 2, 3]


def test_own_probabilities_replace_those_of_the_run(found, sure_probs):
    np.testing.assert_allclose(found.run.load_array("pred_probs.npy"), np.load(sure_probs), atol=1e-6)
    assert Run.open(found.run.path).meta["metrics"]["out_of_fold_accuracy"] == pytest.approx(45 / 48)


def poison(probs, where, value):
    probs[where] = value
    return probs


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda p: poison(p, (7, 1), np.nan), "row 7 of pred_probs is not finite"),
        (lambda p: p[:-1], "pred_probs has 47 rows but there are 48"),
        (lambda p: np.c_[p, np.zeros(48)], "has 4 columns but 'shapes' has 3 classes"),
        (lambda p: 2 * p, "row 0 of pred_probs has values outside"),
        (lambda p: p.argmax(axis=1), "must be"),
        (lambda p: (p > 0.5).astype(int), "must be floating point"),
    ],
)
def test_probabilities_that_are_none_are_told_and_change_nothing(trained, sure_probs, tmp_path, spoil, message):
    before = (trained.run.path / "pred_probs.npy").read_bytes()
    np.save(tmp_path / "bad.npy", spoil(np.load(sure_probs)))
    with pytest.raises(DataError, match=message) as told:
        find(trained.run, trained.images, pred_probs=tmp_path / "bad.npy")
    assert "\n" not in str(told.value)
    assert (trained.run.path / "pred_probs.npy").read_bytes() == before and not trained.run.has("issues.parquet")


@pytest.mark.parametrize("content", [None, b"", b"not an array"])
def test_a_file_that_is_no_array_is_told(trained, tmp_path, content):
    if content is not None:
        (tmp_path / "bad.npy").write_bytes(content)
    said = r"there is no file at .*bad\.npy" if content is None else r"bad\.npy is not a readable"
    with pytest.raises(DataError, match=rf"{said}.*\.npy array of probabilities"):
        find(trained.run, trained.images, pred_probs=tmp_path / "bad.npy")


def test_an_unknown_method_names_the_nearest(trained):
    with pytest.raises(UnknownNameError, match="did you mean prune_by_class"):
        find(trained.run, trained.images, look_for=LookFor(method="prune_by_clas"))


def test_without_training_it_says_what_to_do(shapes, data):
    run = Run.create(data / "runs" / "empty", {"dataset": {}, "config": {}})
    with pytest.raises(RunError, match=r"has no \w+\.npy; give the command that made this run again"):
        find(run, shapes)


def test_unlabelled_samples_are_never_flagged_and_come_last(trained, sure_probs):
    labels = trained.images.labels.copy()
    labels[[0, 10]] = -1
    find(trained.run, trained.images.with_labels(labels), pred_probs=sure_probs)
    rows = load_table(trained.run).iloc[[0, 10]]
    assert rows["given_label"].isna().all() and not rows["is_label_issue"].any()
    assert rows["label_quality"].isna().all() and sorted(rows["rank"]) == [47, 48]


def test_probabilities_in_another_order_of_columns_are_refused_and_the_run_stays(trained, sure_probs):
    before = trained.run.load_array("pred_probs.npy")
    np.save(sure_probs, np.load(sure_probs)[:, [1, 2, 0]])
    with pytest.raises(DataError, match=r"sure.npy are in another order than the classes: .* looks like class 'across'"):
        find(trained.run, trained.images, pred_probs=sure_probs)
    np.testing.assert_array_equal(trained.run.load_array("pred_probs.npy"), before)
