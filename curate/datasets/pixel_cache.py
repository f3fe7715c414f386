"""PixelCache: the decoded array of a list of image files, kept on disk."""

import hashlib
import json
import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from curate.run import storage_errors, write_atomically

MEMORY_BYTES = 1 << 30
"""Arrays from this size on are memory maps, so that they need not fit in memory."""

Content = tuple[NDArray[np.uint8], NDArray[np.int64], tuple[str, ...]]
"""Images, positions of the files that they come from, and what is wrong with the other files."""


class PixelCache:
    """One array in a cache folder: `KEY.npy`, and beside it `KEY.json` with what it came from."""

    def __init__(self, folder: Path, key: str) -> None:
        self.array_path = folder / f"{key}.npy"
        self.note_path = folder / f"{key}.json"
        self._part = folder / f".{key}.{os.getpid()}.part"

    @classmethod
    def of(cls, folder: Path, paths: list[str], image_size: int | None) -> "PixelCache":
        """The place for these files as they are now: another size or date of any of them means another place."""
        digest = hashlib.sha256(f"1 {image_size}".encode())
        for path in paths:
            try:
                stat = os.stat(path)
                digest.update(f"\n{path} {stat.st_size} {stat.st_mtime_ns}".encode(errors="surrogateescape"))
            except OSError:
                digest.update(f"\n{path}".encode(errors="surrogateescape"))
        return cls(folder, digest.hexdigest()[:24])

    def read(self) -> Content | None:
        """What is kept, or None where nothing (readable) is."""
        try:
            note = json.loads(self.note_path.read_text())
            large = self.array_path.stat().st_size >= MEMORY_BYTES
            images = np.load(self.array_path, mmap_mode="r" if large else None, allow_pickle=False)
            return images[: len(note["kept"])], np.array(note["kept"], dtype=np.int64), tuple(note["skipped"])
        except (OSError, ValueError, KeyError):
            return None

    def allocate(self, shape: tuple[int, ...]) -> NDArray[np.uint8]:
        """An array on disk to decode into; it counts only once `keep` is called.

        Raises:
            StorageError: the disk is full or read-only.
        """
        with storage_errors(self.array_path):
            self._part.parent.mkdir(parents=True, exist_ok=True)
            for part in self._part.parent.glob(".*.part"):
                if not Path(f"/proc/{part.name.split('.')[-2]}").exists():  # of a process that was killed
                    part.unlink(missing_ok=True)
            images = np.lib.format.open_memmap(self._part, mode="w+", dtype=np.uint8, shape=shape)
            with open(self._part, "r+b") as file:  # a full disk is found here, not by a bus error while decoding
                os.posix_fallocate(file.fileno(), 0, self._part.stat().st_size)
            return images

    def discard(self) -> None:
        """Takes back `allocate`."""
        self._part.unlink(missing_ok=True)

    def keep(self, images: NDArray[np.uint8], kept: NDArray[np.int64], skipped: tuple[str, ...]) -> Content:
        """Keeps the first rows of the allocated array.

        Raises:
            StorageError: the disk is full or read-only.
        """
        with storage_errors(self.array_path):
            images.flush()  # type: ignore[attr-defined]
            os.replace(self._part, self.array_path)
        write_atomically(self.note_path, json.dumps({"kept": kept.tolist(), "skipped": skipped}).encode())
        return self.read() or (images, kept, skipped)
