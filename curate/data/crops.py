"""Crops: what lies inside boxes of pictures, as files of their own, cut once."""

import hashlib
import io
import os
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from curate.data.pictures import decode, quiet_pillow
from curate.data.working_copies import in_threads, read_content
from curate.errors import DataError
from curate.files import write_atomically
from curate.progress import Progress, silent

if TYPE_CHECKING:
    from PIL import Image

LEAST_SIDE = 8
"""Pixels of the shorter side of a box; what is smaller shows nothing."""
TOO_SMALL = f"box of less than {LEAST_SIDE} pixels, or outside its picture"
NO_SHARES = "box whose sides are no shares of its picture"
LARGEST = 1e9
UNREADABLE = "box in a picture that cannot be read"
QUALITY = 95
STAGE = "cut out boxes"


@dataclass(frozen=True)
class Box:
    """A part of a picture.

    Attributes:
        file: of the picture.
        left, top, width, height: as shares of the picture's upright width and height.
    """

    file: str
    left: float
    top: float
    width: float
    height: float


@dataclass(frozen=True)
class Crops:
    """What was cut out.

    Attributes:
        files: M paths of JPEG files, None where a box was passed over.
        passed_over: number of boxes that were not cut out, by the reason.
    """

    files: list[str | None]
    passed_over: dict[str, int] = field(default_factory=dict)


def crop_files(boxes: Sequence[Box], folder: Path, *, strict: bool = False, progress: Progress = silent) -> Crops:
    """Files with what is inside the boxes, below `folder`: cut where they are not there yet, each picture decoded once.

    Args:
        boxes: M; what of them lies outside of the picture is cut off.
        strict: a picture that cannot be read is an error.
        progress: stage `cut out boxes`, in pictures.

    Raises:
        DataError: with `strict`, a picture is missing or no picture.
        StorageError: the disk is full or read-only.
    """
    by_file: defaultdict[str, list[int]] = defaultdict(list)
    files: list[str | None] = [None] * len(boxes)
    passed_over: Counter[str] = Counter()
    for number, box in enumerate(boxes):
        if all(abs(share) < LARGEST for share in (box.left, box.top, box.width, box.height)):  # which NaN is not
            by_file[box.file].append(number)
        else:
            passed_over[NO_SHARES] += 1
    names = list(by_file)

    def cut(name: str) -> list[Path | None]:
        targets = [folder / _name_of(boxes[number]) for number in by_file[name]]
        if all(target.is_file() for target in targets):
            return list(targets)
        image = decode(read_content(name), name=name).image
        return [_written(image, boxes[number], target) for number, target in zip(by_file[name], targets, strict=True)]

    with quiet_pillow():
        for done, (name, found) in enumerate(zip(names, in_threads(cut, names), strict=True), 1):
            if isinstance(found, DataError):
                if strict:
                    raise found
                passed_over[UNREADABLE] += len(by_file[name])
            else:
                for number, path in zip(by_file[name], found, strict=True):
                    files[number] = None if path is None else str(path.absolute())
                    passed_over[TOO_SMALL] += path is None
            if done % 16 == 0 or done == len(names):
                progress(STAGE, done, len(names))
    return Crops(files, dict(+passed_over))


def _written(image: "Image.Image", box: Box, target: Path) -> Path | None:
    """The file with what is inside the box; None where it is too small."""
    left, top = max(round(box.left * image.width), 0), max(round(box.top * image.height), 0)
    right = min(round((box.left + box.width) * image.width), image.width)
    bottom = min(round((box.top + box.height) * image.height), image.height)
    if min(right - left, bottom - top) < LEAST_SIDE:
        return None
    if not target.is_file():
        buffer = io.BytesIO()
        image.crop((left, top, right, bottom)).save(buffer, "JPEG", quality=QUALITY, subsampling=0)
        write_atomically(target, buffer.getvalue())
    return target


def _name_of(box: Box) -> Path:
    """Where the crop of a box belongs: another size or date of its picture means another file."""
    try:
        stat = os.stat(box.file)
        state = f"{stat.st_size} {stat.st_mtime_ns}"
    except OSError:
        state = "missing"
    about = f"{os.path.abspath(box.file)} {state} {box.left:.6f} {box.top:.6f} {box.width:.6f} {box.height:.6f}"
    digest = hashlib.sha256(about.encode(errors="surrogateescape")).hexdigest()
    return Path(digest[:2]) / f"{digest[2:26]}.jpg"
