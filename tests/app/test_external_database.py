"""FiftyOne on an external MongoDB: all that curate writes is there, and the user's own database stays as it was."""

import pymongo
import pytest

from curate.app.database import connect
from curate.app.dataset import build_dataset
from curate.app.mongod import private_mongod
from curate.app.review.store import LOG, ReviewStore
from curate.review.journal import Decision

SERVERS_OWN = {"admin", "config", "local"}


def content(server):
    """What is in each database of the server: MongoDB's own hash of it."""
    return {name: server[name].command("dbHash")["md5"] for name in server.list_database_names() if name not in SERVERS_OWN}


@pytest.mark.db
def test_dataset_and_decisions_are_in_the_database_of_the_uri_and_the_users_own_is_untouched(
    fo, mongod_uri, shapes, make_run, tmp_path, monkeypatch
):
    with (
        private_mongod(tmp_path / "own", cache_gb=0.25) as own_uri,
        pymongo.MongoClient(own_uri) as own,
        pymongo.MongoClient(mongod_uri) as external,
    ):
        own["fiftyone"]["datasets"].insert_one({"name": "shapes", "info": "the user's, of the same name"})
        before = content(own)
        monkeypatch.setenv("FIFTYONE_DATABASE_DIR", str(tmp_path / "own" / "db"))
        assert connect().uri in mongod_uri
        run = make_run(shapes)
        build_dataset(run, shapes)
        store = ReviewStore(fo.load_dataset("shapes"), run.path / "decisions.jsonl")
        store.record([Decision("shapes/train/0", "accept_suggestion", "disc", who="anna")])
        there = external[fo.config.database_name]
        samples = there[there["datasets"].find_one({"name": "shapes"})["sample_collection_name"]]
        assert samples.count_documents({}) == len(shapes)
        assert samples.find_one({"sample_id": "shapes/train/0"})["review"]["label"] == "→ disc"
        assert there[LOG].count_documents({"sample_id": "shapes/train/0", "who": "anna"}) >= 1
        assert content(own) == before != {}
