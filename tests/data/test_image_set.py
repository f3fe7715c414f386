from dataclasses import replace

import numpy as np
import pytest

from curate.data.image_set import ImageSet
from curate.errors import DataError


@pytest.fixture
def image_set():
    return ImageSet(
        name="made-up",
        images=np.arange(4 * 3, dtype=np.uint8).reshape(4, 3, 1, 1),
        labels=np.array([0, 1, -1, 1]),
        sample_ids=np.array([f"made-up/train/{i}" for i in range(4)]),
        splits=np.array(["train", "train", "train", "test"]),
        class_names=("a", "b"),
    )


def test_a_subset_keeps_everything_of_its_samples_together(image_set):
    subset = image_set.subset(np.array([3, 0]))
    assert subset.sample_ids.tolist() == ["made-up/train/3", "made-up/train/0"]
    assert subset.labels.tolist() == [1, 0] and subset.splits.tolist() == ["test", "train"]
    np.testing.assert_array_equal(subset.images, image_set.images[[3, 0]])


def test_other_labels_change_the_labels_hash_only(image_set):
    other = image_set.with_labels([1, 1, 1, 1])
    assert other.images_hash == image_set.images_hash and other.labels_hash != image_set.labels_hash


def test_the_images_hash_tells_pixels_order_and_ids_apart(image_set):
    other_pixels = replace(image_set, images=image_set.images + np.uint8(1))
    other_order = image_set.subset(np.array([1, 0, 2, 3]))
    other_ids = replace(image_set, sample_ids=image_set.sample_ids[::-1])
    assert len({s.images_hash for s in (image_set, other_pixels, other_order, other_ids)}) == 4


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": np.zeros((4, 3, 1, 1))}, r"must be uint8 \(N, C, H, W\), found float64"),
        ({"labels": np.array([0, 1])}, r"labels of 'made-up' has shape \(2,\) but there are 4 images"),
        ({"labels": np.array([0, 1, 2, 0])}, r"label 2 of 'made-up' is outside 0\.\.1"),
        ({"splits": np.array(["train", "dev", "test", "test"])}, "split 'dev' of 'made-up' is not one of train"),
        ({"sample_ids": np.array(["x", "x", "y", "z"])}, "sample ids of 'made-up' are not unique"),
    ],
)
def test_what_does_not_fit_is_named(image_set, change, message):
    with pytest.raises(DataError, match=message):
        replace(image_set, **change)


def test_nothing_is_no_image_set(image_set):
    with pytest.raises(DataError, match="'made-up' has no images"):
        image_set.subset(np.array([], dtype=np.int64))
