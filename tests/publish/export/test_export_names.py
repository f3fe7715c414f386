from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.data.image_set import ImageSet
from curate.publish.export.tree import METADATA, class_folders, file_names, safe_name


@given(st.lists(st.text(st.characters(exclude_categories=("Cs",))), min_size=1, max_size=20, unique=True))
def test_class_folders_are_names_that_every_system_takes_and_none_comes_twice(class_names):
    folders = class_folders(class_names)
    assert len({folder.casefold() for folder in folders}) == len(class_names)
    for folder in folders:
        assert 0 < len(folder.encode()) <= 255 and folder == folder.strip() and not folder.endswith(".")
        assert not folder.startswith((".", "__")) and not set(folder) & set('<>:"/\\|?*\0\n')
        assert folder.casefold() != METADATA


@pytest.mark.parametrize("name", ["cat", "0", "aquarium_fish", "Hund und Katze", "まぐろ", "_x"])
def test_a_name_that_is_safe_stays(name):
    assert safe_name(name) == name


@pytest.mark.parametrize(
    ("name", "safe"),
    [("a/b", "a-b"), ("..", "-"), ("__x", "x"), (".hidden", "hidden"), ("con", "con-"), ("LPT1.x", "LPT1.x-"), ("", "-"), ("a. ", "a")],
)
def test_a_name_that_is_not_is_changed(name, safe):
    assert safe_name(name) == safe


def test_names_that_only_differ_by_what_is_changed_are_numbered():
    assert class_folders(["a/b", "a-b", "A:B", METADATA]) == ("a-b", "a-b-2", "A-B-3", f"{METADATA}-2")


@pytest.fixture
def images():
    return ImageSet(
        name="pets",
        images=np.zeros((4, 1, 2, 2), np.uint8),
        labels=np.zeros(4, np.int64),
        sample_ids=np.array(["pets/train/0", "pets/train/1", "pets/test/0", "pets/test/1"]),
        splits=np.array(["train", "train", "test", "test"]),
        class_names=("cat", "dog"),
    )


def test_images_of_an_archive_are_named_by_their_number(images):
    assert file_names(images, ["train/cat", "train/dog", "test/cat", "test/cat"]) == [
        "train/cat/0.png",
        "train/dog/1.png",
        "test/cat/0.png",
        "test/cat/1.png",
    ]


def test_files_keep_their_names_unless_two_are_the_same_in_one_folder(images):
    files = replace(images, filepaths=np.array(["/x/a/1.JPG", "/x/b/1.jpg", "/x/a/1.jpg", "/x/c/1-2.jpg"]))
    assert file_names(files, ["train/cat", "train/cat", "test/cat", "train/cat"]) == [
        "train/cat/1.JPG",
        "train/cat/1-2.jpg",
        "test/cat/1.jpg",
        "train/cat/1-2-2.jpg",
    ]


def test_files_with_an_ending_that_image_folders_do_not_know_become_png(images):
    files = replace(images, filepaths=np.array(["/x/a.gif", "/x/a.png", "/x/photo", "/x/.b.tiff"]))
    assert file_names(files, ["t"] * 4) == ["t/a.png", "t/a-2.png", "t/photo.png", "t/b.tiff"]
