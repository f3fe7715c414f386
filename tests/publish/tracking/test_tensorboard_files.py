"""TensorBoard: its own reader finds everything again."""

import io
from dataclasses import replace

import numpy as np
import pytest
from event_files import tensorboard_run, text_of
from PIL import Image

from curate.publish.tracking import write_tensorboard


@pytest.fixture
def written(story, tmp_path):
    return write_tensorboard(story, tmp_path)


def points(run, tag):
    return [(event.step, event.value) for event in run.Scalars(tag)]


def test_each_fold_is_a_run_with_its_curves_and_its_held_out_accuracy_at_the_end(written):
    first, second = tensorboard_run(written / "r0-f0"), tensorboard_run(written / "r0-f1")
    assert points(first, "training/loss") == [(1, 2), (2, 1)]
    assert points(second, "training/accuracy") == [(1, 0.125), (2, 0.25), (3, 0.75)]
    assert points(first, "held-out/accuracy") == [(2, 0.5)] and points(second, "held-out/accuracy") == [(3, 0.625)]


def test_configuration_and_figures_are_there_as_text_and_for_comparing_runs(written):
    run = tensorboard_run(written)
    assert "|config.recipe.epochs|3|" in text_of(run, "configuration").splitlines()
    assert points(run, "out_of_fold_accuracy") == [(0, 0.875)]
    assert "_hparams_/session_start_info" in run.summary_metadata


def test_the_issue_table_is_a_markdown_table(written):
    lines = text_of(tensorboard_run(written), "issues").splitlines()
    assert lines[:3] == ["|sample_id|given_label|label_quality|", "|---|---|---|", "|a/1|cat|0.01|"]
    assert lines[3:] == ["|a/2|dog|0.2|", r"|a\|3||0.5|"]


def test_the_pictures_are_the_pixels_in_order(written, story):
    run = tensorboard_run(written)
    tags = run.Tags()["images"]
    assert [tag.split("_")[0] for tag in tags] == ["suspects/01", "suspects/02"] and "a/200" in tags[1]
    for tag, picture in zip(tags, story.pictures, strict=True):
        assert np.array_equal(np.array(Image.open(io.BytesIO(run.Images(tag)[0].encoded_image_string))), picture.image)


def test_writing_again_replaces_what_was_there(written, story, tmp_path):
    write_tensorboard(replace(story, curves={"r0-f0": story.curves["r0-f0"][:1]}, issues=None, pictures=()), tmp_path)
    assert points(tensorboard_run(written / "r0-f0"), "training/loss") == [(1, 2)]
    assert not (written / "r0-f1").exists() and not tensorboard_run(written).Tags()["images"]
