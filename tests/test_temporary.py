"""Temporary folders, of which a killed process leaves none for long."""

import os
import subprocess
import sys
import time

import pytest

from curate.temporary import LOCK, temporary_folder

HOLD = """
import sys, time
from pathlib import Path
from curate.temporary import temporary_folder
with temporary_folder("ours-", Path(sys.argv[1])) as folder:
    print(folder, flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
    """A process with such a folder, made a while ago."""
    with subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True) as process:
        folder = type(tmp_path)(process.stdout.readline().strip())
        os.utime(folder / LOCK, (time.time() - 3600,) * 2)
        yield process, folder
        process.kill()


def test_a_folder_is_there_until_the_end(tmp_path):
    with temporary_folder("ours-", tmp_path) as folder:
        (folder / "file").touch()
        assert folder.parent == tmp_path and folder.name.startswith("ours-")
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_is_removed_by_the_next(tmp_path, holder):
    process, folder = holder
    process.kill()
    process.wait()
    (tmp_path / "ours-by-hand").mkdir()  # without a lock, it may be anybody's
    with temporary_folder("others-", tmp_path):
        assert folder.exists()
    with temporary_folder("ours-", tmp_path):
        assert not folder.exists() and (tmp_path / "ours-by-hand").exists()


def test_a_folder_in_use_stays(tmp_path, holder):
    with temporary_folder("ours-", tmp_path):
        assert holder[1].exists()


def test_a_folder_that_is_just_being_made_stays(tmp_path):
    (tmp_path / "ours-new").mkdir()
    (tmp_path / "ours-new" / LOCK).touch()
    with temporary_folder("ours-", tmp_path):
        assert (tmp_path / "ours-new").exists()
