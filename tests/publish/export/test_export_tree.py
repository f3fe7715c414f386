"""The image tree: what is in it, and that curate and torchvision read it. What Hugging Face's own loader reads, see its README card."""

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from making import export
from PIL import Image
from torchvision.datasets import ImageFolder

from curate.data.image_set import ImageSet
from curate.errors import DataError
from curate.publish.export.export import cleaned_for_export
from curate.publish.export.tree import METADATA, UNLABELLED, write_tree
from curate.sources import load_source


def pixels(path):
    with Image.open(path) as image:
        return np.asarray(image)


def metadata(folder):
    return [json.loads(line) for line in (folder / METADATA).read_text().splitlines()]


@pytest.fixture
def exported(reviewed, tmp_path):
    export(reviewed.run, tmp_path / "out", format="folder")
    return tmp_path / "out"


def test_the_files_of_a_class_are_those_that_have_its_label_now(exported, reviewed, pets, tmp_path):
    table = cleaned_for_export(reviewed.run).table
    by_sample = dict(zip(pets.sample_ids.tolist(), pets.filepaths.tolist(), strict=True))
    for split in ("train", "test"):
        found = {entry["sample_id"]: (split, entry) for entry in metadata(exported / split)}
        expected = table[(table["split"] == split) & table["label"].notna()]
        assert set(found) == set(expected["sample_id"])
        for sample_id, given, label, action in zip(*(expected[c] for c in ("sample_id", "given_label", "label", "action")), strict=True):
            entry = found[sample_id][1]
            assert (entry["given_label"], entry["label"], entry["action"]) == (given, label, action)
            assert os.path.dirname(entry["file_name"]) == label
            assert (exported / split / entry["file_name"]).read_bytes() == Path(by_sample[sample_id]).read_bytes()
        assert sum(len(files) for _, _, files in os.walk(exported / split)) == len(found) + 1


def test_dropped_samples_are_nowhere_and_abstained_ones_apart(exported):
    (entry,) = metadata(exported / UNLABELLED)
    assert (entry["sample_id"], entry["label"], entry["given_label"], entry["action"]) == ("pets/train/10/0.png", "", "10", "abstain")
    assert (exported / UNLABELLED / entry["file_name"]).is_file() and entry["file_name"].startswith("train/")
    everywhere = [entry["sample_id"] for folder in ("train", "test", UNLABELLED) for entry in metadata(exported / folder)]
    assert "pets/test/10/0.png" not in everywhere and len(everywhere) == 11


def test_torchvision_reads_every_split(exported, reviewed):
    table = cleaned_for_export(reviewed.run).table
    for split in ("train", "test"):
        found = ImageFolder(str(exported / split))
        expected = table[(table["split"] == split) & table["label"].notna()]["label"]
        assert sorted(found.classes[target] for target in found.targets) == sorted(expected)
        assert found[0][0].size == (12, 12)


def test_curate_reads_the_folder_with_its_labels(exported, reviewed, pets):
    again = load_source(str(exported))
    table = cleaned_for_export(reviewed.run).table
    labelled = table[table["label"].notna()]
    assert sorted(zip(again.splits.tolist(), (again.class_names[label] for label in again.labels), strict=True)) == sorted(
        zip(labelled["split"], labelled["label"], strict=True)
    )
    assert again.images.shape[1:] == pets.images.shape[1:]


def test_chosen_splits_only(reviewed, tmp_path):
    export(reviewed.run, tmp_path / "out", format="folder", splits=["test"])
    assert sorted(path.name for path in (tmp_path / "out").iterdir() if path.is_dir()) == ["test"]


@pytest.fixture
def archive(data):
    """Images of no files, in three channels; one is unlabelled."""
    images = np.random.default_rng(0).integers(0, 255, (6, 3, 5, 4), dtype=np.uint8)
    return ImageSet(
        name="birds",
        images=images,
        labels=np.array([0, 1, 0, 1, 0, -1]),
        sample_ids=np.array([f"birds/{split}/{i}" for split in ("train", "test") for i in range(3)]),
        splits=np.array(["train"] * 3 + ["test"] * 3),
        class_names=("a/b", "A:B"),
    )


def test_images_of_an_archive_become_png_of_the_very_pixels(archive, make_run, tmp_path):
    table = cleaned_for_export(make_run(archive, {}), policy="drop").table
    write_tree(tmp_path, archive, table)
    for i, (split, name) in enumerate(zip(archive.splits[:5], ["a-b", "A-B-2", "a-b", "A-B-2", "a-b"], strict=True)):
        np.testing.assert_array_equal(pixels(tmp_path / split / name / f"{i % 3}.png").transpose(2, 0, 1), archive.images[i])
    np.testing.assert_array_equal(pixels(tmp_path / UNLABELLED / "test" / "2.png").transpose(2, 0, 1), archive.images[5])
    assert {entry["label"] for entry in metadata(tmp_path / "train")} == {"a/b", "A:B"}


@pytest.mark.parametrize("num_channels", [1, 2, 4])
def test_other_numbers_of_channels_that_a_png_has(archive, make_run, tmp_path, num_channels):
    images = np.random.default_rng(0).integers(0, 255, (6, num_channels, 5, 4), dtype=np.uint8)
    some = replace(archive, images=images)
    write_tree(tmp_path, some, cleaned_for_export(make_run(some, {}), policy="drop").table)
    np.testing.assert_array_equal(pixels(tmp_path / "train" / "a-b" / "0.png").reshape(5, 4, -1).transpose(2, 0, 1), images[0])


def test_more_channels_than_a_png_has_are_told(archive, make_run, tmp_path):
    some = replace(archive, images=np.zeros((6, 5, 4, 4), np.uint8))
    with pytest.raises(DataError, match="have 5 channels, a PNG has 1 to 4"):
        write_tree(tmp_path, some, cleaned_for_export(make_run(some, {}), policy="drop").table)


def test_a_file_that_image_folders_do_not_know_becomes_a_png(pets, make_run, tmp_path):
    run = make_run(pets, {})
    frames = [Image.new("P", (12, 12), colour) for colour in (1, 2)]
    for frame in frames:
        frame.putpalette([0, 0, 0, 250, 0, 0, 0, 250, 0])
    frames[0].save(tmp_path / "moving.gif", save_all=True, append_images=frames[1:])
    upside_down = Image.fromarray(np.arange(144, dtype=np.uint8).reshape(12, 12))
    exif = Image.Exif()
    exif[0x0112] = 3  # orientation: turned by 180 degrees
    upside_down.save(tmp_path / "photo", "PNG", exif=exif)
    files = pets.filepaths.astype("<U500")
    files[:2] = [tmp_path / "moving.gif", tmp_path / "photo"]
    write_tree(tmp_path / "out", replace(pets, filepaths=files), cleaned_for_export(run, policy="drop").table)
    first, second = (entry["file_name"] for entry in metadata(tmp_path / "out" / "train")[:2])
    assert first.endswith("/moving.png") and second.endswith("/photo.png")
    with Image.open(tmp_path / "out" / "train" / first) as image:
        assert image.format == "PNG" and image.convert("RGB").getpixel((5, 5)) == (250, 0, 0)
    np.testing.assert_array_equal(pixels(tmp_path / "out" / "train" / second), np.asarray(upside_down)[::-1, ::-1])


def test_a_file_that_is_gone_is_named(pets, make_run, tmp_path):
    table = cleaned_for_export(make_run(pets, {}), policy="drop").table
    os.unlink(pets.filepaths[3])
    with pytest.raises(DataError, match=r"image .*1\.png cannot be exported \(No such file or directory\)"):
        write_tree(tmp_path / "out", pets, table)


def test_progress_goes_from_none_to_all(reviewed, pets, tmp_path):
    calls = []
    table = cleaned_for_export(reviewed.run).table
    write_tree(tmp_path / "out", pets, table, lambda stage, done, total, note="": calls.append((stage, done, total)))
    assert calls == [("images", 0, 11), ("images", 11, 11)]
