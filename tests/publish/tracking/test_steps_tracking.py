"""track: what is in the run folder comes out at the tracker's side."""

import sys

import numpy as np
import pytest
from event_files import tensorboard_run, text_of, wandb_records
from making import train

import curate
from curate.errors import DependencyError, UnknownNameError
from curate.find.find import find
from curate.find.issue_table import COLUMNS
from curate.find.saved_table import load_table
from curate.publish.tracking import story_of, track
from curate.run import Run

OPTIONS = {"model": "lenet5", "preset": "quick", "num_folds": 2, "device": "cpu"}
pytestmark = pytest.mark.usefixtures("one_thread", "no_account")


@pytest.fixture(scope="module")
def shapes(make_shapes):
    return make_shapes(48, num_test=12)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "runs" / "shapes"


def tracked(image_set, path, tracker, **options):
    nets = curate.Nets(**{name: value for name, value in OPTIONS.items() if name != "device"}, **options)
    made = curate.train(image_set, run=path, judge=nets, place=curate.Place(device="cpu"), track=tracker)
    assert made.told["tracked"].is_relative_to(path / "tracking") and made.told["tracked"].exists()  # the command line prints it
    return made.run


def test_training_is_tracked_with_the_curves_and_accuracies_of_its_folds(shapes, path):
    run = tracked(shapes, path, "tensorboard", num_repeats=2)
    probs, fold = run.load_array("folds/pred_probs-r1-f0.npy"), run.load_array("fold.npy")
    epochs = run.meta["config"]["recipe"]["epochs"]
    for name in ("r0-f0", "r0-f1", "r1-f0", "r1-f1"):
        written = tensorboard_run(path / "tracking" / "tensorboard" / name)
        curve = run.load_array(f"folds/curve-{name}.npy")
        for column, tag in enumerate(("training/loss", "training/accuracy")):
            assert [event.step for event in written.Scalars(tag)] == list(range(1, epochs + 1))
            np.testing.assert_allclose([event.value for event in written.Scalars(tag)], curve[:, column], rtol=1e-6)
    [held_out] = tensorboard_run(path / "tracking" / "tensorboard" / "r1-f0").Scalars("held-out/accuracy")
    held = fold[1] == 0
    assert held_out.value == pytest.approx((probs[: held.sum()].argmax(axis=1) == shapes.labels[held]).mean())
    assert "|config.model|lenet5|" in text_of(tensorboard_run(path / "tracking" / "tensorboard"), "configuration")


def test_a_run_that_is_trained_already_is_tracked_when_asked(shapes, path):
    train(shapes, path, **OPTIONS)
    assert not (path / "tracking").exists()
    tracked(shapes, path, "tensorboard")
    assert tensorboard_run(path / "tracking" / "tensorboard" / "r0-f1").Scalars("training/loss")


def test_findings_are_the_worst_rows_and_their_pictures(shapes, path):
    labels = shapes.labels.copy()
    labels[-1] = -1
    shapes = shapes.with_labels(labels)
    run = train(shapes, path, **OPTIONS)
    find(run, shapes, with_map=False)
    table, story = load_table(run).sort_values("rank"), story_of(run, shapes)
    told = story.issues.to_numpy()
    assert np.array_equal(told[table.notna()], table.to_numpy(object)[table.notna()])
    assert all(value is None for value in told[table.isna()]) and table.isna().any(axis=None)
    assert story.issues.columns.tolist() == table.columns.tolist() and set(COLUMNS) <= set(table) and len(story.pictures) == 24
    assert not any("nan" in picture.caption or "None" in picture.caption for picture in story.pictures)
    first = table.index[0]
    assert np.array_equal(story.pictures[0].image, np.repeat(shapes.images[first].transpose(1, 2, 0), 3, axis=2))
    assert story.pictures[0].caption.startswith(f"{table['sample_id'].iloc[0]}: given {table['given_label'].iloc[0]}")
    assert story.figures["out_of_fold_accuracy"] == run.meta["metrics"]["out_of_fold_accuracy"]


def test_an_older_run_without_curves_is_tracked_without_them(shapes, path):
    run = train(shapes, path, **OPTIONS)
    for file in (path / "folds").glob("curve-*"):
        file.unlink()
    story = story_of(run, shapes)
    assert story.curves == {} and set(story.held_out) == {"r0-f0", "r0-f1"}
    assert wandb_records(track(run, shapes, "wandb"))


@pytest.mark.parametrize("tracker", ["tensorboard", "wandb"])
def test_a_run_of_given_probabilities_is_tracked_with_its_findings_and_without_folds(shapes, path, tracker):
    probs = np.full((len(shapes), 3), 0.1, np.float32)
    probs[np.arange(len(shapes)), (shapes.labels + (np.arange(len(shapes)) == 5)) % 3] = 0.8
    made = curate.audit(shapes, run=path, judge=curate.Given(probs), track=tracker)
    assert made.told["tracked"].is_relative_to(path / "tracking") and made.told["tracked"].exists()
    story = story_of(made.run, shapes)
    assert story.curves == story.held_out == {} and len(story.pictures) == 24
    assert story.pictures[0].caption.startswith("shapes/train/5: ")


def test_folders_of_this_machine_are_not_told(shapes, path):
    run = train(shapes, path, **OPTIONS)
    run.meta["dataset"]["origin"] = {"path": "/home/somebody/pictures"}
    assert "somebody" not in str(story_of(run, shapes).config)


@pytest.mark.parametrize(("tracker", "error"), [("mlflow", UnknownNameError), ("wandb", DependencyError)])
def test_what_cannot_track_is_told_before_a_folder_is_made(shapes, path, monkeypatch, tracker, error):
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(error):
        tracked(shapes, path, tracker)
    assert not path.exists()


def test_tracking_leaves_the_run_as_it_is(shapes, path):
    run = train(shapes, path, **OPTIONS)
    before = (path / "run.json").read_bytes()
    track(run, shapes, "tensorboard")
    assert (path / "run.json").read_bytes() == before and Run.open(path).meta == run.meta
