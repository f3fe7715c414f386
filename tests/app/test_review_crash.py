"""Processes that are killed in mid-review take nothing with them that the App had called done."""

import json
import os
import subprocess
import sys

import pymongo
import pytest
from review_browser import NUM, audit_digits, write_digits
from review_crash import review_and_kill
from review_driver import Mongod, ReviewServer


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("crash")


@pytest.fixture(scope="module")
def run(home):
    return audit_digits(write_digits(home / "digits"), home / "data" / "runs" / "digits")


@pytest.mark.db
def test_no_decision_is_lost_when_mongod_and_server_are_killed(run, home):
    counts = review_and_kill(run.path, home, 3, seed=3)
    assert counts["decisions_called_done"] > 10 and min(counts["kills_of_mongod"], counts["kills_of_server"]) >= 1
    assert [counts[what] for what in ("lost_from_the_journal", "lost_from_the_database", "written_but_not_shown")] == [0, 0, 0]


@pytest.mark.db
def test_dataset_is_not_taken_for_empty_after_mongod_was_killed(run, home):
    with Mongod(home / "new") as mongod:
        ReviewServer(run.path, mongod, home).stop()
        mongod.kill()  # before its first checkpoint, a minute after the start
        mongod.start()
        with pymongo.MongoClient(mongod.uri) as client:
            samples = mongod.collection(client, run.name)
            assert samples.estimated_document_count() != NUM  # else this proves nothing
            ReviewServer(run.path, mongod, home).stop()
            assert samples.estimated_document_count() == NUM


@pytest.mark.db
def test_an_export_after_mongod_was_killed_is_that_of_before(run, home):
    def exported(name):
        words = ["export", run.path, "--format", "fiftyone", "--to", home / name, "--no-media"]
        environment = {**os.environ, "FIFTYONE_DATABASE_URI": mongod.uri, "HOME": str(home), "CURATE_DATA": str(home / "data")}
        told = subprocess.run([sys.executable, "-m", "curate", *map(str, words), "--json"], env=environment, capture_output=True, text=True)
        assert told.returncode == 0, told.stderr
        assert json.loads(told.stdout)["num_samples"] == NUM
        return [json.loads((home / name / f"{part}.json").read_text()) for part in ("samples", "metadata")]

    with Mongod(home / "exports") as mongod:
        ReviewServer(run.path, mongod, home).stop()
        samples, metadata = exported("before")
        mongod.kill()
        mongod.start()
        with pymongo.MongoClient(mongod.uri) as client:
            assert mongod.collection(client, run.name).estimated_document_count() != NUM  # else this proves nothing
        samples_again, metadata_again = exported("after")
    written = [[{**sample, "last_modified_at": None} for sample in found["samples"]] for found in (samples, samples_again)]
    assert written[0] == written[1]
    assert metadata_again["evaluations"] == metadata["evaluations"]  # with their ids: nothing was made anew
