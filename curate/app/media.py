"""Image files for the App: those of the user, or PNGs written once; and which of them the App may give out."""

import json
import os
import re
import struct
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from curate.data.image_set import ImageSet
from curate.errors import DataError
from curate.files import DATA, storage_errors, write_atomically
from curate.progress import Progress, silent
from curate.run import data_root


class MediaFolders:
    """The folders that hold media of `dataset` as it is now: later changes of its paths do not widen them.

    A folder counts without its subfolders.

    Args:
        dataset: a FiftyOne dataset; `filepath` and the further media fields that the App is set to show.
    """

    def __init__(self, dataset: Any) -> None:
        self._collection = dataset._sample_collection
        self._fields = sorted({"filepath", *dataset.app_config.media_fields} & set(dataset.get_field_schema()))
        found = set().union(*(self._folders_of(field) for field in self._fields))
        self._as_written = frozenset(os.path.normpath(folder) for folder in found)
        self._resolved = frozenset(os.path.realpath(folder) for folder in found)

    def serves(self, path: str) -> bool:
        """Whether the file `path` lies in one of the folders once links and `..` are resolved, or is a link that the dataset names.

        Datasets of links are common (git-annex, DVC, the cache of the Hugging Face Hub): such a link is taken where it stands in a
        folder of the dataset and a sample has exactly this path. Whatever else leads out of the folders is refused.
        """
        if not os.path.isabs(path) or "\0" in path:
            return False
        if os.path.dirname(os.path.realpath(path)) in self._resolved:
            return True
        return os.path.dirname(path) in self._as_written and self._is_named(path)

    def _folders_of(self, field: str) -> set[str]:
        """The folders of the paths in `field`; MongoDB finds those of `filepath` in its index, and no path is sent here."""
        pipeline = [
            {"$match": {field: {"$gte": ""}}},
            {"$project": {"_id": 0, "folder": {"$regexFind": {"input": f"${field}", "regex": "^/(.*/)?"}}}},
            {"$group": {"_id": "$folder.match"}},
        ]
        return {entry["_id"] for entry in self._collection.aggregate(pipeline)} - {None}

    def _is_named(self, path: str) -> bool:
        return self._collection.find_one({"$or": [{field: path} for field in self._fields]}, {"_id": 1}) is not None


BLOCK = 1024
NUM_THREADS = 2
MANIFEST = "manifest.json"
HASH_DIGITS = 12
COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}  # channels -> grey, grey + alpha, RGB, RGBA


def image_files(image_set: ImageSet, progress: Progress = silent) -> list[str]:
    """Absolute path of an image file for every sample, in order.

    Where the set has files, these; else `data/media/<name>/<hash>/<split>/<index>.png`, shared by all runs of the same images and written
    where they are not there yet: sets of one name, such as `train.csv` of two competitions, stay apart. A manifest, written last, tells
    that the folder is complete; without it, what an interrupted call left is compared and completed.

    Raises:
        StorageError: the disk is full or read-only.
        DataError: the images have more than four channels.
    """
    if image_set.filepaths is not None:
        return [str(Path(path).absolute()) for path in image_set.filepaths.tolist()]
    folder = (data_root() / "media" / image_set.name / image_set.images_hash[:HASH_DIGITS]).absolute()
    paths = [os.path.join(folder, name) for name in media_names(image_set)]
    manifest = folder / MANIFEST
    if not _is_complete(manifest, image_set, paths):
        with storage_errors(folder):
            manifest.unlink(missing_ok=True)
            for parent in folders_of(paths):
                parent.mkdir(parents=True, exist_ok=True)
            _write_all(image_set, paths, progress)
        write_atomically(manifest, json.dumps({"images_hash": image_set.images_hash, "num_images": len(image_set)}).encode(), remedy=DATA)
    return paths


def folders_of(paths: list[str]) -> set[Path]:
    """The folders that the files are in."""
    return {Path(folder) for folder in set(map(os.path.dirname, paths))}


def media_names(image_set: ImageSet) -> list[str]:
    """`<split>/<last part of the sample id>.png`, or the position in the split where the ids give no unique file names."""
    splits = image_set.splits.tolist()
    names = [f"{split}/{identity.rsplit('/', 1)[-1]}.png" for split, identity in zip(splits, image_set.sample_ids.tolist(), strict=True)]
    if len(set(names)) == len(names) and all(re.fullmatch(r"\w+/[\w-]+\.png", name) for name in names):
        return names
    position = dict.fromkeys(splits, -1)
    names = []
    for split in splits:
        position[split] += 1
        names.append(f"{split}/{position[split]}.png")
    return names


def encode_png(image: NDArray[np.uint8]) -> bytes:
    """The image (C, H, W) uint8, C in 1..4, as a lossless PNG; some ten times faster than a general encoder on small images.

    Source: the PNG specification, ISO/IEC 15948: one IDAT chunk, every row unfiltered.
    """
    num_channels, height, width = image.shape
    rows = np.empty((height, 1 + width * num_channels), dtype=np.uint8)
    rows[:, 0] = 0  # filter type "none"
    rows[:, 1:] = image.transpose(1, 2, 0).reshape(height, -1)  # (H, W * C)
    header = struct.pack(">IIBBBBB", width, height, 8, COLOUR_TYPES[num_channels], 0, 0, 0)
    return b"".join((b"\x89PNG\r\n\x1a\n", _chunk(b"IHDR", header), _chunk(b"IDAT", zlib.compress(rows.data, 1)), _chunk(b"IEND", b"")))


def _chunk(kind: bytes, content: bytes) -> bytes:
    return b"".join((len(content).to_bytes(4, "big"), kind, content, zlib.crc32(content, zlib.crc32(kind)).to_bytes(4, "big")))


def _is_complete(manifest: Path, image_set: ImageSet, paths: list[str]) -> bool:
    try:
        known = json.loads(manifest.read_text())
    except (OSError, ValueError):
        return False
    if known != {"images_hash": image_set.images_hash, "num_images": len(image_set)}:
        return False
    there = sum(sum(1 for _ in folder.glob("*.png")) for folder in folders_of(paths) if folder.is_dir())
    return there >= len(paths)


def _write_all(image_set: ImageSet, paths: list[str], progress: Progress) -> None:
    if image_set.images.shape[1] not in COLOUR_TYPES:
        raise DataError(f"images of '{image_set.name}' have {image_set.images.shape[1]} channels, a PNG has 1 to 4")

    def write_block(start: int) -> None:
        for image, path in zip(image_set.images[start : start + BLOCK], paths[start : start + BLOCK], strict=True):
            content = encode_png(image)
            try:
                with open(path, "xb", buffering=0) as file:
                    file.write(content)
            except FileExistsError:
                if Path(path).read_bytes() != content:
                    Path(path).write_bytes(content)

    starts = range(0, len(paths), BLOCK)
    progress("images", 0, len(paths))
    with ThreadPoolExecutor(NUM_THREADS) as pool:
        for start, _ in zip(starts, pool.map(write_block, starts), strict=True):
            progress("images", min(start + BLOCK, len(paths)), len(paths))
