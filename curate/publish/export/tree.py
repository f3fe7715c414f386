"""A cleaned dataset as an image tree, with names that every system takes."""

import errno
import json
import os
import re
import shutil
import unicodedata
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image, ImageOps

from curate.data.image_set import ImageSet
from curate.data.pixels import quiet_pillow
from curate.errors import DataError
from curate.progress import Progress, silent

METADATA = "metadata.jsonl"
READABLE = frozenset({".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp"})
"""Endings by which torchvision's ImageFolder and the Hugging Face Hub know an image; files with others are written as PNG."""
LONGEST = 100  # bytes; file systems take 255, and a number and an ending may follow
RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)  # by Windows


def safe_name(name: str) -> str:
    """`name` as Linux, macOS and Windows take it for a file, and as nobody takes it for hidden."""
    plain = "".join("-" if c in '<>:"/\\|?*' or not c.isprintable() else c for c in unicodedata.normalize("NFC", name))
    plain = re.sub(r"^(\.|__)[._]*", "", plain.strip()).encode()[:LONGEST].decode(errors="ignore").rstrip(". ")
    return f"{plain}-" if not plain or RESERVED.fullmatch(plain) else plain


def class_folders(class_names: Sequence[str]) -> tuple[str, ...]:
    """A folder name for every class, all different, also where capitals and small letters count as the same."""
    taken = {METADATA: 1}
    return tuple(_unique(safe_name(name), "", taken) for name in class_names)


def file_names(image_set: ImageSet, folders: Sequence[str]) -> list[str]:
    """`<folder>/<file>` for every sample, all different: the file's own name, or the last part of the sample id as PNG.

    Args:
        image_set: N samples.
        folders: N, where each one goes, such as `train/cat`.
    """
    taken: dict[str, dict[str, int]] = {}
    names = []
    for folder, own in zip(folders, _own_names(image_set), strict=True):
        stem, suffix = os.path.splitext(own)
        if suffix.lower() not in READABLE:
            suffix = ".png"
        names.append(f"{folder}/{_unique(safe_name(stem), suffix, taken.setdefault(folder.casefold(), {}))}")
    return names


def _own_names(image_set: ImageSet) -> list[str]:
    if image_set.filepaths is not None:
        return [os.path.basename(path) for path in image_set.filepaths.tolist()]
    return [f"{sample_id.rsplit('/', 1)[-1]}.png" for sample_id in image_set.sample_ids.tolist()]


def _unique(stem: str, suffix: str, taken: dict[str, int]) -> str:
    """`stem` and `suffix`, with a number between them where that is taken; `taken` keeps the last number of each name."""
    plain = name = stem + suffix
    while name.casefold() in taken:
        taken[plain.casefold()] += 1
        name = f"{stem}-{taken[plain.casefold()]}{suffix}"
    taken[name.casefold()] = 1
    return name


UNLABELLED = "__unlabelled__"
"""Where images without a label go: a name that curate, the Hugging Face Hub and torchvision (on a split) pass over."""
BLOCK = 512
NUM_THREADS = 2
MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}  # by channels


def write_tree(folder: Path, image_set: ImageSet, table: pd.DataFrame, progress: Progress = silent) -> None:
    """Writes the images that have a label to `<split>/<class>/<file>`, abstained and unlabelled ones to `__unlabelled__/<split>/<file>`.

    Dropped samples are left out. Files of the user are copied as they are; where the images come from an archive, or the ending of a
    file is none that image folders know, they are written as PNG. Beside the class folders a `metadata.jsonl` says of each file which
    sample it is, its given label, its label now, and what was done. (JSON and not CSV, in which a class `7` would be read as a number.)

    Args:
        folder: an empty folder.
        image_set: the images of the run.
        table: from `export_table`.
        progress: stage `images`.

    Raises:
        DataError: a file is missing or cannot be read, or the images have more than four channels.
        OSError: the disk is full or read-only.
    """
    rows = table[table["action"] != "drop"]
    place = {sample_id: i for i, sample_id in enumerate(image_set.sample_ids.tolist())}
    chosen = image_set.subset(np.array([place[sample_id] for sample_id in rows["sample_id"]], dtype=np.int64))
    names = file_names(chosen, folders_of(rows, image_set.class_names))
    for parent in {os.path.dirname(name) for name in names}:
        (folder / parent).mkdir(parents=True, exist_ok=True)

    def write_block(start: int) -> None:
        for i in range(start, min(start + BLOCK, len(names))):
            if chosen.filepaths is None:
                _write_png(chosen.images[i], folder / names[i])
            else:
                _copy(str(chosen.filepaths[i]), folder / names[i])

    progress("images", 0, len(names))
    with quiet_pillow(), ThreadPoolExecutor(NUM_THREADS) as pool:
        starts = range(0, len(names), BLOCK)
        for start, _ in zip(starts, pool.map(write_block, starts), strict=True):
            progress("images", min(start + BLOCK, len(names)), len(names))
    _write_metadata(folder, rows, names)


def folders_of(rows: pd.DataFrame, class_names: Sequence[str]) -> list[str]:
    """The folder of every row of an export table: `<split>/<class>`, or `__unlabelled__/<split>` without a label."""
    by_class = dict(zip(class_names, class_folders(class_names), strict=True))
    return [
        f"{split}/{by_class[label]}" if isinstance(label, str) else f"{UNLABELLED}/{split}"
        for split, label in zip(rows["split"], rows["label"].astype(object), strict=True)
    ]


def _write_metadata(folder: Path, rows: pd.DataFrame, names: list[str]) -> None:
    lines: dict[str, list[str]] = {}
    columns = (rows[name].astype(object).where(rows[name].notna(), "") for name in ("label", "given_label", "sample_id", "action"))
    for name, label, given_label, sample_id, action in zip(names, *columns, strict=True):
        top, _, file_name = name.partition("/")
        entry = {"file_name": file_name, "label": label, "given_label": given_label, "sample_id": sample_id, "action": action}
        lines.setdefault(top, []).append(json.dumps(entry, ensure_ascii=False) + "\n")
    for top, entries in lines.items():
        (folder / top / METADATA).write_text("".join(entries), encoding="utf-8")


def _write_png(image: NDArray[np.uint8], to: Path) -> None:
    num_channels = len(image)
    if num_channels not in MODES:
        raise DataError(f"the images have {num_channels} channels, a PNG has 1 to 4; export tables with --format csv instead")
    pixels = np.ascontiguousarray(image[0] if num_channels == 1 else image.transpose(1, 2, 0))  # (H, W) or (H, W, C)
    Image.fromarray(pixels).save(to, compress_level=1)


def _copy(path: str, to: Path) -> None:
    try:
        if os.path.splitext(path)[1].lower() in READABLE:
            shutil.copyfile(path, to)
        else:
            _convert(path, to)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS):
            raise
        raise DataError(f"image {path} cannot be exported ({error.strerror or error}); restore it, or audit again") from error


def _convert(path: str, to: Path) -> None:
    """The image, upright, or the first one of an animation, as PNG."""
    with Image.open(path) as opened:
        image = ImageOps.exif_transpose(opened)
        if image.mode not in ("1", "L", "LA", "I", "I;16", "RGB", "RGBA"):
            image = image.convert("RGBA" if image.has_transparency_data else "RGB")
        image.save(to)
