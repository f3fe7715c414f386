import errno
import json
import os
import subprocess
import sys

import pytest

from curate.errors import StorageError, UsageError
from curate.publish.export.target import MARKER, check_file, new_folder


def tree(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def fill(to, *names):
    with new_folder(to) as folder:
        for name in names:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(name)


@pytest.mark.parametrize("exists", [True, False])
def test_a_new_or_an_empty_folder_becomes_the_export(tmp_path, exists):
    if exists:
        (tmp_path / "out").mkdir()
    fill(tmp_path / "out", "a/b", "c")
    assert tree(tmp_path / "out") == {"a/b", "c", MARKER}
    assert os.listdir(tmp_path) == ["out"]


def test_folders_above_it_are_made(tmp_path):
    fill(tmp_path / "x" / "y" / "out", "a")
    assert tree(tmp_path) == {"x/y/out/a", f"x/y/out/{MARKER}"}


def test_an_earlier_export_is_replaced(tmp_path):
    fill(tmp_path / "out", "a", "b")
    fill(tmp_path / "out", "c")
    assert tree(tmp_path) == {"out/c", f"out/{MARKER}"}


@pytest.mark.parametrize("spoil", [lambda out: (out / "mine").write_text("x"), lambda out: (out / "a").unlink()])
def test_an_export_that_somebody_worked_in_stays(tmp_path, spoil):
    fill(tmp_path / "out", "a", "b")
    spoil(tmp_path / "out")
    before = tree(tmp_path)
    with pytest.raises(UsageError, match="files were added to the export"):
        fill(tmp_path / "out", "c")
    assert tree(tmp_path) == before


def test_a_folder_of_somebody_else_is_refused(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").write_text("x")
    with pytest.raises(UsageError, match=r"holds other things, such as thesis\.tex; choose a new or an empty folder"):
        fill(tmp_path / "out", "a")
    assert tree(tmp_path) == {"out/thesis.tex"}


def test_files_that_come_while_it_works_are_not_lost(tmp_path):
    with pytest.raises(UsageError, match="holds other things, such as late"), new_folder(tmp_path / "out") as folder:
        (folder / "a").write_text("x")
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "late").write_text("x")
    assert tree(tmp_path) == {"out/late"}


@pytest.mark.parametrize("content", ["", "[]", '{"format": 1, "num_files": "2"}', "\xff"])
def test_a_marker_that_curate_did_not_write_protects_nothing_from_refusal(tmp_path, content):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / MARKER).write_text(content, encoding="latin-1")
    (tmp_path / "out" / "a").write_text("x")
    with pytest.raises(UsageError):
        fill(tmp_path / "out", "b")
    assert (tmp_path / "out" / "a").exists()


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "out").write_text("x")
    with pytest.raises(UsageError, match="is a file, expected a folder"):
        fill(tmp_path / "out", "a")


def test_a_place_under_a_file_is_told(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(StorageError, match=r"cannot write in .*file; choose another place with --to"):
        fill(tmp_path / "file" / "out", "a")


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt(), ValueError("a bug")])
def test_what_stops_it_leaves_the_old_export_and_nothing_beside_it(tmp_path, error):
    fill(tmp_path / "out", "a")
    expected = StorageError if isinstance(error, OSError) else type(error)
    with pytest.raises(expected), new_folder(tmp_path / "out") as folder:
        (folder / "half").write_text("x")
        raise error
    assert tree(tmp_path) == {"out/a", f"out/{MARKER}"}


def test_a_rename_that_fails_puts_the_old_export_back(tmp_path, monkeypatch):
    fill(tmp_path / "out", "a")
    rename = os.rename

    def fails_for_the_new(source, target):
        if ".curate-new-" in str(source):
            raise OSError(errno.EBUSY, "Device or resource busy")
        rename(source, target)

    monkeypatch.setattr(os, "rename", fails_for_the_new)
    with pytest.raises(StorageError, match=r"nothing can take the place of .*out \(Device or resource busy\)"):
        fill(tmp_path / "out", "b")
    assert tree(tmp_path) == {"out/a", f"out/{MARKER}"}


def test_what_a_killed_export_left_is_removed_by_the_next(tmp_path):
    code = (
        "import os, sys; from pathlib import Path; from curate.publish.export.target import new_folder\n"
        "with new_folder(Path(sys.argv[1])) as folder:\n"
        "    (folder / 'half').write_text('x'); os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path / "out")]).returncode == -9
    (left_over,) = os.listdir(tmp_path)
    assert left_over.startswith(".out.curate-new-")
    fill(tmp_path / "out", "a")
    assert os.listdir(tmp_path) == ["out"]


def test_the_work_of_another_export_that_still_runs_is_left_alone(tmp_path):
    running = tmp_path / f".out.curate-new-{os.getppid()}"
    running.mkdir()
    fill(tmp_path / "out", "a")
    assert running.is_dir()


def test_a_file_of_the_users_own_is_not_replaced(tmp_path):
    (tmp_path / "labels.csv").write_text("filepath,label\n")
    with pytest.raises(UsageError, match=r"labels\.csv is there already and is no such export"):
        check_file(tmp_path / "labels.csv", (".csv",), lambda path: "sample_id" in path.read_text())
    (tmp_path / "labels.csv").write_text("sample_id\n")
    check_file(tmp_path / "labels.csv", (".csv",), lambda path: "sample_id" in path.read_text())


def test_a_file_must_have_the_ending_of_its_format(tmp_path):
    with pytest.raises(UsageError, match=r"ends in \.csv or \.json to export to, found labels\.txt"):
        check_file(tmp_path / "labels.txt", (".csv", ".json"), lambda path: True)


def test_a_folder_is_no_file(tmp_path):
    (tmp_path / "labels.csv").mkdir()
    with pytest.raises(UsageError, match="is a folder, expected a file"):
        check_file(tmp_path / "labels.csv", (".csv",), lambda path: True)


def test_the_marker_counts_the_files(tmp_path):
    fill(tmp_path / "out", "a/b", "c")
    assert json.loads((tmp_path / "out" / MARKER).read_text()) == {"format": 1, "num_files": 2}
