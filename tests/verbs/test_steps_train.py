"""train: what is in the run folder, what is trained on, and how it goes on after a stop."""

import json

import numpy as np
import pytest
from making import train

from curate.data.image_set import ImageSet
from curate.errors import DataError, RunError, UnknownNameError, UsageError
from curate.judge.models.weights import load_weights
from curate.judge.training.recipes import STEPS, least_steps, preset_for
from curate.run import Run

OPTIONS = {"model": "lenet5", "preset": "quick", "num_folds": 2, "device": "cpu"}
ARRAYS = ("pred_probs.npy", "fold.npy", "embeddings.npy", "labels.npy", "splits.npy", "sample_ids.npy")


def content(folder):
    return {name: (folder / name).read_bytes() for name in ARRAYS}


def test_the_arrays_are_those_of_the_contract(trained):
    run, images = trained.run, trained.images
    probs, fold, embeddings = (run.load_array(f"{name}.npy") for name in ("pred_probs", "fold", "embeddings"))
    assert (probs.dtype, probs.shape) == (np.float32, (48, 3))
    np.testing.assert_allclose(probs.sum(axis=1), 1, atol=1e-6)
    assert (fold.dtype, fold.shape) == (np.int16, (1, 48)) and set(fold[0]) == {0, 1}
    assert (embeddings.dtype, embeddings.shape) == (np.float32, (48, 32))
    assert np.array_equal(run.load_array("labels.npy"), images.labels)
    assert np.array_equal(run.load_array("sample_ids.npy"), images.sample_ids)
    assert np.array_equal(run.load_array("splits.npy"), images.splits)


def test_run_json_says_what_was_done_to_what(trained):
    meta = json.loads((trained.run.path / "run.json").read_text())
    assert meta["dataset"]["splits"] == {"train": 36, "test": 12}
    assert meta["dataset"]["images_hash"] == trained.images.images_hash
    assert meta["dataset"]["class_names"] == ["across", "disc", "down"] and meta["dataset"]["image_shape"] == list(
        trained.images.images.shape[1:]
    )
    config = meta["config"]
    assert (config["model"], config["num_folds"], config["num_repeats"], config["seed"], config["pool_splits"]) == (
        "lenet5",
        2,
        1,
        0,
        False,
    )
    recipe = preset_for("lenet5", "quick", in_channels=trained.images.images.shape[1]).recipe
    assert config["recipe"] == least_steps(recipe, 18, STEPS["quick"]).to_json()  # half of the training images at a time
    assert {"curate", "python", "torch", "numpy"} <= meta["versions"].keys() and meta["device"]["kind"] == "cpu"
    assert meta["steps"]["train"]["seconds"] > 0 and meta["steps"]["train"]["peak_memory_mib"] > 0


def test_accuracies_are_those_of_the_probabilities(trained):
    correct = trained.run.load_array("pred_probs.npy").argmax(axis=1) == trained.images.labels
    metrics = trained.run.meta["metrics"]
    assert metrics["out_of_fold_accuracy"] == pytest.approx(correct.mean())
    assert metrics["out_of_fold_accuracy_by_split"]["test"] == pytest.approx(correct[trained.images.splits == "test"].mean())


def test_the_weights_of_the_first_model_are_kept(trained):
    assert load_weights(trained.run.path / "model.safetensors").name == "lenet5"


def coded_set(recorder, *, splits, labels=None):
    """90 coded images under six classes; the second ten of the training images are copies of the first ten test images."""
    codes = np.arange(90)
    codes[10:20] = codes[60:70]
    labels = np.arange(90) % 6 if labels is None else labels
    names = tuple("abcdef")
    return codes, ImageSet("coded", recorder.coded_images(codes), labels, np.array([f"c/{i}" for i in range(90)]), splits, names)


TWO_SPLITS = np.repeat(["train", "test"], [60, 30])


@pytest.fixture
def coded_run(recorder, data, monkeypatch):
    """Trains recording nets on 90 coded images; training images 10 to 19 are copies of the first ten test images.

    The step makes one net more, before all others, to see whether it can be made; so there are seven answers.
    """

    def make(**options):
        codes = np.arange(90)
        codes[10:20] = codes[60:70]
        sample_ids, splits = np.array([f"coded/{i}" for i in range(90)]), np.repeat(["train", "test"], [60, 30])
        image_set = ImageSet("coded", recorder.coded_images(codes), np.arange(90) % 6, sample_ids, splits, tuple("abcdefg"))
        monkeypatch.setattr("curate.judge.models.registry.ModelSpec", lambda *_: recorder.factory(7))
        run = train(image_set, data / "runs" / "coded", **{**OPTIONS, "num_folds": 3, "num_repeats": 2, **options})
        return codes.tolist(), recorder.judges(run.load_array("pred_probs.npy")), set.union(*(net.trained_on for net in recorder.nets))

    return make


def test_test_images_and_copies_of_judged_images_are_never_trained_on(coded_run):
    codes, judges, trained_on = coded_run()
    assert [len(nets) for nets in judges] == [2] * 70 + [6] * 20  # all nets judge what none learns from
    assert not any(code in net.trained_on for code, nets in zip(codes, judges, strict=True) for net in nets)
    assert trained_on == set(codes[:60]) and not trained_on & set(range(70, 90))


def test_pooled_splits_are_trained_on_as_well(coded_run):
    codes, judges, trained_on = coded_run(pool_splits=True)
    assert not any(code in net.trained_on for code, nets in zip(codes, judges, strict=True) for net in nets)
    assert trained_on == set(codes)


def test_a_set_that_is_all_test_split_is_trained_on_itself(shapes, data):
    only_test = shapes.subset(shapes.splits == "test")
    assert train(only_test, data / "runs" / "t", **OPTIONS).load_array("pred_probs.npy").shape == (12, 3)


class Stopped(Exception):
    pass


@pytest.mark.parametrize("stop_after", [0.5, 1.0, 1.4, 2.0])
def test_stopped_anywhere_it_ends_with_the_same_arrays(trained, shapes, data, stop_after):
    def stop(stage, done, total, note=""):
        if done >= stop_after:
            raise Stopped

    path = data / "runs" / "stopped"
    with pytest.raises(Stopped):
        train(shapes, path, **OPTIONS, progress=stop)
    assert "train" not in Run.open(path).meta["steps"]
    train(shapes, path, **OPTIONS)
    assert content(path) == content(trained.run.path)


def test_training_again_trains_nothing(trained, no_training):
    before = content(trained.run.path)
    train(trained.images, trained.run.path, **OPTIONS)
    assert content(trained.run.path) == before


def test_another_seed_gives_other_arrays(trained, data):
    other = train(trained.images, data / "runs" / "other", **OPTIONS, seed=1)
    assert content(other.path)["pred_probs.npy"] != content(trained.run.path)["pred_probs.npy"]


def test_other_labels_do_not_go_on_from_the_run(trained):
    labels = trained.images.labels.copy()
    labels[0] = (labels[0] + 1) % 3
    with pytest.raises(RunError, match=r"another dataset .labels_hash: there .* give this one another name with --run"):
        train(trained.images.with_labels(labels), trained.run.path, **OPTIONS)


def test_a_class_with_fewer_samples_than_folds_is_kept_and_marked(shapes, data):
    rare = shapes.subset(np.r_[np.flatnonzero(shapes.labels != 1), np.flatnonzero(shapes.labels == 1)[:3]])
    kept = train(rare, data / "runs" / "rare", **{**OPTIONS, "num_folds": 5})
    assert kept.meta["judged"] == {"weak_classes": ["disc"], "num_judged_weakly": 3}
    assert len(kept.load_array("pred_probs.npy")) == len(rare)


def test_one_class_is_told(shapes, data):
    with pytest.raises(DataError, match="at least two classes to train on, found 1"):
        train(shapes.subset(shapes.labels == 0), data / "runs" / "one", **OPTIONS)


@pytest.mark.parametrize("wrong", [{"num_folds": 1}, {"num_repeats": 0}])
def test_folds_and_repeats_out_of_range_are_told(shapes, data, wrong):
    with pytest.raises(UsageError, match="at least 2 folds and 1 repeat, found"):
        train(shapes, data / "runs" / "wrong", **{**OPTIONS, **wrong})


def test_a_wrong_name_leaves_no_folder(shapes, data):
    for wrong in ({"model": "lenet"}, {"preset": "quik"}):
        with pytest.raises(UnknownNameError, match=r"did you mean (lenet5|quick)"):
            train(shapes, data / "runs" / "wrong", **{**OPTIONS, **wrong})
    assert not (data / "runs" / "wrong").exists()
