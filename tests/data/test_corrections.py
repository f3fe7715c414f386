import json

import numpy as np
import pytest

from curate.data.corrections import Correction, apply_corrections, is_corrections, read_corrections
from curate.data.label_files import read_labels
from curate.errors import DataError

IDS = np.array([f"pets/{i}.png" for i in range(5)])
CLASSES = ("bird", "cat", "dog")
GIVEN = np.array([0, 1, 2, 0, -1])


def corrected(path, *rows):
    path.write_text("\n".join(["sample_id,given,corrected,votes", *rows]) + "\n")
    return path


def read(path, positions=range(5)):
    chosen = np.array(positions)
    return read_labels(path, sample_ids=IDS, positions=chosen, class_names=CLASSES, given=GIVEN[chosen])


def test_a_table_of_corrections_is_applied_on_top_of_the_given_labels(tmp_path):
    path = corrected(tmp_path / "c.csv", 'pets/1.png,cat,dog,"{""dog"": 3}"', "pets/3.png,bird,,", "pets/4.png,,cat,")
    assert read(path).tolist() == [0, 2, 2, -1, 1]
    assert GIVEN.tolist() == [0, 1, 2, 0, -1]


def test_json_is_applied_as_a_table_is(tmp_path):
    rows = [
        {"sample_id": "pets/1.png", "given": "cat", "corrected": "dog"},
        {"sample_id": "pets/3.png", "given": "bird", "corrected": None},
    ]
    (tmp_path / "c.json").write_text(json.dumps({"corrections": rows}))
    assert read(tmp_path / "c.json").tolist() == [0, 2, 2, -1, -1]


def test_corrections_of_samples_that_are_not_asked_for_are_passed_over(tmp_path):
    assert read(corrected(tmp_path / "c.csv", "pets/1.png,cat,dog,", "pets/0.png,bird,cat,"), [1, 2]).tolist() == [2, 2]


def test_corrections_of_other_given_labels_are_refused_with_both(tmp_path):
    path = corrected(tmp_path / "c.csv", "pets/1.png,cat,dog,", "pets/2.png,bird,cat,", "pets/4.png,dog,cat,")
    message = (
        r"c\.csv belongs to other labels: 2 of its 3 samples have another given label now, such as pets/2\.png: 'bird' there, 'dog' here"
    )
    with pytest.raises(DataError, match=message):
        read(path)


def test_an_unlabelled_sample_that_is_labelled_now_is_another_given_label(tmp_path):
    with pytest.raises(DataError, match=r"pets/0\.png: '' there, 'bird' here"):
        read(corrected(tmp_path / "c.csv", "pets/0.png,,cat,"))


def test_unknown_samples_are_counted_and_one_is_named(tmp_path):
    with pytest.raises(DataError, match=r"has 1 sample ids that the dataset lacks, such as pets/9\.png; expected ids like pets/0\.png"):
        read(corrected(tmp_path / "c.csv", "pets/9.png,cat,dog,"), [1])


@pytest.mark.parametrize("row", ["pets/1.png,cat,cow,", "pets/1.png,cow,cat,"])
def test_an_unknown_class_is_named(tmp_path, row):
    with pytest.raises(DataError, match="label 'cow', which is no class"):
        read(corrected(tmp_path / "c.csv", row))


def test_a_sample_that_comes_twice_is_named(tmp_path):
    with pytest.raises(DataError, match=r"sample pets/1\.png more than once"):
        read(corrected(tmp_path / "c.csv", "pets/1.png,cat,dog,", "pets/1.png,cat,bird,"))


def test_without_given_labels_changes_alone_are_no_labels(tmp_path):
    path = corrected(tmp_path / "c.csv", "pets/1.png,cat,dog,")
    with pytest.raises(DataError, match="lists only changes, which need given labels"):
        read_labels(path, sample_ids=IDS, positions=np.arange(5), class_names=CLASSES)


def test_a_table_with_a_column_label_is_a_table_of_all_labels(tmp_path):
    (tmp_path / "l.csv").write_text("sample_id,label,given,corrected\n" + "".join(f"{i},cat,dog,bird\n" for i in IDS))
    assert not is_corrections(tmp_path / "l.csv") and read(tmp_path / "l.csv").tolist() == [1] * 5


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "cannot be read as JSON"),
        ("[" * 100_000, "cannot be read as JSON"),
        ("[]", "must be a JSON object with a list 'corrections'"),
        ('{"corrections": {}}', "must be a JSON object with a list 'corrections'"),
        ('{"corrections": [3]}', "correction 1 in .* must have sample_id, given, corrected, found 3"),
        ('{"corrections": [{"sample_id": "a"}]}', "correction 1 in .* must have sample_id, given, corrected, found sample_id"),
        ('{"corrections": [{"sample_id": "a", "given": 1, "corrected": null}]}', "class names as text"),
        ('{"corrections": [{"sample_id": null, "given": "cat", "corrected": null}]}', "must have a sample_id"),
    ],
)
def test_json_of_another_form_is_told(tmp_path, content, message):
    (tmp_path / "c.json").write_text(content)
    with pytest.raises(DataError, match=message):
        read(tmp_path / "c.json")


@pytest.mark.parametrize("name", ["c.json", "c.csv"])
def test_a_file_that_is_not_there_and_one_of_bytes_are_told(tmp_path, name):
    with pytest.raises(DataError, match=r"there is no (table|file of corrected labels) at"):
        read_corrections(tmp_path / name)
    (tmp_path / name).write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="cannot be read as"):
        read_corrections(tmp_path / name)


def test_a_short_line_of_a_table_is_told(tmp_path):
    path = tmp_path / "c.csv"
    path.write_text("given,corrected,sample_id\ncat,dog\n")
    with pytest.raises(DataError, match=r"line 2 of .* has 2 values, the first line 3"):
        read_corrections(path)


def test_no_corrections_change_nothing(tmp_path):
    assert read(corrected(tmp_path / "c.csv")).tolist() == GIVEN.tolist()


def test_corrections_apply_to_plain_arrays(tmp_path):
    labels = apply_corrections(GIVEN, [Correction("pets/2.png", "dog", "1")], sample_ids=IDS, class_names=CLASSES, path=tmp_path)
    assert labels.tolist() == [0, 1, 1, 0, -1]
