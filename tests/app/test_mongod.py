"""A mongod of our own starts in its folder, stops cleanly, and says why when it cannot start."""

import os

import pytest

from curate.app.mongod import answers, find_mongod, free_port, mongod_version, private_mongod
from curate.errors import DatabaseError


@pytest.mark.db
def test_private_mongod_listens_only_while_the_context_is_open(tmp_path):
    with private_mongod(tmp_path, cache_gb=0.25) as uri:
        port = int(uri.split(":")[-1].split("/")[0])
        pid = int((tmp_path / "mongod.pid").read_text())
        os.kill(pid, 0)
        assert answers("127.0.0.1", port)
    assert not answers("127.0.0.1", port)
    assert not (tmp_path / "mongod.pid").exists()


@pytest.mark.db
def test_private_mongod_stops_cleanly(tmp_path):
    with private_mongod(tmp_path, cache_gb=0.25):
        pass
    assert (tmp_path / "db" / "mongod.lock").read_text() == ""


@pytest.mark.db
def test_mongod_that_cannot_start_tells_why(damaged_folder):
    with pytest.raises(DatabaseError, match=r"mongod ended with exit code -?\d+: .*WiredTiger"), private_mongod(damaged_folder):
        pass


@pytest.mark.db
def test_version_is_that_of_the_binary():
    assert mongod_version(find_mongod()).count(".") == 2


def test_missing_mongod_names_both_ways_out(tmp_path, monkeypatch):
    monkeypatch.setattr("curate.app.mongod.mongod_path", lambda: tmp_path / "mongod")
    with pytest.raises(DatabaseError, match=r"curate doctor --fix.*FIFTYONE_DATABASE_URI"):
        find_mongod()


def test_file_that_is_no_program_is_told(tmp_path):
    binary = tmp_path / "mongod"
    binary.write_text("#!/bin/sh\necho error while loading shared libraries >&2\nexit 127\n")
    binary.chmod(0o755)
    with pytest.raises(DatabaseError, match="error while loading shared libraries"):
        mongod_version(binary)


def test_free_port_is_free():
    assert not answers("127.0.0.1", free_port())
