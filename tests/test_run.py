"""The run folder: atomic writes, one line for everything that does not fit, nothing unpickled."""

import errno
import json
import os
import pickle
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from curate.errors import RunError, StorageError
from curate.files import DATA, RUN, TO, storage_errors, write_atomically
from curate.run import Run, holds_runs, run_path

META = {
    "dataset": {"name": "shapes", "images_hash": "a", "labels_hash": "b", "origin": {"source": "/here"}},
    "config": {"model": "lenet5", "seed": 0, "recipe": {"epochs": 1}},
}


@pytest.fixture
def run(tmp_path):
    return Run.create(tmp_path / "runs" / "shapes", META)


def changed(**sections):
    return {**META, **{name: {**META[name], **values} for name, values in sections.items()}}


def files(folder):
    return sorted(path.name for path in folder.iterdir())


def test_what_was_made_is_what_is_opened(run):
    run.update("metrics", accuracy=np.float32(0.5), shape=(1, 2))
    opened = Run.open(run.path)
    assert opened.meta == run.meta == json.loads((run.path / "run.json").read_text())
    assert opened.meta["format"] == 1 and opened.meta["metrics"] == {"accuracy": 0.5, "shape": [1, 2]}


def test_a_rename_that_fails_leaves_the_old_file_and_nothing_beside_it(run, monkeypatch):
    run.save_array("a.npy", np.arange(3))
    before = files(run.path)

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(StorageError, match=r"cannot write .*a\.npy: the disk is full; free some space, then run the same command again"):
        run.save_array("a.npy", np.zeros(9))
    monkeypatch.undo()
    assert run.load_array("a.npy").tolist() == [0, 1, 2] and files(run.path) == before


def test_a_kill_while_writing_leaves_the_old_file_or_the_new_one(tmp_path):
    code = (
        "import sys, itertools; from pathlib import Path; from curate.run import write_atomically\n"
        "for i in itertools.count(): write_atomically(Path(sys.argv[1]), bytes([i % 256]) * 3_000_000)"
    )
    target = tmp_path / "file"
    for wait in (0.0, 0.011, 0.023):
        process = subprocess.Popen([sys.executable, "-c", code, str(target)])
        deadline = time.monotonic() + 60
        while not target.exists() and time.monotonic() < deadline:
            time.sleep(0.005)
        time.sleep(wait)
        process.send_signal(signal.SIGKILL)
        process.wait()
        content = target.read_bytes()
        assert len(content) == 3_000_000 and len(set(content)) == 1


def test_an_existing_run_of_the_same_dataset_and_config_goes_on(run):
    run.update("metrics", accuracy=1)
    assert Run.create(run.path, META).meta["metrics"] == {"accuracy": 1}


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (
            changed(dataset={"labels_hash": "c"}),
            "another dataset .labels_hash: there 'b', asked for 'c'.; give this one another name with --run",
        ),
        (changed(config={"seed": 1}), "another config .seed: there 0, asked for 1.; give this one another name with --run"),
        (changed(config={"model": "airbench"}), "another config .model: there 'lenet5', asked for 'airbench'"),
    ],
)
def test_a_trained_run_of_something_else_says_what_differs(run, other, message):
    with run.step("train"):
        pass
    with pytest.raises(RunError, match=message):
        Run.create(run.path, other)


def test_one_finished_fold_makes_a_run_that_keeps_its_config(run):
    run.save_array("folds/pred_probs-r0-f0.npy", np.zeros(3))
    with pytest.raises(RunError, match="another config"):
        Run.create(run.path, changed(config={"seed": 1}))


def test_while_nothing_is_trained_another_config_takes_the_folder(run):
    assert Run.create(run.path, changed(config={"seed": 1})).meta["config"]["seed"] == 1
    assert Run.open(run.path).meta["config"]["seed"] == 1


def test_the_same_images_may_lie_elsewhere(run):
    with run.step("train"):
        pass
    moved = Run.create(run.path, changed(dataset={"origin": {"source": "/there"}}))
    assert moved.meta["dataset"]["origin"] == {"source": "/there"} and "train" in moved.meta["steps"]


def test_a_missing_run_names_those_that_are_there(run):
    with pytest.raises(RunError, match=r"no run at .*other; runs there: shapes"):
        Run.open(run.path.parent / "other")


@pytest.mark.parametrize("text", ['{"format": 0, "steps": {}}', "{}", "[]", "null"])
def test_another_format_is_told(run, text):
    (run.path / "run.json").write_text(text)
    with pytest.raises(RunError, match=r"has run format (0|None), this curate reads 1"):
        Run.open(run.path)


@pytest.mark.parametrize("content", [b"", b'{"format": 1', b"\xff\xfe"])
def test_a_broken_run_json_is_told(run, content):
    (run.path / "run.json").write_bytes(content)
    with pytest.raises(RunError, match=r"run\.json is not readable as JSON"):
        Run.open(run.path)


class Bomb:
    def __reduce__(self):
        return os.abort, ()


def test_nothing_is_unpickled(run):
    (run.path / "a.npy").write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(RunError, match=r"a\.npy is not a readable array"):
        run.load_array("a.npy")
    np.save(run.path / "b.npy", np.array([Bomb()], dtype=object), allow_pickle=True)
    with pytest.raises(RunError, match=r"b\.npy is not a readable array"):
        run.load_array("b.npy")


def test_nothing_is_pickled(run):
    with pytest.raises(ValueError, match="Object arrays cannot be saved"):
        run.save_array("a.npy", np.array([{}], dtype=object))
    assert not run.has("a.npy")


@pytest.mark.parametrize("keep", [0, 60, -1])
def test_a_truncated_array_names_the_step_that_makes_it_again(run, keep):
    run.save_array("a.npy", np.arange(100))
    (run.path / "a.npy").write_bytes((run.path / "a.npy").read_bytes()[:keep])
    with pytest.raises(RunError, match=r"delete it and run `curate find [^`]+` again"):
        run.load_array("a.npy", verb="find")


def test_a_missing_array_names_the_step_that_makes_it(run):
    with pytest.raises(RunError, match=r"has no issues\.parquet yet; run `curate find [^`]+` first"):
        run.require("issues.parquet", "find")


def test_a_file_where_the_folder_should_be_is_told(tmp_path):
    (tmp_path / "runs").write_text("a file")
    with pytest.raises(StorageError, match="a part of that path is a file, not a folder"):
        Run.create(tmp_path / "runs" / "shapes", META)
    with pytest.raises(StorageError, match="a file is where a folder should be"):
        Run.create(tmp_path / "runs", META)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (errno.ENOSPC, "full"),
        (errno.EDQUOT, "quota"),
        (errno.EROFS, "read-only"),
        (errno.EACCES, "permission"),
        (errno.EPERM, "permission"),
    ],
)
def test_a_disk_that_cannot_be_written_is_told_with_its_path(tmp_path, code, message):
    with pytest.raises(StorageError, match=f"cannot write .*target: .*{message}"), storage_errors(tmp_path / "target"):
        raise OSError(code, os.strerror(code))


def test_other_errors_of_the_machine_are_not_disguised(tmp_path):
    with pytest.raises(OSError, match="Input/output error"), storage_errors(tmp_path):
        raise OSError(errno.EIO, os.strerror(errno.EIO))


def test_a_full_disk_is_told_by_the_real_thing(tmp_path):
    if not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full here")
    with pytest.raises(StorageError, match="the disk is full"), storage_errors(tmp_path), open("/dev/full", "wb", buffering=0) as file:
        file.write(b"x")


def test_folders_are_made_on_the_way(tmp_path):
    assert write_atomically(tmp_path / "a" / "b" / "c", b"x").read_bytes() == b"x"
    assert files(tmp_path / "a" / "b") == ["c"]


def test_a_step_records_its_seconds_its_peak_memory_and_its_notes(run):
    with run.step("train", method="some") as record:
        block = np.ones(2**24)  # 128 MiB
        time.sleep(0.6)
        record["models"] = len(block) and 3
        del block
    step = Run.open(run.path).meta["steps"]["train"]
    assert step["seconds"] >= 0.6 and step["peak_memory_mib"] > 128
    assert step["method"] == "some" and step["models"] == 3


def test_a_step_that_fails_records_nothing(run):
    with pytest.raises(ZeroDivisionError), run.step("train"):
        _ = 1 / 0
    assert "train" not in Run.open(run.path).meta["steps"]


@pytest.mark.parametrize("content", ["notes.txt", "cat/1.png", "folds"])
def test_a_run_begins_in_no_folder_that_holds_other_things(tmp_path, content):
    (tmp_path / "full" / content).mkdir(parents=True)
    with pytest.raises(RunError, match=r"full holds other things, such as .*; give --run a name, or a new or an empty folder"):
        Run.create(tmp_path / "full", META)
    assert not (tmp_path / "full" / "run.json").exists()


def test_a_run_begins_in_an_empty_folder(tmp_path):
    (tmp_path / "empty").mkdir()
    assert Run.create(tmp_path / "empty", META).path == tmp_path / "empty"


def test_a_run_begins_in_no_folder_of_images(tmp_path, monkeypatch):
    images = tmp_path / "images"
    (images / "cat").mkdir(parents=True)
    meta = changed(dataset={"origin": {"source": str(images)}})
    for place in (images / "new", images / "cat" / "new", images / "cat"):
        with pytest.raises(RunError, match="lies among the images in"):
            Run.create(place, meta)
        assert not (place / "run.json").exists()
    monkeypatch.setenv("CURATE_DATA", str(images / "data"))  # no listing goes into it
    assert Run.create(images / "data" / "runs" / "new", meta).has("run.json")


def test_what_curate_made_is_known(tmp_path):
    data = tmp_path / "photos" / "data"
    assert not holds_runs(data) and not holds_runs(data.parent)
    Run.create(data / "runs" / "some", META)
    assert holds_runs(data) and holds_runs(data / "runs" / "some") and not holds_runs(data.parent)


def test_no_advice_deletes_decisions(run):
    (run.path / "run.json").write_text("{")
    with pytest.raises(RunError, match="delete the folder and run again"):
        Run.open(run.path)
    (run.path / "decisions.jsonl").write_text("{}\n")
    with pytest.raises(
        RunError, match=r"under another --run name, and take over what was decided: `curate import-decisions NAME .*jsonl`"
    ) as told:
        Run.open(run.path)
    assert "delete the" not in str(told.value)


@pytest.mark.parametrize("code", [errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOENT, errno.ENAMETOOLONG, errno.ENOTDIR])
@pytest.mark.parametrize(("remedy", "words"), [(DATA, "set CURATE_DATA"), (TO, "another place with --to"), (RUN, "copy the run folder")])
def test_the_remedy_is_of_who_chose_the_place(tmp_path, code, remedy, words):
    with pytest.raises(StorageError, match=words) as told, storage_errors(tmp_path, remedy=remedy):
        raise OSError(code, os.strerror(code))
    assert sum(word in str(told.value) for word in ("CURATE_DATA", "--to", "copy the run folder")) == 1
    with pytest.raises(StorageError, match="free some space") as told, storage_errors(tmp_path, remedy=remedy):
        raise OSError(errno.ENOSPC, "")
    assert words not in str(told.value)


def test_what_a_killed_process_was_writing_goes_with_the_next_write(tmp_path):
    gone = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True, check=True)
    left, other = tmp_path / f".file.{gone.stdout.strip()}.tmp", tmp_path / f".file.{os.getppid()}.tmp"
    left.write_text("half")
    other.write_text("of a process that runs")
    write_atomically(tmp_path / "file", b"whole")
    assert not left.exists() and other.exists()


@pytest.mark.parametrize("name", ["", " ", "photos ", " photos", ".photos", "a\\b", "a:b", "a*", "a\nb", "\ufeffa"])
def test_a_name_that_makes_a_bad_folder_is_told_with_a_remedy_that_helps(name, tmp_path, monkeypatch):
    monkeypatch.setenv("CURATE_DATA", str(tmp_path))
    with pytest.raises(RunError, match="cannot be the name of a run; use letters, digits, '-' and '_', or give a path with '/'"):
        run_path(name)
    for better in ("photos-2_b", "./photos"):
        assert Run.create(tmp_path / run_path(better), META).path.is_dir()
