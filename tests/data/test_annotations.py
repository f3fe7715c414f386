import numpy as np
import pandas as pd
import pytest

from curate.data.annotations import Annotations, majority_labels, read_annotations
from curate.data.image_set import ImageSet
from curate.data.label_files import read_given
from curate.errors import DataError

IDS = np.array(["pets/0", "pets/1", "pets/2"])
CLASSES = ("cat", "dog", "7")
ROWS = ["pets/0,ada,cat", "pets/1,ada,dog", "pets/2,ada,7", "pets/0,bob,cat", "pets/2,bob,dog"]


def read(path, rows, header="sample_id,annotator,label", positions=(0, 1, 2)):
    path.write_text("\n".join([header, *rows]) + "\n")
    return read_annotations(path, sample_ids=IDS, positions=np.array(positions), class_names=CLASSES)


def votes(*rows, names="abcdefgh"):
    return Annotations.of(np.array(rows), np.array(list(names)))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "labels.csv"


def test_labels_are_sorted_by_annotator(path):
    found = read(path, ROWS)
    assert found.names.tolist() == ["ada", "bob"]
    assert found.array.tolist() == [[0, 0, 0], [1, 0, 1], [2, 0, 2], [0, 1, 0], [2, 1, 1]]


def test_parquet_holds_the_same(path, tmp_path):
    frame = pd.DataFrame([row.split(",") for row in ROWS], columns=["sample_id", "annotator", "label"])
    frame.to_parquet(tmp_path / "labels.parquet")
    found = read_annotations(tmp_path / "labels.parquet", sample_ids=IDS, positions=np.arange(3), class_names=CLASSES)
    assert found.array.tolist() == read(path, ROWS).array.tolist()


def test_samples_that_are_not_asked_for_are_left_out_with_their_annotators(path):
    found = read(path, [*ROWS, "pets/0,eve,dog"], positions=(2, 1))
    assert found.names.tolist() == ["ada", "bob"] and found.samples.tolist() == [1, 0, 0]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([*ROWS, "pets/1,,cat"], "line 7 of .* has no annotator"),
        ([*ROWS, "pets/1,bob"], "line 7 of .* has 2 values, the first line 3"),
        ([*ROWS, "pets/0,ada,dog"], "line 7 of .* is the second label of sample pets/0 by annotator ada, after line 2"),
        ([*ROWS, "pets/1,bob,horse"], "has label 'horse', which is no class"),
        ([*ROWS, "pets/9,bob,cat"], "has 1 sample ids that the dataset lacks, such as pets/9"),
        (["pets/1,bob,", "pets/2,ada,-1"], "has no label of any of the 3 samples; expected ids like pets/0"),
    ],
)
def test_holes_doubles_and_strangers_are_told(path, rows, message):
    with pytest.raises(DataError, match=message):
        read(path, rows)


@pytest.mark.parametrize("none", [[], ["pets/1,bob,", "pets/1,ada,-1"]])
def test_a_sample_that_nobody_labelled_is_unlabelled(path, none):
    rows = [*(row for row in ROWS if "/1" not in row), *none]
    assert read(path, rows).array.tolist() == [[0, 0, 0], [2, 0, 2], [0, 1, 0], [2, 1, 1]]
    labels, annotations = read_given(path, sample_ids=IDS, positions=np.arange(3), class_names=CLASSES)
    assert labels.tolist() == [0, -1, 1] and len(annotations.labels) == 4


def test_a_table_without_a_column_is_told(path):
    with pytest.raises(DataError, match="has no column 'sample_id'; expected sample_id, annotator, label, found sample, annotator, label"):
        read(path, ROWS, header="sample,annotator,label")


def test_most_votes_win():
    found = majority_labels(votes((0, 0, 1), (0, 1, 1), (0, 2, 0), (1, 1, 2)), num_samples=3, num_classes=3)
    assert found.tolist() == [1, 2, -1]


def test_a_tie_goes_to_the_annotator_who_agrees_more_often_elsewhere():
    clear = [(i, a, 0 if a < 3 else 1) for i in range(4) for a in range(4)]  # number 3 is always alone
    assert majority_labels(votes(*clear, (4, 3, 0), (4, 2, 1)), num_samples=5, num_classes=2)[4] == 1


def test_the_majority_becomes_the_label_of_a_set_and_subsets_keep_their_votes(path):
    read(path, ROWS)
    labels, annotations = read_given(path, sample_ids=IDS, positions=np.arange(3), class_names=CLASSES)
    images = np.zeros((3, 1, 8, 8), np.uint8)
    pets = ImageSet("pets", images, labels, IDS, np.full(3, "train"), CLASSES, annotations=annotations)
    assert pets.subset(np.array([2])).annotations.array.tolist() == [[0, 0, 2], [0, 1, 1]]
    assert labels.tolist() == [0, 1, 1]  # of the tie, the first class: both annotators agree as often elsewhere
