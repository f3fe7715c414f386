"""The database is named as it really is, and a broken one is told of in one line."""

import json
import os
import subprocess
import sys
from dataclasses import replace

import pytest

from curate.app.database import DatabaseInfo, configured, connect, service_processes, without_password
from curate.app.mongod import free_port, private_mongod
from curate.errors import DatabaseError


@pytest.fixture
def in_own_process(tmp_path):
    """Runs `connect` in a process of its own, with a home of its own; gives what it says: code 2 is an error told
    before FiftyOne is imported, 3 one that is told later."""

    def run(first="", **environment):
        code = f"import sys\n{first}\nfrom curate.app.database import connect\nfrom curate.errors import DatabaseError\n"
        code += "try:\n    info = connect()\n"
        code += "    print(info.dbpath, info.note)\nexcept DatabaseError as error:\n    print(error)\n"
        code += "    sys.exit(3 if 'fiftyone' in sys.modules else 2)"
        kept = {name: value for name, value in os.environ.items() if not name.startswith("FIFTYONE_")}
        return subprocess.run(
            [sys.executable, "-c", code], env={**kept, "HOME": str(tmp_path), **environment}, capture_output=True, text=True, timeout=300
        )

    return run


@pytest.mark.db
def test_private_database_is_told_by_the_server_itself(fo, mongod_uri):
    info = connect()
    assert info.is_external
    assert info.uri == mongod_uri.split("/?")[0]
    assert info.dbpath.name == "db"
    assert info.version.startswith(("6.", "7.", "8."))
    assert info.note == ""


OPTIONS = """
from curate.app.database import connect
connect()
import fiftyone.core.odm as odm, mongoengine
for client in (odm.get_db_client(), odm.get_async_db_client().delegate, mongoengine.get_connection()):
    print(client.write_concern.document, client.options.server_selection_timeout)
"""


@pytest.mark.db
@pytest.mark.parametrize(("said", "expected"), [("", "{'j': True} 5.0"), ("?w=0&serverselectiontimeoutms=900", "{'w': 0} 0.9")])
def test_fiftyone_writes_durably_and_gives_up_early_unless_the_uri_says_otherwise(mongod_uri, tmp_path, said, expected):
    environment = {**os.environ, "HOME": str(tmp_path), "FIFTYONE_DATABASE_URI": mongod_uri.partition("?")[0] + said}
    done = subprocess.run([sys.executable, "-c", OPTIONS], env=environment, capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines() == [expected] * 3, done.stderr


@pytest.mark.db
def test_data_folder_in_use_by_another_mongod_is_told_at_once(tmp_path, in_own_process):
    with private_mongod(tmp_path / "other", cache_gb=0.25):
        done = in_own_process(FIFTYONE_DATABASE_DIR=str(tmp_path / "other" / "db"))
    if "another FiftyOne process" in done.stdout:
        pytest.skip("a FiftyOne of this user is running, to which FiftyOne attaches")
    assert done.returncode == 2, done.stderr
    assert "in use by mongod" in done.stdout
    assert done.stdout.count("\n") == 1


@pytest.mark.db
def test_own_service_of_another_folder_is_told(tmp_path, in_own_process):
    if service_processes():
        pytest.skip("a FiftyOne of this user is running, to which FiftyOne attaches")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FIFTYONE_")}
    environment |= {"HOME": str(tmp_path), "FIFTYONE_DATABASE_DIR": str(tmp_path / "first")}
    code = "from curate.app.database import connect\nprint(connect().dbpath, flush=True)\ninput()"
    with subprocess.Popen([sys.executable, "-c", code], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as first:
        told = first.stdout.readline().strip()
        done = in_own_process(FIFTYONE_DATABASE_DIR=str(tmp_path / "second"))
        first.communicate("\n", timeout=60)
    assert told == str(tmp_path / "first")
    assert done.stdout.startswith(f"{tmp_path / 'first'} another FiftyOne process runs the database {tmp_path / 'first'}")


@pytest.mark.db
def test_damaged_data_are_told_without_a_minute_of_waiting(damaged_folder, in_own_process):
    done = in_own_process(FIFTYONE_DATABASE_DIR=str(damaged_folder / "db"))
    if "another FiftyOne process" in done.stdout:
        pytest.skip("a FiftyOne of this user is running, to which FiftyOne attaches")
    assert done.returncode in (2, 3), done.stderr
    assert "mongod cannot start on" in done.stdout
    assert (done.stdout.count("\n"), done.stderr) == (1, "")


@pytest.mark.db
def test_a_mongod_that_is_slow_to_start_is_not_called_damaged_and_starts_the_next_time(tmp_path, in_own_process):
    folder = tmp_path / "db"
    done = in_own_process("import curate.app.database as database\ndatabase.START_SECONDS = 0.0", FIFTYONE_DATABASE_DIR=str(folder))
    if "another FiftyOne process" in done.stdout:
        pytest.skip("a FiftyOne of this user is running, to which FiftyOne attaches")
    assert done.returncode == 3, done.stderr
    assert "runs and does not answer after 0 s" in done.stdout and "run the same command again" in done.stdout
    done = in_own_process(FIFTYONE_DATABASE_DIR=str(folder))
    assert (done.returncode, done.stdout.strip()) == (0, str(folder)), done.stderr


def test_server_that_does_not_answer_is_told_before_fiftyone_is_imported(in_own_process):
    done = in_own_process(FIFTYONE_DATABASE_URI=f"mongodb://user:secret@127.0.0.1:{free_port()}/?journal=true")
    assert done.returncode == 2, done.stderr
    assert done.stdout.startswith("no MongoDB answers at mongodb://127.0.0.1:")
    assert "secret" not in done.stdout + done.stderr


def test_text_that_is_no_uri_is_told(in_own_process):
    done = in_own_process(FIFTYONE_DATABASE_URI="localhost")
    assert "'localhost' is not a MongoDB URI" in done.stdout


OTHERS_RUN = "import curate.app.database as database\ndatabase.service_processes = lambda: [1]"


@pytest.mark.parametrize("first", ["", OTHERS_RUN], ids=["alone", "beside another FiftyOne"])
def test_data_folder_that_cannot_be_made_is_told(tmp_path, in_own_process, first):
    (tmp_path / "file").write_text("")
    done = in_own_process(first, FIFTYONE_DATABASE_DIR=str(tmp_path / "file" / "db"))
    if "another FiftyOne process" in done.stdout:
        pytest.skip("a FiftyOne of this user is running, to which FiftyOne attaches")
    assert "cannot be written" in done.stdout
    assert "FIFTYONE_DATABASE_DIR" in done.stdout


def test_configuration_file_is_followed(tmp_path, monkeypatch):
    (tmp_path / "config.json").write_text(json.dumps({"database_dir": str(tmp_path / "there")}))
    monkeypatch.setenv("FIFTYONE_CONFIG_PATH", str(tmp_path / "config.json"))
    monkeypatch.delenv("FIFTYONE_DATABASE_URI", raising=False)
    monkeypatch.delenv("FIFTYONE_DATABASE_DIR", raising=False)
    assert configured() == (None, tmp_path / "there")


def test_broken_configuration_file_is_named(tmp_path, monkeypatch):
    (tmp_path / "config.json").write_text("{")
    monkeypatch.setenv("FIFTYONE_CONFIG_PATH", str(tmp_path / "config.json"))
    with pytest.raises(DatabaseError, match=r"config\.json is not readable as JSON"):
        configured()


def test_password_is_not_shown():
    assert without_password("mongodb://me:secret@db.example:27017/?tls=true") == "mongodb://db.example:27017"


def test_another_database_than_the_one_asked_for_is_a_warning(tmp_path):
    info = DatabaseInfo("mongodb://127.0.0.1:1", tmp_path / "theirs", "6.0.9", "fiftyone", False)
    assert info.told() == {"database": f"{tmp_path / 'theirs'} (MongoDB 6.0.9)"}
    assert replace(info, note="another one is used").told()["warning"] == "another one is used"
