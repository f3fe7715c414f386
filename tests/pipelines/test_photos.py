"""The pipeline that measures photographs: what it plants, what it counts, and the pictures that it makes."""

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from curate.progress import silent
from curate.sources import from_arrays

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def pipelines(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "pipelines")


def labelled(num=200, num_classes=4):
    return from_arrays(np.zeros((num, 8, 8), np.uint8), np.arange(num) % num_classes)


def test_uniform_flips_are_as_many_as_asked_and_all_wrong():
    from photos import flip

    image_set = labelled()
    flipped = flip(image_set, None, 0.1, seed=0)
    assert (flipped != image_set.labels).sum() == 20 and flipped.min() >= 0 and flipped.max() < 4


def test_similar_flips_go_to_the_class_of_the_nearest_stranger():
    from photos import flip

    image_set = labelled(num_classes=2)
    neighbors = (np.arange(200)[:, None] + np.array([2, 4, 1])) % 200  # the first two are of the same class
    flipped = flip(image_set, neighbors, 0.5, seed=1)
    moved = np.flatnonzero(flipped != image_set.labels)
    assert len(moved) == 100 and (flipped[moved] == image_set.labels[neighbors[moved, 2]]).all()


def test_f1_of_flags_and_of_the_best_cut():
    from photos import f1_of

    wrong = np.array([True, True, False, False, True])
    rank = np.array([1, 2, 3, 4, 5])
    found = f1_of(np.array([True, False, True, False, False]), rank, wrong)
    assert found == {"f1": 0.4, "best_f1": 0.8, "num_flagged": 2}


def test_a_few_labels_are_changed_for_the_second_audit(tmp_path):
    from photos import changed, write_labels

    image_set = labelled()
    new = changed(image_set.labels, 4)
    assert (new != image_set.labels).sum() == 4
    write_labels(tmp_path / "changed.csv", image_set, new)
    lines = (tmp_path / "changed.csv").read_text().splitlines()
    assert lines[0] == "sample_id,label" and lines[1] == f"arrays/0,{new[0]}" and len(lines) == 201


def test_pictures_are_repeated_class_by_class_and_enlarged(tmp_path):
    from photo_measures import enlarged, repeated

    for name in ("a", "b"):
        (tmp_path / "few" / name).mkdir(parents=True)
        Image.new("RGB", (40, 30), "red").save(tmp_path / "few" / name / "0.jpg")
    many = repeated(tmp_path / "few", tmp_path / "many", 7)
    assert [len(list((many / name).iterdir())) for name in ("a", "b")] == [4, 3]
    large = enlarged(tmp_path / "few", tmp_path / "large", megapixels=0.5, most=1)
    (file,) = large.rglob("*.jpg")
    with Image.open(file) as image:
        width, height = image.size
    assert width * height == pytest.approx(5e5, rel=0.01) and width / height == pytest.approx(4 / 3, rel=0.01)


def test_what_is_measured_has_a_data_folder_of_its_own(monkeypatch, tmp_path):
    import os

    from photos import data_folder

    monkeypatch.setenv("CURATE_DATA", "before")
    with data_folder(None):
        assert os.environ["CURATE_DATA"] != "before" and not os.listdir(os.environ["CURATE_DATA"])
    with data_folder(str(tmp_path)):
        assert os.environ["CURATE_DATA"] == str(tmp_path)
    assert os.environ["CURATE_DATA"] == "before"


def test_drawn_numerals_lie_in_the_folder_of_their_given_label_and_the_table_has_the_true_one(tmp_path):
    from stand_ins import NUMERALS, numerals

    numerals(tmp_path, 60, seed=0, progress=silent)
    with (tmp_path / "numerals.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    files = sorted(str(path.relative_to(tmp_path / "numerals")) for path in (tmp_path / "numerals").rglob("*.png"))
    assert files == sorted(row["filepath"] for row in rows) and all(row["filepath"].startswith(f"{row['given']}/") for row in rows)
    assert {row["true"] for row in rows} <= {*NUMERALS, ""} and 0 < sum(row["given"] != row["true"] for row in rows) < 20
    darkest = [np.asarray(Image.open(tmp_path / "numerals" / name)).min() for name in files]
    assert max(darkest) < 200  # something is drawn on each
