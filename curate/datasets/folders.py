"""Image folders: one folder per class, or train/, validation/, test/ with those inside."""

import os
from pathlib import Path

from curate.datasets.decode import SUFFIXES
from curate.datasets.listing import SPLIT_NAMES, Listing
from curate.errors import DataError

LAYOUT = "expected one folder per class with its images, or train/, validation/ (or val/), test/ with class folders inside"


def list_folder(folder: Path) -> Listing:
    """The images of a folder, split by split and class by class, by name within a class (folders inside a class included).

    Files without the ending of an image and hidden files are passed over. Without split folders all samples are `train`.
    Keys are the paths relative to the folder.

    Raises:
        DataError: it is no folder, is empty, has no class folders, or a class folder has no images.
    """
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder")
    parts = _subfolders(folder)
    if not parts:
        what = "has images but no class folders" if _images(folder) else "is empty" if not any(folder.iterdir()) else "has no class folders"
        raise DataError(f"{folder} {what}; {LAYOUT}")
    split_folders = {part: SPLIT_NAMES[part.name.lower()] for part in parts if _is_split(part)}
    strange = [part.name for part in parts if part not in split_folders]
    if split_folders and strange:
        found = ", ".join(part.name for part in split_folders)
        raise DataError(f"{folder} has split folders ({found}) and beside them '{strange[0]}'; {LAYOUT}")
    order = list(dict.fromkeys(SPLIT_NAMES.values()))
    filepaths, labels, splits = [], [], []
    for top in sorted(split_folders, key=lambda part: order.index(split_folders[part])) or [folder]:
        for class_folder in _subfolders(top):
            images = _images(class_folder)
            if not images:
                raise DataError(f"class folder {class_folder} has no images; add some or remove it ({LAYOUT})")
            filepaths += images
            labels += [class_folder.name] * len(images)
            splits += [split_folders.get(top, "train")] * len(images)
    keys = [Path(path).relative_to(folder).as_posix() for path in filepaths]
    return Listing.of(folder, [os.path.abspath(path) for path in filepaths], keys, labels, splits)


def _is_split(part: Path) -> bool:
    """Whether it is named like a split and holds folders rather than images; a class may be called `train`, too."""
    return (
        part.name.lower() in SPLIT_NAMES and bool(_subfolders(part)) and not any(_is_image(p.name) for p in part.iterdir() if p.is_file())
    )


def _subfolders(folder: Path) -> list[Path]:
    return sorted(part for part in folder.iterdir() if part.is_dir() and not part.name.startswith((".", "__")))


def _images(folder: Path) -> list[str]:
    found = []
    for base, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith((".", "__"))]
        found += [os.path.join(base, name) for name in names if _is_image(name)]
    return sorted(found)


def _is_image(name: str) -> bool:
    return not name.startswith(".") and os.path.splitext(name)[1].lower() in SUFFIXES
