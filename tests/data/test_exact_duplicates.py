import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from curate.data import exact_duplicates
from curate.data.exact_duplicates import duplicate_groups

few_images = arrays(np.uint8, st.tuples(st.integers(0, 30), st.just(1), st.just(1), st.just(2)), elements=st.integers(0, 2))


@given(few_images)
def test_two_images_share_a_group_exactly_when_their_pixels_are_equal(images):
    groups = duplicate_groups(images)
    equal = (images[:, None] == images[None]).all(axis=(2, 3, 4))
    np.testing.assert_array_equal(groups[:, None] == groups[None], equal)


@given(few_images)
def test_groups_are_numbered_in_order_of_their_first_image(images):
    _, first = np.unique(duplicate_groups(images), return_index=True)
    assert (np.diff(first) > 0).all()


def test_images_whose_digests_collide_are_still_told_apart(monkeypatch):
    monkeypatch.setattr(exact_duplicates, "_digest", lambda image: b"")
    images = np.array([3, 1, 3, 2, 1], dtype=np.uint8).reshape(5, 1, 1, 1)
    np.testing.assert_array_equal(duplicate_groups(images), [0, 1, 0, 2, 1])


@pytest.mark.parametrize("num_images", [exact_duplicates.BLOCK, exact_duplicates.BLOCK + 1])
def test_duplicates_are_found_across_blocks(num_images):
    images = np.arange(num_images, dtype="<u4").view(np.uint8).reshape(num_images, 1, 2, 2).copy()
    images[-1] = images[0]
    assert duplicate_groups(images)[-1] == 0


def test_a_memory_map_is_read_like_an_array(tmp_path):
    images = np.random.default_rng(0).integers(0, 2, (50, 1, 2, 2), dtype=np.uint8)
    np.save(tmp_path / "images.npy", images)
    np.testing.assert_array_equal(duplicate_groups(np.load(tmp_path / "images.npy", mmap_mode="r")), duplicate_groups(images))
