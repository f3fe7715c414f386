"""Image files for sets that have none: exact, written once, and repaired after an interruption."""

import io
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from curate.app.media import encode_png, image_files, media_names
from curate.errors import DataError, StorageError


@pytest.fixture(autouse=True)
def data_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("CURATE_DATA", str(tmp_path))
    return tmp_path


def media_folder(data_folder, image_set):
    return data_folder / "media" / image_set.name / image_set.images_hash[:12]


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 4), st.integers(1, 9), st.integers(1, 9), st.integers(0, 2**32 - 1))
def test_png_decodes_to_the_very_pixels(num_channels, height, width, seed):
    image = np.random.default_rng(seed).integers(0, 256, (num_channels, height, width), dtype=np.uint8)
    decoded = np.asarray(Image.open(io.BytesIO(encode_png(image))))
    np.testing.assert_array_equal(decoded.reshape(height, width, num_channels), image.transpose(1, 2, 0))


def test_files_are_named_by_split_and_official_index(shapes, data_folder):
    files = image_files(shapes)
    assert files[0] == str(media_folder(data_folder, shapes) / "train" / "0.png")
    assert files[-1] == str(media_folder(data_folder, shapes) / "test" / "11.png")
    assert len(set(files)) == 36


def test_second_call_writes_nothing(shapes, data_folder):
    image_files(shapes)
    (media_folder(data_folder, shapes) / "train" / "3.png").write_bytes(b"marked")
    image_files(shapes)
    assert (media_folder(data_folder, shapes) / "train" / "3.png").read_bytes() == b"marked"


def test_interrupted_writing_is_completed(shapes, data_folder):
    files = image_files(shapes)
    (media_folder(data_folder, shapes) / "manifest.json").unlink()
    (media_folder(data_folder, shapes) / "train" / "3.png").write_bytes(b"\x89PNG")  # cut off
    (media_folder(data_folder, shapes) / "train" / "4.png").unlink()
    image_files(shapes)
    for path, image in zip(files, shapes.images, strict=True):
        np.testing.assert_array_equal(np.asarray(Image.open(path)), image[0])


def test_deleted_file_is_noticed_and_written_again(shapes, data_folder):
    image_files(shapes)
    (media_folder(data_folder, shapes) / "train" / "3.png").unlink()
    image_files(shapes)
    assert (media_folder(data_folder, shapes) / "train" / "3.png").exists()


def test_other_pixels_under_the_same_name_have_files_of_their_own(shapes):
    files = image_files(shapes)
    others = image_files(replace(shapes, images=255 - shapes.images))
    np.testing.assert_array_equal(np.asarray(Image.open(files[0])), shapes.images[0, 0])
    np.testing.assert_array_equal(np.asarray(Image.open(others[0])), 255 - shapes.images[0, 0])


def test_files_of_the_user_are_used_as_they_are(shapes, data_folder):
    theirs = np.array([f"/theirs/{i}.jpg" for i in range(36)])
    assert image_files(replace(shapes, filepaths=theirs)) == theirs.tolist()
    assert not (data_folder / "media").exists()


def test_ids_that_give_no_file_names_are_numbered(shapes):
    odd = replace(shapes, sample_ids=np.array([f"a/{i}/same name" for i in range(36)]))
    assert media_names(odd)[:2] == ["train/0.png", "train/1.png"]
    assert media_names(odd)[24] == "test/0.png"


def test_five_channels_are_refused(shapes):
    many = replace(shapes, images=np.repeat(shapes.images, 5, axis=1))
    with pytest.raises(DataError, match="5 channels"):
        image_files(many)


def test_folder_that_cannot_be_made_is_named(shapes, data_folder):
    (data_folder / "media").write_text("a file")
    with pytest.raises(StorageError, match="media"):
        image_files(shapes)
