"""Documents written below FiftyOne's public interface are those that its public interface writes."""

import os
import signal
import subprocess
import sys

import numpy as np
import pytest

from curate.app import samples as round_trip
from curate.app.documents import encode_vectors, write_documents
from curate.app.fields import declare_fields
from curate.app.samples import write_samples

pytestmark = pytest.mark.db


@pytest.fixture
def columns():
    return {name: list(values) for name, values in round_trip.COLUMNS.items()}


@pytest.fixture
def embeddings():
    return np.random.default_rng(0).normal(size=(2, 5)).astype(np.float32)


@pytest.fixture(params=[write_documents, write_samples], ids=lambda write: write.__name__)
def write(request):
    return request.param


@pytest.fixture
def dataset(fo, write, columns, embeddings):
    """Two samples, written in the one way and in the other."""
    dataset = fo.Dataset("two")
    dataset.media_type = "image"
    declare_fields(dataset)
    assert write(dataset, columns, embeddings) == (2, 0)
    return dataset


def test_the_installed_fiftyone_stores_samples_as_we_write_them(fo):
    round_trip.documents_are_sound.cache_clear()
    assert round_trip.documents_are_sound()
    assert fo.list_datasets() == []


KILLED = """
import os, signal, sys
import pymongo.monitoring

class Kill(pymongo.monitoring.CommandListener):
    left = int(sys.argv[1])
    def started(self, event):
        if event.command_name in ("insert", "update", "create", "createIndexes"):
            Kill.left -= 1
            if not Kill.left:
                os.kill(os.getpid(), signal.SIGKILL)
    def succeeded(self, event): pass
    failed = succeeded

from curate.app.database import connect
connect()
pymongo.monitoring.register(Kill())
import fiftyone.core.odm.database as odm
odm._disconnect()
from curate.app.samples import documents_are_sound
documents_are_sound()
"""


@pytest.mark.parametrize("point", [5, 12])
def test_what_a_killed_process_left_of_the_question_is_removed_and_what_a_living_one_has_stays(fo, tmp_path, point):
    environment = {**os.environ, "HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", KILLED, str(point)], env=environment, capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    (left,) = fo.list_datasets()
    living = left.replace(f"-{left.split('-')[3]}-", f"-{os.getpid()}-")
    fo.Dataset(living)
    assert round_trip.documents_are_sound.__wrapped__()
    assert fo.list_datasets() == [living]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda document: document.pop("_rand"),
        lambda document: document.update(rank=str(document["rank"])),
        lambda document: document["prediction"].update(logits=None),
    ],
)
def test_documents_that_differ_from_those_of_fiftyone_are_found_out(fo, monkeypatch, spoil):
    def write_otherwise(dataset, *arguments):
        write_documents(dataset, *arguments)
        for document in list(dataset._sample_collection.find()):
            spoil(document)
            dataset._sample_collection.replace_one({"_id": document["_id"]}, document)

    monkeypatch.setattr(round_trip, "write_documents", write_otherwise)
    assert not round_trip.documents_are_sound.__wrapped__()


def test_where_documents_differ_the_public_interface_writes(fo, shapes, make_run, monkeypatch):
    from curate.app.dataset import build_dataset

    monkeypatch.setattr("curate.app.dataset.documents_are_sound", lambda: False)
    monkeypatch.setattr("curate.app.dataset.write_documents", None)
    built = build_dataset(make_run(shapes), shapes)
    assert (built.num_samples, built.num_added) == (36, 36)


def test_vectors_are_stored_as_float32(embeddings):
    from fiftyone.core.utils import deserialize_numpy_array

    read = [deserialize_numpy_array(content) for content in encode_vectors(embeddings.astype(np.float64))]
    assert read[0].dtype == np.float32
    np.testing.assert_array_equal(np.stack(read), embeddings)


def test_update_keeps_ids_of_samples_and_labels(dataset, write, columns, embeddings):
    before = dataset.values(["id", "ground_truth.id", "prediction.id"])
    columns["ground_truth"][0] = ("8", None)
    assert write(dataset, columns, embeddings) == (0, 0)
    dataset.reload()
    assert dataset.values(["id", "ground_truth.id", "prediction.id"]) == before
    assert dataset.values("ground_truth.label") == ["8", None]


def test_update_keeps_tags_of_the_user(dataset, write, columns, embeddings):
    dataset.tag_samples("mine")
    dataset.tag_labels("look", label_fields="prediction")
    write(dataset, columns, embeddings)
    dataset.reload()
    assert dataset.values("tags") == [["train", "mine"], ["test", "mine"]]
    assert dataset.values("prediction.tags") == [["look"], ["look"]]


def test_value_that_is_gone_is_removed(dataset, write, columns, embeddings):
    columns["suggested"][0] = None
    write(dataset, columns, embeddings)
    assert dataset.count("suggested") == 0


def test_sample_that_is_gone_is_removed_and_one_that_curate_did_not_add_stays(fo, dataset, write, columns, embeddings):
    dataset.add_sample(fo.Sample(filepath="/own.png"))
    assert write(dataset, {name: values[:1] for name, values in columns.items()}, embeddings[:1]) == (0, 1)
    assert sorted(dataset.values("filepath")) == ["/a.png", "/own.png"]
