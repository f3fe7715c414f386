"""clean, retrain, compare: what is trained on, what is written, and that nothing is trained twice."""

import json

import numpy as np
import pandas as pd
import pytest

from curate.errors import DataError, RunError, UsageError
from curate.gain.compare import compare
from curate.gain.retrain import retrain
from curate.gain.retrain import test_probabilities as probabilities_on_test
from curate.review.clean import clean

KEYS = {"name", "num_samples", "seeds", "accuracy_before", "accuracy_after", "difference", "interval", "confidence"}


def test_comparison_json_is_that_of_the_contract(found):
    result = compare(found.run, found.images, policy="drop", seeds=[0, 1], device="cpu")
    written = json.loads((found.run.path / "comparison.json").read_text())
    assert {key: value for key, value in result.items() if key != "run"} == written
    assert (written["kind"], written["policy"]) == ("given", "drop")
    assert (written["num_train_before"], written["num_train_after"], written["num_dropped"], written["num_relabelled"]) == (36, 33, 3, 0)
    [entry] = written["test"]
    assert entry.keys() >= KEYS and entry["num_samples"] == 12 and entry["seeds"] == [0, 1]
    differences = np.subtract(entry["accuracy_after"], entry["accuracy_before"])
    assert entry["difference"] == pytest.approx(differences.mean())
    assert entry["interval"][0] <= entry["difference"] <= entry["interval"][1]


def test_comparing_again_trains_nothing(found, request):
    first = compare(found.run, found.images, seeds=[0, 1], device="cpu")
    request.getfixturevalue("no_training")
    assert (
        compare(found.run, found.images, seeds=[1, 0], device="cpu")["test"][0]["accuracy_before"]
        == first["test"][0]["accuracy_before"][::-1]
    )
    assert compare(found.run, found.images, seeds=[0, 1], device="cpu") == first


def test_the_cleaned_training_set_is_what_is_trained_on(found, monkeypatch):
    import curate.gain.retrain as module

    seen = []
    real = module.train_and_judge

    def spy(factory, images, labels, test_images, **options):
        seen.append((images, labels, test_images))
        return real(factory, images, labels, test_images, **options)

    monkeypatch.setattr(module, "train_and_judge", spy)
    compare(found.run, found.images, policy="relabel", seeds=[0, 1], device="cpu")
    test = found.images.splits == "test"
    for images, labels, test_images in seen:
        assert np.array_equal(images, found.images.images[~test]) and np.array_equal(test_images, found.images.images[test])
        assert len(labels) == 36
    assert [np.array_equal(labels, found.images.labels[~test]) for _, labels, _ in seen] == [True, True, False, False]
    assert all(np.array_equal(labels, found.true[~test]) for _, labels, _ in seen[2:])


def test_the_same_seed_starts_the_same_net_on_both_sides(found):
    test = found.images.splits == "test"
    first = probabilities_on_test(found.run, found.images, seeds=[0, 1], device="cpu")
    for file in (found.run.path / "retrained").glob("*.npy"):
        file.unlink()
    again = probabilities_on_test(found.run, found.images, seeds=[1, 0], device="cpu")
    assert first[0].tobytes() == again[1].tobytes() and first[1].tobytes() == again[0].tobytes()
    assert first[0].shape == (test.sum(), 3) and (first[0] != first[1]).any()


def test_retraining_on_cleaned_labels_needs_them_and_reports_the_mean(found):
    with pytest.raises(RunError, match=r"has no cleaned\.csv yet; run `curate clean [^`]+` first"):
        retrain(found.run, found.images, seeds=[0], device="cpu")
    counts = clean(found.run, policy="drop")
    assert (counts["num_keep"], counts["num_drop"]) == (45, 3)
    table = pd.read_csv(found.run.path / "cleaned.csv")
    assert table.columns.tolist() == ["sample_id", "given_label", "label", "action"] and len(table) == 48
    result = retrain(found.run, found.images, seeds=[0, 1], device="cpu")
    assert result["mean_test_accuracy"] == pytest.approx(np.mean(result["test_accuracy"])) and len(result["test_accuracy"]) == 2
    nets = [np.load(file) for file in (found.run.path / "retrained").glob("*.npy")]
    together = (sum(nets).argmax(axis=1) == found.images.labels[found.images.splits == "test"]).mean()
    assert len(nets) == 2 and result["ensemble_test_accuracy"] == pytest.approx(together)


def test_without_a_test_split_it_is_told(found):
    no_test = found.images.subset(found.images.splits == "train")
    with pytest.raises(DataError, match="'shapes' has no test split; retraining needs both"):
        retrain(found.run, no_test, labels="given", seeds=[0], device="cpu")
    with pytest.raises(DataError, match="'shapes' has no test split"):
        compare(found.run, no_test, seeds=[0, 1], device="cpu")
    only_test = found.images.subset(found.images.splits == "test")
    with pytest.raises(DataError, match="'shapes' has only a test split"):
        retrain(found.run, only_test, labels="given", seeds=[0], device="cpu")


def test_test_images_without_labels_are_told_before_the_training(found, no_training):
    labels = np.where(found.images.splits == "test", -1, found.images.labels)
    with pytest.raises(DataError, match="the test images of 'shapes' have no labels"):
        retrain(found.run, found.images.with_labels(labels), labels="given", seeds=[0], device="cpu")


def test_one_seed_is_too_few_to_compare(found, no_training):
    with pytest.raises(UsageError, match="at least 2 seeds, found 1"):
        compare(found.run, found.images, seeds=[0], device="cpu")
