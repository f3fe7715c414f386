"""The whole flow in one command, on a small image folder and a mongod of its own."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from curate.app.mongod import private_mongod

pytestmark = pytest.mark.db
OPTIONS = ("--run", "shades", "--model", "lenet5", "--preset", "quick", "--folds", "2", "--device", "cpu")


@pytest.fixture(scope="module")
def curate(tmp_path_factory):
    """Runs the command line in a process of its own, with a data folder and a MongoDB that are nobody else's."""
    folder = tmp_path_factory.mktemp("audit")
    with private_mongod(folder / "mongod", cache_gb=0.25) as uri:
        environment = {
            **os.environ,
            "CURATE_DATA": str(folder / "data"),
            "FIFTYONE_DATABASE_URI": uri,
            "FIFTYONE_CONFIG_PATH": str(folder / "config.json"),
            "HOME": str(folder),
        }

        def run(*args):
            command = [sys.executable, "-m", "curate", *map(str, args)]
            return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)

        yield run


@pytest.fixture(scope="module")
def audited(curate, tmp_path_factory):
    """What `audit --json` gave on a folder of dark and bright images."""
    folder = tmp_path_factory.mktemp("shades")
    generator = np.random.default_rng(0)
    for name, low in (("dark", 0), ("bright", 150)):
        (folder / name).mkdir()
        for i in range(20):
            Image.fromarray(generator.integers(low, low + 100, (28, 28)).astype(np.uint8)).save(folder / name / f"{i}.png")
    result = curate("audit", folder, *OPTIONS, "--no-app", "--json")
    assert result.returncode == 0, result.stderr
    return result


def test_audit_prints_one_json_object_with_where_everything_is(audited):
    assert audited.stdout.count("\n") == 1
    result = json.loads(audited.stdout)
    assert result["num_samples"] == 40 and result["run"] == "shades"
    assert Path(result["report"]).read_text().startswith("<!")


def test_the_dataset_can_be_made_again_from_the_run_and_the_summary_names_the_database(audited, curate):
    result = curate("app", "shades", "--no-open")
    assert result.returncode == 0, result.stderr
    assert json.loads(audited.stdout)["dataset_name"] in result.stdout and "MongoDB" in result.stdout


def test_a_taken_port_is_told_before_anything_is_done(audited, curate):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = curate("app", "shades", "--port", port)
    assert result.returncode == 2 and result.stdout == ""
    assert result.stderr.startswith(f"error: port {port} is taken") and len(result.stderr.splitlines()) == 1
