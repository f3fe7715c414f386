"""The step: which policy is taken, what is refused before any work, and that nothing half-written is left."""

import errno
import os
import shutil

import pandas as pd
import pytest
from making import export

from curate.data.load import load
from curate.errors import DataError, RunError, StorageError, UnknownNameError, UsageError
from curate.publish.export.export import FORMATS, cleaned_for_export
from curate.publish.export.sample_table import read_table
from curate.review.clean import clean
from curate.run import Run


def beside(folder):
    return sorted(path.name for path in folder.iterdir() if path.name not in ("data", "pets"))


def test_without_decisions_flags_are_dropped(run):
    assert cleaned_for_export(run).policy == "drop"


def test_with_decisions_they_are_what_counts(reviewed):
    assert cleaned_for_export(reviewed.run).policy == "reviewed"


def test_what_clean_did_last_is_what_goes_out(reviewed):
    clean(reviewed.run, policy="relabel", min_confidence=0.95)
    cleaned = cleaned_for_export(Run.open(reviewed.run.path))
    assert (cleaned.policy, cleaned.min_confidence) == ("relabel", 0.95)


def test_a_policy_that_is_named_comes_first(reviewed):
    clean(reviewed.run, policy="relabel")
    assert cleaned_for_export(reviewed.run, policy="drop").policy == "drop"


def test_a_bound_that_a_policy_does_not_have_is_not_taken_from_an_older_run(reviewed):
    clean(reviewed.run, policy="drop")
    reviewed.run.update("clean", policy="drop", min_confidence=0.95)
    assert cleaned_for_export(reviewed.run).min_confidence is None


def test_flags_that_were_found_anew_forget_what_clean_did(run):
    clean(run, policy="abstain")
    (run.path / "cleaned.csv").unlink()  # as `find` does
    assert cleaned_for_export(run).policy == "drop"


@pytest.mark.parametrize("format", ["csv", "parquet"])
def test_tables_need_no_images(run, pets, tmp_path, format):
    shutil.rmtree(tmp_path / "pets")
    result = export(run, tmp_path / f"labels.{format}", format=format, policy="drop")
    pd.testing.assert_frame_equal(read_table(tmp_path / f"labels.{format}"), cleaned_for_export(run, policy="drop").table)
    assert (result["num_samples"], result["num_keep"], result["num_drop"]) == (12, 10, 2)


def test_the_figures_tell_what_people_decided(reviewed, tmp_path):
    result = export(reviewed.run, tmp_path / "labels.csv", format="csv")
    assert (result["num_decided"], result["num_conflicts_to_adjudicate"], result["num_relabel"], result["num_abstain"]) == (6, 1, 2, 1)


@pytest.mark.parametrize("name", ["corrected.csv", "corrected.json"])
def test_corrected_labels_that_are_applied_are_the_cleaned_labels(reviewed, tmp_path, name, pets):
    """What `curate train NAME --labels FILE` does."""
    from curate.data.label_files import read_labels

    export(reviewed.run, tmp_path / name, format="corrected")
    labels = read_labels(
        tmp_path / name, sample_ids=pets.sample_ids, positions=range(len(pets)), class_names=pets.class_names, given=pets.labels
    )
    expected = cleaned_for_export(reviewed.run).table["label"].fillna("").tolist()
    assert [*map([*pets.class_names, ""].__getitem__, labels)] == expected


def test_a_format_that_is_unknown_names_the_nearest(run, tmp_path):
    with pytest.raises(UnknownNameError, match="unknown format 'parket'; did you mean parquet"):
        export(run, tmp_path / "x", format="parket")


def test_a_policy_or_split_that_is_unknown_names_the_nearest(run, tmp_path):
    with pytest.raises(UnknownNameError, match="did you mean relabel"):
        export(run, tmp_path / "x.csv", format="csv", policy="relabl")
    with pytest.raises(UnknownNameError, match="did you mean train"):
        export(run, tmp_path / "x.csv", format="csv", splits=["trian"])
    assert beside(tmp_path) == []


def test_reviewed_without_decisions_is_told(run, tmp_path):
    with pytest.raises(UsageError, match="the policy reviewed applies decisions, and nobody has decided yet"):
        export(run, tmp_path / "x.csv", format="csv", policy="reviewed")


@pytest.mark.parametrize("format", ["csv", "folder", "corrected"])
def test_before_find_it_says_what_to_do(run, tmp_path, format):
    (run.path / "issues.parquet").unlink()
    with pytest.raises(RunError, match=r"run `curate find [^`]+` first"):
        export(run, tmp_path / ("x" if format == "folder" else "x.csv"), format=format)


@pytest.mark.parametrize("format", [f for f in FORMATS if f != "fiftyone"])
def test_a_place_that_is_taken_is_refused_and_left_as_it_is(run, tmp_path, format):
    taken = tmp_path / {"folder": "x", "parquet": "x.parquet"}.get(format, "x.csv")
    if format == "folder":
        taken.mkdir()
        (taken / "mine").write_text("mine")
    else:
        taken.write_text("mine")
    with pytest.raises(UsageError, match=r"such as mine|is no such export"):
        export(run, taken, format=format, policy="drop")
    assert (taken / "mine" if format == "folder" else taken).read_text() == "mine"


def test_the_image_folder_of_the_run_is_no_place_for_an_export(run, tmp_path):
    with pytest.raises(UsageError, match=r"lies in the image folder .*pets of the run, which would change it"):
        export(run, tmp_path / "pets" / "cleaned", format="folder")


def test_a_folder_here_that_is_called_like_the_dataset_of_the_catalog_is_a_place(run, tmp_path, monkeypatch):
    (tmp_path / "mnist").mkdir()
    monkeypatch.chdir(tmp_path)
    run.meta["dataset"]["origin"]["source"] = "mnist"
    (run.path / "issues.parquet").unlink()
    with pytest.raises(RunError, match=r"run `curate find [^`]+` first"):  # which is asked for after the place
        export(run, tmp_path / "mnist" / "cleaned", format="folder")


def test_media_can_be_left_out_of_a_fiftyone_dataset_only(run, tmp_path):
    with pytest.raises(UsageError, match="--no-media is for --format fiftyone, found folder"):
        export(run, tmp_path / "x", format="folder", with_media=False)


@pytest.mark.parametrize("options", [{"policy": "drop"}, {"splits": ["train"]}, {"min_confidence": 0.9}])
def test_options_of_cleaning_do_not_fit_a_fiftyone_dataset(run, tmp_path, options):
    with pytest.raises(UsageError, match="a FiftyOne dataset goes out whole"):
        export(run, tmp_path / "out", format="fiftyone", **options)


def test_images_that_changed_since_the_audit_are_told(run, tmp_path):
    shutil.copy(tmp_path / "pets/train/2/0.png", tmp_path / "pets/train/2/1.png")
    with pytest.raises(RunError, match="was made from other images"):
        export(run, tmp_path / "x", format="folder")
    assert beside(tmp_path) == []


def test_a_full_disk_is_one_line_and_leaves_nothing(reviewed, tmp_path, monkeypatch):
    copied = []

    def full_after_three(source, target):
        copied.append(target)
        if len(copied) > 3:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(target))
        target.write_bytes(b"x")

    monkeypatch.setattr(shutil, "copyfile", full_after_three)
    with pytest.raises(StorageError, match=r"cannot write .*out: the disk is full; free some space"):
        export(reviewed.run, tmp_path / "out", format="folder")
    assert len(copied) == 4 and beside(tmp_path) == []


def test_a_file_that_vanishes_on_the_way_leaves_nothing(reviewed, tmp_path, monkeypatch):
    def gone(source, target):
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), source)

    monkeypatch.setattr(shutil, "copyfile", gone)
    with pytest.raises(DataError, match="cannot be exported"):
        export(reviewed.run, tmp_path / "out", format="folder")
    assert beside(tmp_path) == []


def test_exporting_again_after_more_decisions_replaces_the_folder(run, tmp_path):
    export(run, tmp_path / "out", format="folder")
    assert not (tmp_path / "out" / "train/2/0.png").exists()
    export(run, tmp_path / "out", format="folder", policy="relabel")
    assert load(str(tmp_path / "out")).labels.shape == (12,) and beside(tmp_path) == ["out"]
