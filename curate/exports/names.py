"""Names of folders and files that every system takes: classes as folders, images in them."""

import os
import re
import unicodedata
from collections.abc import Sequence

from curate.datasets.image_set import ImageSet

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
