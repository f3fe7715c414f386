"""Pixel tables of Kaggle's form: what is read is what was written, and what is wrong is told with its place."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from curate.data.load import load, reload
from curate.data.pixel_tables import is_pixel_csv, read_pixel_csv
from curate.errors import DataError, UsageError

PIXELS = ",".join(f"pixel{i}" for i in range(4))


def table(path, *rows, header=f"label,{PIXELS}"):
    """A file of 2 x 2 images."""
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


@settings(max_examples=25, deadline=None)
@given(arrays(np.uint8, st.tuples(st.integers(1, 5), st.just(9))), st.data())
def test_what_was_written_is_read(tmp_path_factory, pixels, data):
    labels = data.draw(st.lists(st.integers(0, 9), min_size=len(pixels), max_size=len(pixels)))
    path = tmp_path_factory.mktemp("csv") / "some.csv"
    header = "label," + ",".join(f"pixel{i}" for i in range(9))
    table(path, *(",".join(map(str, [label, *row])) for label, row in zip(labels, pixels.tolist(), strict=True)), header=header)
    found = read_pixel_csv(path)
    np.testing.assert_array_equal(found.images, pixels.reshape(-1, 1, 3, 3))
    assert found.labels.tolist() == labels
    assert found.sample_ids.tolist() == [f"some/train/{i}" for i in range(len(labels))]


def test_pixels_go_row_by_row_from_the_top(tmp_path):
    assert read_pixel_csv(table(tmp_path / "a.csv", "7,1,2,3,4")).images.tolist() == [[[[1, 2], [3, 4]]]]


def test_a_table_without_labels_is_unlabelled(tmp_path):
    found = read_pixel_csv(table(tmp_path / "a.csv", "1,2,3,4", "5,6,7,8", header=PIXELS), name="digits", split="test")
    assert found.labels.tolist() == [-1, -1] and found.splits.tolist() == ["test", "test"]
    assert found.sample_ids.tolist() == ["digits/test/0", "digits/test/1"]


@pytest.mark.parametrize(
    "change",
    [
        lambda text: "\ufeff" + text,
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.rstrip("\n"),
        lambda text: text + "\n\n",
        lambda text: text.replace("\n5,0,", '\n"5","0",').replace("label", '"label"'),
        lambda text: text.replace(",", ", "),
    ],
    ids=["byte order mark", "Windows", "no last newline", "empty lines", "quotes", "blanks"],
)
def test_files_of_other_programs_are_read_alike(tmp_path, change):
    path = tmp_path / "a.csv"
    path.write_bytes(change(f"label,{PIXELS}\n5,0,255,0,9\n3,1,1,1,1\n").encode())
    found = read_pixel_csv(path)
    assert is_pixel_csv(path)
    assert found.labels.tolist() == [5, 3] and found.images.reshape(2, 4).tolist() == [[0, 255, 0, 9], [1, 1, 1, 1]]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("5,0,0,0", r"line 3 of .*a\.csv has 4 values, expected 5 as in the header; was the file cut off\?"),
        ("5,0,0,0,0,0", "line 3 of .* has 6 values, expected 5"),
        ("5,0,,0,0", "line 3 of .* has no value for pixel1; expected 0 to 255"),
        (",0,0,0,0", "line 3 of .* has no label; expected 0 to 9"),
        ("10,0,0,0,0", "line 3 of .* has label '10'; expected a whole number from 0 to 9"),
        ("-1,0,0,0,0", "line 3 of .* has label '-1'"),
        ("cat,0,0,0,0", "line 3 of .* has label 'cat'"),
        ("5,0,0,256,0", "line 3 of .* has pixel2 '256'; expected a whole number from 0 to 255"),
        ("5,0,0,-3,0", "line 3 of .* has pixel2 '-3'"),
        ("5,0,0,99999,0", "line 3 of .* has pixel2 '99999'"),
        ("5,0,0,0.5,0", r"line 3 of .* has pixel2 '0\.5'"),
        ("5,0,0,x,0", "line 3 of .* has pixel2 'x'"),
        ("5,0,0,#,0", "line 3 of .* has pixel2 '#'"),
    ],
)
def test_a_wrong_row_is_told_with_its_line(tmp_path, row, message):
    with pytest.raises(DataError, match=message) as caught:
        read_pixel_csv(table(tmp_path / "a.csv", "1,0,0,0,0", row, "2,0,0,0,0"))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("label,pixel0,pixel1,pixel3,pixel4", "found 'pixel3' in place of 'pixel2'"),
        ("digit,pixel0,pixel1,pixel2", "found 'digit' in place of 'pixel0'"),
        ("label,pixel0,pixel1,pixel2", "has 3 pixels an image, which is no square"),
        ("label", "found no pixels"),
        ("", "found no pixels"),
        ("5,0,0,0,0", "found '5' in place of 'pixel0'"),
    ],
)
def test_a_wrong_header_is_told(tmp_path, header, message):
    with pytest.raises(DataError, match=message):
        read_pixel_csv(table(tmp_path / "a.csv", "5,0,0,0,0", header=header))


def test_a_table_without_rows_and_one_that_is_not_there_are_told(tmp_path):
    with pytest.raises(DataError, match="has a header and no rows"):
        read_pixel_csv(table(tmp_path / "a.csv"))
    with pytest.raises(DataError, match=r"b\.csv cannot be read \(No such file"):
        read_pixel_csv(tmp_path / "b.csv")


def test_a_file_that_is_no_text_is_told(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"\x89PNG\xff\xfe" * 50)
    with pytest.raises(DataError, match="cannot be read as CSV in UTF-8"):
        read_pixel_csv(tmp_path / "a.csv")


def test_pixel_tables_are_told_from_manifests_and_others(tmp_path):
    assert is_pixel_csv(table(tmp_path / "train.csv"))
    assert is_pixel_csv(table(tmp_path / "test.CSV", header=PIXELS))
    assert not is_pixel_csv(table(tmp_path / "labels.csv", header="filepath,label,split"))
    assert not is_pixel_csv(tmp_path / "missing.csv")
    assert not is_pixel_csv(table(tmp_path / "train.txt"))
    assert not is_pixel_csv(tmp_path)


def test_a_set_is_read_again_by_its_origin(tmp_path):
    first = read_pixel_csv(table(tmp_path / "a.csv", "1,0,0,0,0", "2,9,9,9,9"), name="digits")
    again = reload(first.origin)
    assert (again.images_hash, again.labels_hash, again.name) == (first.images_hash, first.labels_hash, first.name)


def test_options_of_load_are_followed(tmp_path):
    path = str(table(tmp_path / "a.csv", *(f"{i},{i},0,0,0" for i in range(6))))
    np.save(tmp_path / "labels.npy", np.array([9, 8, 7, 6, 5, 4]))
    found = load(path, limit=3, labels=tmp_path / "labels.npy")
    assert found.images[:, 0, 0, 0].tolist() == [0, 2, 5] and found.labels.tolist() == [9, 7, 4]
    assert found.origin["passed_over"] == {"beyond --limit 3": 3}
    with pytest.raises(DataError, match="no samples in split 'test'"):
        load(path, split="test")
    with pytest.raises(UsageError, match="holds the pixels of its images; leave out --image-size"):
        load(path, image_size=32)


def test_load_knows_a_pixel_table_from_a_manifest(tmp_path):
    found = load(str(table(tmp_path / "a.csv", "7,1,2,3,4", "1,5,6,7,8")))
    assert found.images.shape == (2, 1, 2, 2) and reload(found.origin).labels.tolist() == found.labels.tolist() == [7, 1]
