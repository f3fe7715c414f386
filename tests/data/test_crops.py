"""Crops: what lies inside boxes, cut once."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from curate.data.crops import NO_SHARES, TOO_SMALL, UNREADABLE, Box, crop_files
from curate.errors import DataError


@pytest.fixture
def street(tmp_path):
    """A picture with a red and a blue half."""
    halves = np.zeros((100, 200, 3), np.uint8)
    halves[:, :100, 0], halves[:, 100:, 2] = 255, 255
    path = tmp_path / "street.png"
    Image.fromarray(halves).save(path)
    return str(path)


def pixels(path):
    with Image.open(path) as image:
        return np.asarray(image)


def size(path):
    return pixels(path).shape[1::-1]


def test_what_is_inside_a_box_is_cut_out(street, tmp_path):
    found = crop_files([Box(street, 0.05, 0.1, 0.4, 0.5), Box(street, 0.6, 0.0, 0.4, 1.0)], tmp_path / "crops")
    assert [size(path) for path in found.files] == [(80, 50), (80, 100)]
    np.testing.assert_allclose([pixels(path).mean((0, 1)) for path in found.files], [[255, 0, 0], [0, 0, 255]], atol=3)
    assert found.passed_over == {}


def test_a_box_that_reaches_out_is_cut_off_at_the_edge(street, tmp_path):
    found = crop_files([Box(street, 0.9, -0.5, 0.5, 1.0)], tmp_path / "crops")
    assert size(found.files[0]) == (20, 50)


def test_a_box_that_shows_nothing_is_counted(street, tmp_path):
    found = crop_files([Box(street, 0.5, 0.5, 0.01, 0.3), Box(street, 1.5, 0, 0.5, 1), Box(street, 0, 0, 1, 1)], tmp_path / "crops")
    assert found.files[:2] == [None, None] and found.files[2] and found.passed_over == {TOO_SMALL: 2}


@pytest.mark.parametrize("side", ["left", "top", "width", "height"])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf"), 1e308])
def test_a_box_whose_sides_are_no_shares_is_counted(street, tmp_path, side, value):
    found = crop_files([replace(Box(street, 0, 0, 1, 1), **{side: value}), Box(street, 0, 0, 1, 1)], tmp_path / "crops")
    assert found.files[0] is None and found.files[1] and found.passed_over == {NO_SHARES: 1}


def test_a_picture_that_cannot_be_read_is_counted_or_with_strict_an_error(street, tmp_path):
    boxes = [Box(str(tmp_path / "gone.png"), 0, 0, 1, 1), Box(street, 0, 0, 1, 1)]
    assert crop_files(boxes, tmp_path / "crops").passed_over == {UNREADABLE: 1}
    with pytest.raises(DataError, match=r"gone\.png is missing"):
        crop_files(boxes, tmp_path / "crops", strict=True)


def test_crops_are_cut_once_and_again_where_the_picture_has_changed(street, tmp_path):
    box = Box(street, 0, 0, 0.5, 1)
    [first] = crop_files([box], tmp_path / "crops").files
    before = pixels(first)
    assert crop_files([box], tmp_path / "crops").files == [first]
    Image.new("RGB", (60, 60), "green").save(street)
    [second] = crop_files([box], tmp_path / "crops").files
    assert second != first and size(second) == (30, 60)
    np.testing.assert_array_equal(pixels(first), before)
