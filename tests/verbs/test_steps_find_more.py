import json

import numpy as np
import pandas as pd
import pytest
from making import train
from PIL import Image

from curate.data.load import load
from curate.find.find import find
from curate.find.saved_table import load_table
from curate.options import LookFor
from curate.publish.report.page import write_report

OPTIONS = {"model": "lenet5", "preset": "quick", "num_folds": 2, "device": "cpu"}


@pytest.fixture
def labelled_by_three(shapes, tmp_path):
    """A table of annotators: two who are right, and `eve`, who is always one class off; half the samples have no `bob`."""
    drawn = np.array([int(sample_id[-8:-4]) for sample_id in shapes.sample_ids.tolist()]) % 3  # across, down, disc
    true = np.array([0, 2, 1])[drawn]  # by name: across, disc, down
    rows = []
    for i, (sample_id, label) in enumerate(zip(shapes.sample_ids.tolist(), true.tolist(), strict=True)):
        rows += [(sample_id, "ada", label), (sample_id, "eve", (label + 1) % 3)]
        rows += [(sample_id, "bob", label)] if i % 2 else []
    table = pd.DataFrame(rows, columns=["sample_id", "annotator", "label"])
    table.to_csv(tmp_path / "crowd.csv", index=False)
    return tmp_path / "crowd.csv", true


def test_votes_of_annotators_travel_through_the_run_into_tables_and_the_report(labelled_by_three, shape_folder, data):
    path, true = labelled_by_three
    images = load(str(shape_folder), labels=path)
    run = train(images, data / "runs" / "crowd", **OPTIONS)
    assert run.meta["dataset"]["annotations"] == {"num_annotators": 3, "num_labels": 120}
    probs = np.full((48, 3), 0.03)
    probs[np.arange(48), true] = 0.94
    np.save(data / "probs.npy", probs)
    find(run, images, pred_probs=data / "probs.npy", with_map=False)
    people = pd.read_csv(run.path / "annotators.csv")
    assert people["annotator"].tolist()[0] == "eve" and people["quality"].iloc[0] < 0.5 < people["quality"].iloc[1]
    again = load(str(shape_folder), labels=run.path / "consensus.csv")  # the consensus is a label file
    assert (again.labels == true).all()
    assert {"consensus_quality", "annotation_score"} <= set(load_table(run).columns)
    assert "Who labelled how well" in write_report(run, images).read_text()


def test_a_dark_picture_of_a_folder_is_found_and_shown(trained, shape_folder, tmp_path):
    run, images = trained.run, trained.images
    kept = Image.open(images.filepaths[5])
    try:
        Image.fromarray(np.asarray(kept) // 8).save(images.filepaths[5])
        find(run, images, with_map=False)
    finally:
        kept.save(images.filepaths[5])
    table = load_table(run)
    assert table["is_dark_issue"].iloc[5] and table["dark_score"].idxmin() == 5
    assert json.loads((run.path / "findings.json").read_text())["image_checks"]["dark"] >= 1
    assert "The pictures themselves" in write_report(run, images).read_text()


def test_pictures_are_left_alone_where_nobody_asks(trained):
    find(trained.run, trained.images, with_map=False, look_for=LookFor(image_checks=False))
    assert "dark_score" not in load_table(trained.run).columns


def test_all_samples_are_in_a_group_of_the_table(found):
    groups = pd.read_csv(found.run.path / "groups.csv")
    assert groups["num_samples"].sum() == len(found.images) and "group" in load_table(found.run).columns
