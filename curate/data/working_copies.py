"""Working copies: every photograph once more, small and upright, in the cache: what pages show, nets see and checks measure.

The original is decoded once, at a reduced scale. All that comes later reads a copy, in about a millisecond, whatever the size of the
original, its format, or whether a browser can show it.
"""

import os
import uuid
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from curate.data.picture_facts import FACTS, measure
from curate.data.pictures import KEY_BYTES, Decoded, check_can_end, content_key, decode, unreadable
from curate.errors import DataError
from curate.files import storage_errors

if TYPE_CHECKING:
    from collections.abc import Callable

    from PIL import Image

COPY_SIDE = 320
"""Pixels of the short side of a copy; the long side follows the picture's shape. At 256 a net of 224 pixels loses one point of accuracy on
the clothing photographs to the second scaling."""
LONGEST = 1280
QUALITY = 90
MARK = b"curate2:"
"""Before the facts in a copy's comment; another number where they mean something else."""

Item = TypeVar("Item")
Result = TypeVar("Result")


class CopyFolder:
    """The copies in a folder, named by the content of their originals; shared by all runs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path_of(self, key: bytes) -> Path:
        """Where the copy of the picture with that content key is, or would be."""
        name = key.hex()
        return self.folder / name[:2] / f"{name}.jpg"

    def read(self, key: bytes) -> "tuple[Image.Image, NDArray] | None":
        """The copy, RGB, and its facts; None where there is none, or a damaged one."""
        from PIL import Image

        try:
            with Image.open(self.path_of(key)) as image:
                comment = image.info.get("comment", b"")
                if not comment.startswith(MARK) or len(comment) != len(MARK) + FACTS.itemsize:
                    return None
                return image.convert("RGB"), np.frombuffer(comment[len(MARK) :], FACTS)[0]
        except (OSError, SyntaxError, ValueError):
            return None

    def write(self, key: bytes, decoded: Decoded) -> "tuple[Image.Image, NDArray]":
        """Makes the copy, and returns it as it is read from now on, with a JPEG's losses: an image set is known again by these pixels.

        Raises:
            StorageError: the disk is full or read-only.
        """
        image = decoded.image
        if max(image.size) > LONGEST:
            image = image.copy()
            image.thumbnail((LONGEST, LONGEST))
        facts = measure(image, key=key, width=decoded.width, height=decoded.height, is_grey=decoded.is_grey)
        path = self.path_of(key)
        part = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
        with storage_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            kept = image.convert("L") if decoded.is_grey else image
            quality = QUALITY if min(image.size) >= COPY_SIDE else 95  # of a small picture every pixel counts
            kept.save(part, "JPEG", quality=quality, comment=MARK + facts.tobytes())
            os.replace(part, path)
        return self.read(key) or (image, facts)

    def of_content(self, content: bytes, *, name: str, least_depth: int = 8) -> "tuple[Image.Image, NDArray]":
        """The copy, RGB, and the facts of the picture with that content, made where there is none yet.

        Raises:
            DataError: it is no picture; `name` names it.
        """
        key = content_key(content)
        return self.read(key) or self.write(key, decode(content, short_side=COPY_SIDE, least_depth=least_depth, name=name))


@dataclass(frozen=True)
class Pictures:
    """The photographs behind the samples of an image set.

    Attributes:
        facts: (N,) of FACTS: content key, size of the original, and what was measured.
        filepaths: (N,) str, the originals.
        folder: where the copies are.
        least_depth: bits that the set's 16-bit pictures use.
    """

    facts: NDArray
    filepaths: NDArray[np.str_]
    folder: Path
    least_depth: int = 8

    def __len__(self) -> int:
        return len(self.facts)

    @property
    def keys(self) -> NDArray[np.void]:
        """(N,) 16 bytes each, equal where two files have the same content."""
        return np.ascontiguousarray(self.facts["key"]).view(f"V{KEY_BYTES}").ravel()

    def copy_path(self, position: int) -> Path:
        """The working copy of a sample, a JPEG that any browser shows."""
        return CopyFolder(self.folder).path_of(self.facts["key"][position].tobytes())

    def image(self, position: int) -> "Image.Image":
        """The working copy of a sample, RGB; made again where it was deleted.

        Raises:
            DataError: it was, and so was the original, or it has changed.
        """
        copies = CopyFolder(self.folder)
        key = self.facts["key"][position].tobytes()
        found = copies.read(key)
        if found is not None:
            return found[0]
        path = str(self.filepaths[position])
        content = read_content(path)
        if content_key(content) != key:
            raise DataError(f"image {path} is not the one that was audited; restore it, or audit again under another --run name")
        return copies.write(key, decode(content, short_side=COPY_SIDE, least_depth=self.least_depth, name=path))[0]

    def original(self, position: int, short_side: int) -> "Image.Image":
        """The picture, RGB, decoded anew at `short_side` (or less, where it has less): for nets that see more than a copy has."""
        path = str(self.filepaths[position])
        return decode(read_content(path), short_side=short_side, least_depth=self.least_depth, name=path).image

    def subset(self, indices: NDArray) -> "Pictures":
        """Those of the samples at `indices`, in that order."""
        return replace(self, facts=self.facts[indices], filepaths=self.filepaths[indices])


def read_content(path: str) -> bytes:
    """The bytes of a file.

    Raises:
        DataError: it is missing or cannot be read.
    """
    check_can_end(path)
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise unreadable(path, error) from error


def centre_square(image: "Image.Image", side: int) -> "Image.Image":
    """The middle of the picture, as large a square as it has, at `side` x `side` pixels: the aspect stays."""
    from PIL import Image

    width, height = image.size
    if (width, height) == (side, side):
        return image
    short = min(width, height)
    left, top = (width - short) / 2, (height - short) / 2
    box = (left, top, left + short, top + short)
    return image.resize((side, side), Image.Resampling.LANCZOS, box=box, reducing_gap=3.0)


def in_threads(function: "Callable[[Item], Result]", items: Sequence[Item], *, ahead: int = 64) -> Iterator[Result | DataError]:
    """The function's results in the order of the items, a DataError in place of a result where one was raised.

    All cores work; no more than `ahead` results wait to be taken, so that memory stays flat.
    """

    def attempt(item: Item) -> Result | DataError:
        try:
            return function(item)
        except DataError as error:
            return error

    waiting = iter(items)
    with ThreadPoolExecutor(num_cores()) as pool:
        queue = deque(pool.submit(attempt, item) for item in islice(waiting, ahead))
        while queue:
            result = queue.popleft().result()
            queue.extend(pool.submit(attempt, item) for item in islice(waiting, 1))
            yield result


def num_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
