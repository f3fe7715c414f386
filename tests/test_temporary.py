"""Temporary folders, of which a killed process leaves none for long."""

import os
import subprocess
import sys
import time

import pytest

from curate.temporary import temporary_folder

HOLD = """
import sys, time
from pathlib import Path
from curate.temporary import temporary_folder
with temporary_folder("ours-", Path(sys.argv[1])) as folder:
    print(folder, flush=True)
    time.sleep(60)
"""


def an_hour_ago():
    return time.time() - 3600


@pytest.fixture
def holder(tmp_path):
    """A process with such a folder, made a while ago."""
    with subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True) as process:
        folder = type(tmp_path)(process.stdout.readline().strip())
        os.utime(folder, (an_hour_ago(),) * 2)
        yield process, folder
        process.kill()


def test_a_folder_is_there_until_the_end(tmp_path):
    with temporary_folder("ours-", tmp_path) as folder:
        assert folder.parent == tmp_path and folder.name.startswith("ours-")
        assert list(folder.iterdir()) == []
        (folder / "file").touch()
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_is_removed_by_the_next(tmp_path, holder):
    process, folder = holder
    process.kill()
    process.wait()
    (tmp_path / "ours-by-hand").mkdir()  # no name of ours
    os.utime(tmp_path / "ours-by-hand", (an_hour_ago(),) * 2)
    with temporary_folder("others-", tmp_path):
        assert folder.exists()
    with temporary_folder("ours-", tmp_path):
        assert not folder.exists() and (tmp_path / "ours-by-hand").exists()


def test_a_folder_in_use_stays(tmp_path, holder):
    with temporary_folder("ours-", tmp_path):
        assert holder[1].exists()


def test_a_folder_that_is_just_being_made_stays(tmp_path):
    (tmp_path / "ours-justmade").mkdir()
    with temporary_folder("ours-", tmp_path):
        assert (tmp_path / "ours-justmade").exists()
    os.utime(tmp_path / "ours-justmade", (an_hour_ago(),) * 2)
    with temporary_folder("ours-", tmp_path):
        assert not (tmp_path / "ours-justmade").exists()


def test_a_link_of_such_a_name_leads_nowhere_else(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    os.utime(tmp_path / "elsewhere", (an_hour_ago(),) * 2)
    (tmp_path / "ours-linklink").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    with temporary_folder("ours-", tmp_path):
        assert (tmp_path / "elsewhere").exists() and (tmp_path / "ours-linklink").is_symlink()
