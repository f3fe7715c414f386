"""Submissions of the form that Kaggle's Digit Recognizer takes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.errors import DataError
from curate.publish.export.submission import read_submission, write_submission


@settings(max_examples=25)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=50))
def test_what_was_written_is_read(tmp_path_factory, labels):
    path = tmp_path_factory.mktemp("submission") / "submission.csv"
    write_submission(path, np.array(labels), num_images=len(labels))
    assert read_submission(path, num_images=len(labels)).tolist() == labels


def test_the_form_is_kaggles(tmp_path):
    path = write_submission(tmp_path / "submission.csv", np.array([2, 0, 9]), num_images=3)
    assert path.read_bytes() == b"ImageId,Label\n1,2\n2,0\n3,9\n"


@pytest.mark.parametrize(
    ("labels", "num_images", "message"),
    [([1, 2], 3, "has labels of 2 images, expected one for each of 3"), ([1, 10], 2, "line 3 .* found 2,10"), ([-1], 1, "found 1,-1")],
)
def test_labels_that_do_not_fit_are_never_written(tmp_path, labels, num_images, message):
    with pytest.raises(DataError, match=message):
        write_submission(tmp_path / "submission.csv", np.array(labels), num_images=num_images)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Id,Label\n1,2\n", "must be ImageId,Label; found Id,Label"),
        ("", "found none"),
        ("ImageId,Label\n0,2\n", "line 2 of .* must be 1 and a digit; found 0,2"),
        ("ImageId,Label\n1,2\n3,2\n", "line 3 of .* must be 2 and a digit; found 3,2"),
        ("ImageId,Label\n1,2,3\n", "found 1,2,3"),
        ("ImageId,Label\n1,\n", "line 2 of .* must be 1 and a digit; found 1,"),
        ("ImageId,Label\n1,2.0\n", r"found 1,2\.0"),
    ],
)
def test_another_form_is_told_with_its_line(tmp_path, text, message):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(DataError, match=message):
        read_submission(tmp_path / "a.csv", num_images=1)


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(DataError, match=r"a\.csv cannot be read"):
        read_submission(tmp_path / "a.csv", num_images=1)
