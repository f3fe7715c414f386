"""Samples as MongoDB documents, written in one pass: the only module that goes below FiftyOne's public interface.

Complete documents take a tenth of the time of `add_samples` with these fields (`pipelines/ingestion.py`), one `set_values` per field lies
between. What is written here is used only where `curate.app.samples` finds that the installed FiftyOne stores the same.
"""

import io
import zlib
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, timezone
from typing import Any

import numpy as np
from numpy.typing import NDArray

from curate.app.fields import FIELDS
from curate.data.image_set import SPLITS
from curate.progress import Progress, silent

BLOCK = 2000
LABELS = tuple(spec.name for spec in FIELDS if spec.kind == "classification" and spec.name != "review")


def write_documents(
    dataset: Any, columns: dict[str, list], embeddings: NDArray[np.float32] | None, progress: Progress = silent
) -> tuple[int, int]:
    """Makes the samples of `dataset` those of `columns`: updates by `sample_id`, adds what is missing, removes the rest.

    Ids of samples and labels, tags other than the splits', fields other than those given here, and samples without a `sample_id`,
    which curate did not add, stay as they are.

    Args:
        dataset: a FiftyOne dataset whose fields are declared.
        columns: N values each for `filepath`, `split`, `metadata` (dict) and the fields of FIELDS but `embedding` and `review`;
            of classifications, (label, confidence or None) or None.
        embeddings: (N, D); None where there are none.

    Returns:
        How many samples were added and removed.
    """
    from bson import Binary
    from pymongo import InsertOne, UpdateOne

    collection = dataset._sample_collection
    known = _known_samples(collection)
    vectors = None if embeddings is None else encode_vectors(embeddings)
    names = [name for name in columns if name != "split"]
    splits = columns["split"]
    now = datetime.now(timezone.utc).replace(tzinfo=None)  # FiftyOne keeps UTC without zone
    total, added = len(splits), 0
    pending: list[Future] = []
    with ThreadPoolExecutor(1) as sender:  # MongoDB stores a block while the next one is made
        for start in range(0, total, BLOCK):
            operations: list[Any] = []
            for i in range(start, min(start + BLOCK, total)):
                old = known.pop(columns["sample_id"][i], None)
                document = {name: columns[name][i] for name in names}
                for name in LABELS:
                    document[name] = _label(document[name], (old or {}).get(name))
                absent = [name for name, value in document.items() if value is None]
                for name in absent:
                    del document[name]
                if vectors is not None:
                    document["embedding"] = Binary(next(vectors))
                document["last_modified_at"] = now
                document["tags"] = _tags((old or {}).get("tags"), splits[i])
                if old is None:
                    added += 1
                    operations.append(InsertOne({**document, **_new_sample(document["sample_id"], dataset, now)}))
                else:
                    operations.append(
                        UpdateOne({"_id": old["_id"]}, {"$set": document, **({"$unset": dict.fromkeys(absent, "")} if absent else {})})
                    )
            pending.append(sender.submit(collection.bulk_write, operations, ordered=False))
            if len(pending) > 2:
                pending.pop(0).result()
            progress("samples", min(start + BLOCK, total), total)
        for future in pending:
            future.result()
    gone = [old["_id"] for old in known.values()]
    for start in range(0, len(gone), BLOCK):
        collection.delete_many({"_id": {"$in": gone[start : start + BLOCK]}})
    return added, len(gone)


def encode_vectors(vectors: NDArray) -> Iterator[bytes]:
    """Every row of (N, D) as FiftyOne's VectorField stores it: a `.npy` of float32 in the form of zlib.

    Stored, not squeezed: that would take 2.7 s of 70,000 x 128, and MongoDB compresses its pages itself.
    """
    rows = np.ascontiguousarray(vectors, dtype="<f4")
    header = _npy_header(rows.shape[1])
    for row in rows:
        yield zlib.compress(header + row.tobytes(), 0)


def _npy_header(length: int) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": (length,)})
    return file.getvalue()


def _known_samples(collection: Any) -> dict[str, dict]:
    """What has to survive an update, by `sample_id`: ids and tags of the sample and of its labels."""
    kept = {"sample_id": 1, "tags": 1}
    for name in LABELS:
        kept |= {f"{name}._id": 1, f"{name}.tags": 1}
    return {document["sample_id"]: document for document in collection.find({"sample_id": {"$type": "string"}}, kept)}


def _new_sample(sample_id: str, dataset: Any, now: datetime) -> dict:
    fraction = (zlib.crc32(sample_id.encode()) + 1) / (2**32 + 1)  # what `shuffle` and `take` draw from, never 0
    return {"_media_type": "image", "_rand": fraction, "_dataset_id": dataset._doc.id, "created_at": now}


def _label(value: tuple[str, float | None] | None, old: dict | None) -> dict | None:
    """A Classification with the id and the tags of the one that was there."""
    from bson import ObjectId

    if value is None:
        return None
    label = {
        "_id": (old or {}).get("_id") or ObjectId(),
        "_cls": "Classification",
        "tags": (old or {}).get("tags") or [],
        "label": value[0],
    }
    if value[1] is not None:
        label["confidence"] = value[1]
    return label


def _tags(old: list[str] | None, split: str) -> list[str]:
    return [split, *(tag for tag in old or [] if tag not in SPLITS)]
