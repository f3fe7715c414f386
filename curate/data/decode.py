"""Image files of any size and kind as one uint8 array, and as working copies; decoded once and kept on disk."""

import hashlib
import io
import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from curate.data.picture_facts import FACTS
from curate.data.pictures import common_depth, decode, quiet_pillow, remedy_of
from curate.data.pixels import Header, read_header
from curate.data.working_copies import CopyFolder, Pictures, centre_square, in_threads, read_content
from curate.errors import DataError, UsageError
from curate.files import DATA, is_running, storage_errors, write_atomically
from curate.progress import Progress, silent
from curate.row_blocks import forget_pages

MEMORY_BYTES = 1 << 30
"""Arrays from this size on are memory maps, so that they need not fit in memory."""

Content = tuple[NDArray[np.uint8], NDArray[np.int64], tuple[str, ...], NDArray | None, tuple[str, ...]]
"""Images, positions of the files that they come from, what is wrong with the other files, the facts where there are copies, and remarks."""


class PixelCache:
    """One array in a cache folder: `KEY.npy`, and beside it `KEY.json` with what it came from."""

    def __init__(self, folder: Path, key: str) -> None:
        self.array_path = folder / f"{key}.npy"
        self.note_path = folder / f"{key}.json"
        self.facts_path = folder / f"{key}-facts.npy"
        self._part = folder / f".{key}.{os.getpid()}.part"

    @classmethod
    def of(cls, folder: Path, paths: list[str], image_size: int | None) -> "PixelCache":
        """The place for these files as they are now: another size or date of any of them means another place."""
        digest = hashlib.sha256(f"3 {image_size}".encode())
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
            large = self.array_path.stat().st_size >= (CACHE_BYTES if note["has_facts"] else MEMORY_BYTES)
            images = np.load(self.array_path, mmap_mode="r" if large else None, allow_pickle=False)
            facts = np.load(self.facts_path, allow_pickle=False) if note["has_facts"] else None
            if facts is not None and facts.dtype != FACTS:
                return None
            return (
                images[: len(note["kept"])],
                np.array(note["kept"], dtype=np.int64),
                tuple(note["skipped"]),
                facts,
                tuple(note["remarks"]),
            )
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
                if not is_running(int(part.name.split(".")[-2])):  # of a process that was killed
                    part.unlink(missing_ok=True)
            images = np.lib.format.open_memmap(self._part, mode="w+", dtype=np.uint8, shape=shape)
            with open(self._part, "r+b") as file:  # a full disk is found here, not by a bus error while decoding
                if hasattr(os, "posix_fallocate"):  # Linux
                    os.posix_fallocate(file.fileno(), 0, self._part.stat().st_size)
            return images

    def discard(self) -> None:
        """Takes back `allocate`."""
        self._part.unlink(missing_ok=True)

    def keep(
        self, images: NDArray[np.uint8], kept: NDArray[np.int64], skipped: tuple[str, ...], facts: NDArray | None, remarks: tuple[str, ...]
    ) -> Content:
        """Keeps the first rows of the allocated array.

        Raises:
            StorageError: the disk is full or read-only.
        """
        with storage_errors(self.array_path):
            images.flush()  # type: ignore[attr-defined]
            os.replace(self._part, self.array_path)
        if facts is not None:
            buffer = io.BytesIO()
            np.save(buffer, facts)
            write_atomically(self.facts_path, buffer.getvalue(), remedy=DATA)
        note = {"kept": kept.tolist(), "skipped": skipped, "has_facts": facts is not None, "remarks": remarks}
        write_atomically(self.note_path, json.dumps(note).encode(), remedy=DATA)
        return self.read() or (images, kept, skipped, facts, remarks)


DEFAULT_SIZE = 64
MIN_SIZE = 8
"""Below that a CNN's poolings leave nothing."""
CACHE_BYTES = 32 << 20
"""Decoded sets from this size on are kept where a cache folder is given; smaller ones decode in seconds."""
BLOCK = 4096
"""Images after which the pages that were written to the cache are given back to the system."""
COPIES = "pictures"
"""The folder of the working copies, beside that of the decoded arrays."""

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Decoded:
    """Decoded images.

    Attributes:
        images: (M, C, S, S) uint8, C = 1 or 3.
        kept: (M,) int64, positions of these images in the list of files, ascending.
        skipped: what is wrong with each file that was left out, in the order of the list.
        pictures: the photographs behind the images; None where the images are the files' very pixels.
        remarks: what else is odd, a sentence each.
    """

    images: NDArray[np.uint8]
    kept: NDArray[np.int64]
    skipped: tuple[str, ...]
    pictures: Pictures | None = None
    remarks: tuple[str, ...] = ()


def decode_images(
    filepaths: Sequence[str],
    *,
    image_size: int | None = None,
    skip_broken: bool = False,
    cache: Path | None = None,
    progress: Progress = silent,
) -> Decoded:
    """The images of the files, upright, in sRGB: the middle square of each, at one size.

    They are greyscale where all files are, else RGB; transparency is laid over white. Of animations the first frame counts. Files that
    are larger than that get a working copy each in the same pass, see `curate.data.working_copies`.

    Args:
        filepaths: N paths.
        image_size: side S. By default the size that all files share if it is square and at most 64, so that sets of small
            images keep their very pixels; else 64: what an object is still shows, and a CNN still trains on a CPU.
        skip_broken: leave unreadable files out instead of stopping at the first.
        cache: folder that keeps what was decoded, used again while size and date of every file stay the same; very large arrays are
            memory maps of it. The working copies are in `pictures` beside it; without it there are none.
        progress: stages `read headers` and `decode images`, in files.

    Raises:
        DataError: a file is missing, no image, or truncated (named; with `skip_broken`, only if all of them are).
        UsageError: `image_size` is under MIN_SIZE.
        StorageError: the cache cannot be written.
    """
    if image_size is not None and image_size < MIN_SIZE:
        raise UsageError(f"the image size must be {MIN_SIZE} or more, found {image_size}")
    paths = [str(path) for path in filepaths]
    store = PixelCache.of(cache, paths, image_size) if cache else None
    copies = CopyFolder(cache.parent / COPIES) if cache else None
    found = store.read() if store else None
    if found and (skip_broken or not found[2]):
        return _decoded(found, paths, copies)
    broken = _Broken(skip_broken)
    with quiet_pillow():
        headers = dict(broken.sift(range(len(paths)), _told(read_header, paths, "read headers", progress)))
        broken.stop_unless(headers)
        size, mode = image_size or _common_size(headers.values()), "L" if all(h.is_grey for h in headers.values()) else "RGB"
        depth = common_depth([paths[i] for i in headers])
        if all(max(header.width, header.height) <= max(size, DEFAULT_SIZE) for header in headers.values()):
            copies = None
        shape = (len(headers), len(mode), size, size)
        if copies is None and int(np.prod(shape, dtype=np.int64)) < CACHE_BYTES:
            store = None
        images = store.allocate(shape) if store else np.empty(shape, dtype=np.uint8)
        look = _Look(copies, mode, size, depth)
        seen = _told(lambda i: look(paths[i]), list(headers), "decode images", progress)
        kept: list[int] = []
        facts = None if copies is None else np.zeros(len(headers), FACTS)
        try:
            for i, (pixels, fact) in broken.sift(headers, seen):
                images[len(kept)] = pixels
                if facts is not None:
                    facts[len(kept)] = fact
                kept.append(i)
                if len(kept) % BLOCK == 0:
                    forget_pages(images)
            broken.stop_unless(kept)
        except BaseException:  # Ctrl-C, too
            if store:
                store.discard()
            raise
    facts = None if facts is None else facts[: len(kept)]
    several = {paths[i]: headers[i].num_pages for i in kept if headers[i].num_pages > 1}
    decoded = images[: len(kept)], np.array(kept, dtype=np.int64), broken.reasons, facts, _page_remarks(several)
    return _decoded(store.keep(*decoded) if store else decoded, paths, copies, depth)


def _decoded(content: Content, paths: list[str], copies: CopyFolder | None, depth: int = 8) -> Decoded:
    images, kept, skipped, facts, remarks = content
    if facts is None or copies is None:
        return Decoded(images, kept, skipped, remarks=remarks)
    return Decoded(images, kept, skipped, Pictures(facts, np.array(paths)[kept], copies.folder, depth), remarks)


def _page_remarks(several: dict[str, int]) -> tuple[str, ...]:
    """What to say of files with so many pages or frames, by path."""
    if not several:
        return ()
    path, num = next(iter(several.items()))
    have = "file has several pages or frames" if len(several) == 1 else "files have several pages or frames"
    return (
        f"{len(several):,} {have}, such as {path} ({num:,}): only the first is read; save pages that are pictures of their own as files",
    )


@dataclass(frozen=True)
class _Look:
    """What one file gives: (C, S, S) pixels, and its facts where it gets a working copy."""

    copies: CopyFolder | None
    mode: str
    size: int
    depth: int

    def __call__(self, path: str) -> tuple[NDArray[np.uint8], NDArray | None]:
        content = read_content(path)
        facts = None
        if self.copies is None:
            image = decode(content, short_side=self.size, least_depth=self.depth, name=path).image
        else:
            image, facts = self.copies.of_content(content, name=path, least_depth=self.depth)
            if min(image.size) < self.size:
                image = decode(content, short_side=self.size, least_depth=self.depth, name=path).image
        image = centre_square(image, self.size)
        image = image if image.mode == self.mode else image.convert(self.mode)
        return np.array(image).reshape(self.size, self.size, len(self.mode)).transpose(2, 0, 1), facts


class _Broken:
    """Files that could not be read: the first stops, or all are gathered."""

    def __init__(self, skip: bool) -> None:
        self.skip = skip
        self.by_position: dict[int, str] = {}

    def sift(self, positions: Iterable[int], results: Iterable[Result | DataError]) -> Iterator[tuple[int, Result]]:
        """The results that are no errors, with their positions."""
        for i, result in zip(positions, results, strict=True):
            if not isinstance(result, DataError):
                yield i, result
            elif self.skip:
                self.by_position[i] = str(result)
            else:
                raise DataError(f"{result}; {remedy_of(result)}, or go on without such files: leave --strict out") from result

    @property
    def reasons(self) -> tuple[str, ...]:
        return tuple(self.by_position[i] for i in sorted(self.by_position))

    def stop_unless(self, readable: Iterable[int]) -> None:
        if not readable:
            raise DataError(f"none of the images can be read; the first: {(*self.reasons, 'there is none')[0]}")


def _common_size(headers: Iterable[Header]) -> int:
    sizes = {(header.width, header.height) for header in headers}
    width, height = next(iter(sizes))
    return width if len(sizes) == 1 and width == height and MIN_SIZE <= width <= DEFAULT_SIZE else DEFAULT_SIZE


def _told(function: Callable[[Item], Result], items: Sequence[Item], stage: str, progress: Progress) -> Iterator[Result | DataError]:
    """`in_threads`, while `progress` is told of every 64th."""
    for done, result in enumerate(in_threads(function, items), 1):
        yield result
        if done % 64 == 0 or done == len(items):
            progress(stage, done, len(items))
