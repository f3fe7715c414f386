"""How folders are laid out: splits are no classes, wrappers no datasets, and every file is read or counted."""

import os
import unicodedata

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image

from curate.data.folders import list_folder
from curate.data.load import load
from curate.errors import DataError
from curate.files import EXPORT_MARKER

pytestmark = pytest.mark.usefixtures("data_folder")


def write(folder, *names):
    for number, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".png":
            Image.new("L", (16, 16), number).save(path)
        else:
            path.write_text("x")
    return folder


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["train/1.png", "test1/2.png"], r"images in test1, train, which are splits without class folders"),
        (["train/1.png"], r"images in train, which is a split without class folders.*filepath,label,split"),
        (
            ["cat/train/1.png", "cat/test/2.png", "dog/train/3.png"],
            r"class folders of .* \(cat, dog\) hold splits \(test, train\); .* test/cat/",
        ),
        (["Pets/cat/1.png", "Pets/dog/2.png"], r"found only 'Pets', which holds cat, dog; .* audit .*in/Pets"),
        (["train/a/1.png", "train/b/2.png", "extra/c/3.png"], r"beside them 'extra', which is neither a split nor a class; move it"),
        (["seg_train/seg_train/a/1.png", "seg_test/seg_test/a/2.png", "seg_pred/3.png"], "beside them 'seg_pred'"),
    ],
)
def test_splits_that_stand_where_classes_are_expected_stop(tmp_path, names, message):
    with pytest.raises(DataError, match=message):
        list_folder(write(tmp_path / "in", *names))


def test_a_wrapper_of_the_same_name_is_gone_into(tmp_path):
    folder = write(
        tmp_path / "in", "training_set/training_set/cat/1.png", "training_set/training_set/dog/2.png", "test_set/test_set/cat/3.png"
    )
    write(folder, "training_set/notes.txt", "training_set/training_set/notes.txt")
    found = list_folder(folder)
    assert found.class_names == ("cat", "dog") and found.splits.tolist() == ["train", "train", "test"]
    assert found.keys[0] == "training_set/training_set/cat/1.png" and found.passed_over == {"not a picture, by the file name": 2}


def test_a_flat_test_folder_is_passed_over_and_counted(tmp_path):
    found = list_folder(write(tmp_path / "in", "train/a/1.png", "train/b/2.png", "test/3.png", "test/4.png", "docs/x.txt"))
    assert found.passed_over == {"in test/, which has no class folders": 2, "in docs/": 1}
    assert "2 images in test/, which has no class folders were not read" in found.remarks


def test_folders_in_class_folders_that_hold_all_images_are_a_remark(tmp_path):
    found = list_folder(write(tmp_path / "in", "animals/a/1.png", "animals/b/2.png", "cars/a/3.png", "cars/b/4.png"))
    assert found.class_names == ("animals", "cars")
    assert "if those are the classes, audit" in found.remarks[0] and "(a, b)" in found.remarks[0]


@pytest.mark.parametrize("made", [EXPORT_MARKER, "runs/pets/run.json"])
def test_what_curate_made_is_no_class_and_a_remark(tmp_path, made):
    folder = write(tmp_path / "in", "cat/1.png", "dog/2.png", "made/train/cat/3.png", f"made/{made}")
    found = list_folder(folder)
    assert found.class_names == ("cat", "dog") and found.remarks == ("made/ was made by curate and is no class",)


def test_the_data_folder_is_no_class_before_it_holds_a_run(tmp_path, monkeypatch):
    folder = write(tmp_path / "in", "cat/1.png", "dog/2.png", "data/pictures/aa/3.png")
    monkeypatch.setenv("CURATE_DATA", str(folder / "data"))
    assert list_folder(folder).class_names == ("cat", "dog")


@pytest.mark.parametrize(
    ("names", "remark"),
    [
        (["Cat", "cat", "dog"], "classes 'Cat' and 'cat' differ"),
        (["1", "01", "2"], "classes '01' and '1' differ"),
        (["ice cream", "ice_cream", "dog"], "classes 'ice cream' and 'ice_cream' differ"),
        (["nan", "dog"], "'nan' counts as a class; leave the label empty"),
    ],
)
def test_names_that_look_like_one_class_or_none_are_a_remark(tmp_path, names, remark):
    found = list_folder(write(tmp_path / "in", *(f"{name}/{i}.png" for i, name in enumerate(names))))
    assert len(found.class_names) == len(names) and found.remarks[0].startswith(remark)


def test_ids_and_classes_are_in_nfc_whatever_the_disk_writes(tmp_path):
    folder = write(tmp_path / "in", f"train/{unicodedata.normalize('NFD', 'café')}/é.png", "val/café/1.png", "train/dog/2.png")
    found = load(str(folder))
    assert found.class_names == ("café", "dog") and all(unicodedata.is_normalized("NFC", one) for one in found.sample_ids)


def test_what_was_not_chosen_is_counted_too(tmp_path):
    folder = write(tmp_path / "in", *(f"{split}/{name}/{i}.png" for split in ("train", "test") for name in "ab" for i in range(3)))
    assert load(str(folder), split="train", limit=4).origin["passed_over"] == {"not in the split train": 6, "beyond --limit 4": 2}


def test_links_are_followed_but_for_those_that_lead_back(tmp_path):
    folder = write(tmp_path / "in", "cat/1.png", "dog/2.png")
    write(tmp_path / "elsewhere", "3.png")
    (folder / "cat" / "more").symlink_to(tmp_path / "elsewhere")
    (folder / "cat" / "loop").symlink_to(folder)
    (folder / "cat" / "itself").symlink_to(folder / "cat")
    assert list_folder(folder).keys == ["cat/1.png", "cat/more/3.png", "dog/2.png"]


def test_an_export_of_fiftyone_says_how_it_is_read(tmp_path):
    with pytest.raises(DataError, match=r"export of FiftyOne's .* audit fiftyone:NAME"):
        list_folder(write(tmp_path / "in", "data/1.png", "labels.json"))


PARTS = st.sampled_from(
    ["cat", "dog", "train", "test", "Train", "val", "training_set", "__other__", ".hidden", "__MACOSX", "deep", "caf\u00e9"]
)
FILES = st.sampled_from(["1.png", "2.PNG", "3.jpg", "x.heic", "notes.txt", "noend", ".x.png", "Thumbs.db", "a.npy"])
TREES = st.lists(st.tuples(st.lists(PARTS, max_size=3), FILES), max_size=12)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tree=TREES)
@example(tree=[([], "1.png"), (["__other__"], "1.png")])
def test_read_and_passed_over_are_all_that_was_there(tmp_path_factory, tree):
    folder = tmp_path_factory.mktemp("tree")
    for parts, name in tree:
        folder.joinpath(*parts).mkdir(parents=True, exist_ok=True)
        folder.joinpath(*parts, name).write_bytes(b"x")
    try:
        found = list_folder(folder)
    except DataError as error:
        assert str(folder) in str(error)
        return
    there = 0
    for _, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".") and name != "__MACOSX"]
        there += sum(not name.startswith(".") and name != "Thumbs.db" for name in names)
    assert len(found.filepaths) + sum(found.passed_over.values()) == there


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes by name")
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif"])
def test_a_pipe_among_the_pictures_is_told_and_not_waited_for(tmp_path, suffix):
    write(tmp_path / "pets", *(f"{kind}/{number}.png" for kind in ("cat", "dog") for number in range(3)))
    os.mkfifo(tmp_path / "pets" / "cat" / f"pipe{suffix}")
    found = load(str(tmp_path / "pets"))
    assert len(found) == 6
    assert found.origin["skipped"] == [
        f"image {tmp_path / 'pets' / 'cat' / f'pipe{suffix}'} cannot be read (a pipe, a socket or a device, and no file)"
    ]
    with pytest.raises(DataError, match="a pipe, a socket or a device, and no file"):
        load(str(tmp_path / "pets"), strict=True)


@pytest.mark.parametrize("name", ["@eaDir", "#recycle", "$RECYCLE.BIN", "System Volume Information", "lost+found"])
def test_folders_that_a_system_strews_about_are_no_classes(tmp_path, name):
    write(tmp_path / "pets", "cat/1.png", "dog/1.png", f"{name}/1.png", f"cat/{name}/1.png")
    found = list_folder(tmp_path / "pets")
    assert found.class_names == ("cat", "dog") and len(found.filepaths) == 2


def test_classes_whose_pictures_lie_in_folders_that_are_none_by_their_name_are_read(tmp_path):
    found = list_folder(write(tmp_path / "pets", "cat/__other__/1.png", "dog/__other__/1.png"))
    assert found.class_names == ("cat", "dog") and len(found.filepaths) == 2
