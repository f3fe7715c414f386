"""Features on disk, by the content of the picture: computed once, appended shard by shard, so that a killed extraction goes on."""

import io
import uuid
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from curate.files import DATA, write_atomically

KEY_BYTES = 16


class FeatureStore:
    """The features of one backbone with one preparation of pictures, in a folder of its own.

    Each shard is one `.npy` of records (key, features in half precision), written whole and renamed; several processes may add at once.
    """

    def __init__(self, folder: Path, dimensions: int) -> None:
        self.folder = folder
        self.dimensions = dimensions
        self.record = np.dtype([("key", f"V{KEY_BYTES}"), ("features", "<f2", (dimensions,))])

    def take(self, keys: NDArray[np.void], out: NDArray[np.float16]) -> NDArray[np.bool_]:
        """Fills the rows of `out` (N, D) whose features are kept, and returns (N,) which they are.

        Args:
            keys: (N,) 16 bytes each; several may be equal.
        """
        wanted = _as_texts(keys)
        order = np.argsort(wanted, kind="stable")
        ranked = wanted[order]
        is_there = np.zeros(len(keys), dtype=bool)
        for path in sorted(self.folder.glob("*.npy")):
            shard = self._open(path)
            if shard is None:
                continue
            kept = _as_texts(np.ascontiguousarray(shard["key"]))
            left, right = np.searchsorted(ranked, kept, "left"), np.searchsorted(ranked, kept, "right")
            rows = np.flatnonzero(right > left)
            if not len(rows):
                continue
            counts = (right - left)[rows]
            source = np.repeat(rows, counts)
            offset = np.arange(len(source)) - np.repeat(np.cumsum(counts) - counts, counts)
            target = order[np.repeat(left[rows], counts) + offset]
            out[target] = shard["features"][source]
            is_there[target] = True
        return is_there

    def add(self, keys: NDArray[np.void], features: NDArray[np.float16]) -> None:
        """Keeps the features (M, D) of the pictures with these keys.

        Raises:
            StorageError: the disk is full or read-only.
        """
        records = np.empty(len(keys), self.record)
        records["key"], records["features"] = keys, features
        buffer = io.BytesIO()
        np.save(buffer, records)
        write_atomically(self.folder / f"{uuid.uuid4().hex}.npy", buffer.getvalue(), remedy=DATA)

    def _open(self, path: Path) -> NDArray | None:
        try:
            shard = np.load(path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError):
            return None
        return shard if shard.dtype == self.record else None


def _as_texts(keys: NDArray[np.void]) -> NDArray:
    """Keys as byte strings that numpy can sort; a byte is put at the end, since numpy drops trailing zeros."""
    raw = np.frombuffer(np.ascontiguousarray(keys).tobytes(), np.uint8).reshape(-1, KEY_BYTES)
    padded = np.concatenate([raw, np.ones((len(raw), 1), np.uint8)], axis=1)
    return np.ascontiguousarray(padded).view(f"S{KEY_BYTES + 1}").ravel()
