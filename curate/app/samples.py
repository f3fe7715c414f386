"""Samples by FiftyOne's public interface alone, and whether the installed FiftyOne needs it: asked before each build."""

import contextlib
import os
import socket
import uuid
import zlib
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from curate.app.documents import write_documents
from curate.app.fields import FIELDS
from curate.data.image_set import SPLITS
from curate.files import is_running
from curate.progress import Progress, silent

BLOCK = 1000
LABELS = tuple(spec.name for spec in FIELDS if spec.kind == "classification" and spec.name != "review")


def write_samples(
    dataset: Any, columns: dict[str, list], embeddings: NDArray[np.float32] | None, progress: Progress = silent
) -> tuple[int, int]:
    """Does what `curate.app.documents.write_documents` does, some ten times slower: arguments and result are the same."""
    from fiftyone import Sample
    from fiftyone import ViewField as F

    sample_ids = columns["sample_id"]
    known = set(dataset.exists("sample_id").values("sample_id"))
    added = 0
    for start in range(0, len(sample_ids), BLOCK):
        block = range(start, min(start + BLOCK, len(sample_ids)))
        places = {sample_ids[i]: i for i in block}
        new = [i for i in block if sample_ids[i] not in known]
        if new:
            samples = [_fill(Sample(filepath=columns["filepath"][i]), columns, embeddings, i) for i in new]
            dataset.add_samples(samples, progress=False)
            added += len(new)
        if len(new) < len(block):
            there = dataset.match(F("sample_id").is_in([sample_id for sample_id in places if sample_id in known]))
            for sample in there.iter_samples(autosave=True):
                _fill(sample, columns, embeddings, places[sample["sample_id"]])
        progress("samples", block.stop, len(sample_ids))
    gone = sorted(known.difference(sample_ids))
    for start in range(0, len(gone), BLOCK):
        dataset.delete_samples(dataset.match(F("sample_id").is_in(gone[start : start + BLOCK])))
    return added, len(gone)


def _fill(sample: Any, columns: dict[str, list], embeddings: NDArray[np.float32] | None, i: int) -> Any:
    """The sample with the values of row `i`; ids and tags of its labels and other tags than the splits' stay."""
    from fiftyone import Classification, ImageMetadata

    for name, values in columns.items():
        value = values[i]
        if name == "split":
            sample.tags = [value, *(tag for tag in sample.tags if tag not in SPLITS)]
        elif name in LABELS and value is not None:
            label = sample[name] if sample.has_field(name) and sample[name] is not None else Classification()
            label.label, label.confidence = value
            sample[name] = label
        elif name == "metadata" and value is not None:
            sample.metadata = ImageMetadata(**{key: part for key, part in value.items() if key != "_cls"})
        else:
            sample[name] = value
    if embeddings is not None:
        sample["embedding"] = embeddings[i]
    return sample


MOVING = {"_id", "_dataset_id", "_rand", "created_at", "last_modified_at"}  # other values at each insertion

COLUMNS: dict[str, list] = {
    "filepath": ["/a.png", "/b.png"],
    "split": ["train", "test"],
    "metadata": [{"_cls": "ImageMetadata", "mime_type": "image/png", "width": 4, "height": 3, "num_channels": 1}, None],
    "ground_truth": [("3", None), None],
    "suggested": [("5", 0.75), None],
    "prediction": [("5", 0.75), ("1", 0.5)],
    "sample_id": ["x/train/0", "x/test/0"],
    "index": [0, 0],
    "is_label_issue": [True, False],
    "label_quality": [0.25, None],
    "label_pair": ["3 → 5", None],
    "rank": [1, 2],
    "check_rank": [None, 1],
    "is_outlier_issue": [False, False],
    "outlier_score": [0.5, 0.5],
    "is_duplicate_issue": [False, True],
    "is_leak_issue": [False, False],
    "duplicate_set": [-1, 0],
    "fold": [0, 1],
}
"""Two samples, with a value and without one where there can be none."""
EMBEDDINGS: NDArray[np.float32] = np.array([[0.5, -1, 3], [0, 1e-9, 1e9]], dtype=np.float32)


@cache
def documents_are_sound() -> bool:
    """Whether two samples with every field are the same, document by document, by `write_documents` and by `add_samples`; and whether
    FiftyOne reads the same vectors from both.

    Asked once per process; what a killed process left of it is removed. Needs `connect`.
    """
    import fiftyone as fo

    ours = f"curate-check-{zlib.crc32(socket.gethostname().encode()):08x}-"
    for name in fo.list_datasets(f"{ours}*"):
        process = name.removeprefix(ours).partition("-")[0]
        if process.isdecimal() and not is_running(int(process)):
            with contextlib.suppress(ValueError):  # another process removes it, too
                fo.delete_dataset(name)
    dataset = fo.Dataset(f"{ours}{os.getpid()}-{uuid.uuid4().hex}", persistent=False)
    try:
        dataset.media_type = "image"
        dataset.add_sample_field("sample_id", fo.StringField)  # by which samples are found; all others FiftyOne adds at once
        write_samples(dataset, COLUMNS, EMBEDDINGS)
        expected = content_of(dataset)
        dataset.clear()
        write_documents(dataset, COLUMNS, EMBEDDINGS)
        return content_of(dataset) == expected
    finally:
        dataset.delete()


def content_of(dataset: Any) -> tuple[list[Any], list[list[float]]]:
    """Documents without what differs from one insertion to the next, and embeddings."""
    documents = [form_of(document) for document in dataset._sample_collection.find().sort("sample_id")]
    return documents, [vector.tolist() for vector in dataset.sort_by("sample_id").values("embedding")]


def form_of(document: Any) -> Any:
    """A document without what differs from one insertion to the next; bytes, which may be compressed in several ways, by type."""
    if isinstance(document, dict):
        return {key: type(value) if key in MOVING else form_of(value) for key, value in document.items()}
    return bytes if isinstance(document, bytes) else document
