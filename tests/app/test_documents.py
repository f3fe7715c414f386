"""Documents written below FiftyOne's public interface are those that its public interface writes."""

import numpy as np
import pytest

from curate.app.documents import encode_vectors, write_documents
from curate.app.fields import declare_fields

pytestmark = pytest.mark.db


@pytest.fixture
def columns():
    return {
        "filepath": ["/a.png", "/b.png"],
        "split": ["train", "test"],
        "metadata": [{"_cls": "ImageMetadata", "mime_type": "image/png", "width": 4, "height": 3, "num_channels": 1}] * 2,
        "ground_truth": [("3", None), None],
        "suggested": [("5", 0.75), None],
        "prediction": [("5", 0.75), ("1", 0.5)],
        "sample_id": ["x/train/0", "x/test/0"],
        "index": [0, 0],
        "is_label_issue": [True, False],
        "label_quality": [0.25, None],
        "rank": [1, 2],
        "is_outlier_issue": [False, False],
        "outlier_score": [0.5, 0.5],
        "is_duplicate_issue": [False, False],
        "is_leak_issue": [False, False],
        "duplicate_set": [-1, -1],
        "fold": [0, 1],
    }


@pytest.fixture
def embeddings():
    return np.random.default_rng(0).normal(size=(2, 5)).astype(np.float32)


def public_samples(fo, columns, embeddings):
    for i in range(2):
        values = {name: values[i] for name, values in columns.items() if name not in {"split", "metadata"}}
        for name in ("ground_truth", "suggested", "prediction"):
            if values[name] is not None:
                label, confidence = values[name]
                values[name] = fo.Classification(label=label, confidence=confidence)
        size = {name: value for name, value in columns["metadata"][i].items() if name != "_cls"}
        yield fo.Sample(**values, tags=[columns["split"][i]], metadata=fo.ImageMetadata(**size), embedding=embeddings[i])


def shape_of(document):
    """A document without what differs from one insertion to the next."""
    if isinstance(document, dict):
        moving = {"_id", "_dataset_id", "_rand", "created_at", "last_modified_at"}
        return {key: type(value) if key in moving else shape_of(value) for key, value in document.items()}
    return document


@pytest.fixture
def two_datasets(fo, columns, embeddings):
    by_public, by_documents = fo.Dataset("public"), fo.Dataset("documents")
    for dataset in (by_public, by_documents):
        dataset.media_type = "image"
        declare_fields(dataset)
    by_public.add_samples(list(public_samples(fo, columns, embeddings)))
    write_documents(by_documents, columns, embeddings)
    return by_public, by_documents


def test_documents_equal_those_of_add_samples(two_datasets):
    public, ours = ([shape_of(d) for d in dataset._sample_collection.find()] for dataset in two_datasets)
    for document in public + ours:
        document["embedding"] = type(document["embedding"])
    assert ours == public


def test_fields_equal_those_of_add_samples(two_datasets):
    public, ours = ({path: str(field) for path, field in dataset.get_field_schema(flat=True).items()} for dataset in two_datasets)
    assert ours == public


def test_samples_read_back_equal_those_of_add_samples(two_datasets):
    for public, ours in zip(*two_datasets, strict=True):
        for name in ("filepath", "tags", "label_quality", "rank", "is_label_issue", "fold", "metadata"):
            assert ours[name] == public[name]
        np.testing.assert_array_equal(ours.embedding, public.embedding)


def test_vectors_are_stored_as_float32(embeddings):
    from fiftyone.core.utils import deserialize_numpy_array

    read = [deserialize_numpy_array(content) for content in encode_vectors(embeddings.astype(np.float64))]
    assert read[0].dtype == np.float32
    np.testing.assert_array_equal(np.stack(read), embeddings)


def test_update_keeps_ids_of_samples_and_labels(two_datasets, columns, embeddings):
    dataset = two_datasets[1]
    before = dataset.values(["id", "ground_truth.id", "prediction.id"])
    columns["ground_truth"][0] = ("8", None)
    assert write_documents(dataset, columns, embeddings) == (0, 0)
    dataset.reload()
    assert dataset.values(["id", "ground_truth.id", "prediction.id"]) == before
    assert dataset.values("ground_truth.label") == ["8", None]


def test_value_that_is_gone_is_removed(two_datasets, columns, embeddings):
    dataset = two_datasets[1]
    columns["suggested"][0] = None
    write_documents(dataset, columns, embeddings)
    assert dataset.count("suggested") == 0


def test_sample_that_curate_did_not_add_stays(fo, two_datasets, columns, embeddings):
    dataset = two_datasets[1]
    dataset.add_sample(fo.Sample(filepath="/own.png"))
    write_documents(dataset, columns, embeddings)
    assert "/own.png" in dataset.values("filepath")
