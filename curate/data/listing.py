"""Listings: the image files of a user's dataset with their labels, from folders or from a table, before any is decoded."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from curate.data.decode import SUFFIXES
from curate.data.image_set import SPLITS, split_named
from curate.errors import DataError
from curate.tables import plain, read_table


@dataclass(frozen=True)
class Listing:
    """Files in dataset order.

    Attributes:
        filepaths: N absolute paths.
        keys: N texts, unique, that identify a file within its dataset on any machine.
        labels: (N,) int64 in 0..K-1, -1 = unlabelled.
        splits: (N,), each one of `train`, `validation`, `test`.
        class_names: K names.
    """

    filepaths: list[str]
    keys: list[str]
    labels: NDArray[np.int64]
    splits: NDArray[np.str_]
    class_names: tuple[str, ...]

    @classmethod
    def of(cls, source: Path, filepaths: list[str], keys: list[str], labels: list[str], splits: list[str]) -> "Listing":
        """The listing of files with the class name of each (empty = unlabelled).

        Classes come in alphabetical order, or in that of their numbers where all names are numbers.

        Raises:
            DataError: fewer than two classes occur, or a file's name is no text in UTF-8.
        """
        for key in keys:
            if "\n" in key or any("\ud800" <= sign <= "\udfff" for sign in key):  # how Python shows bytes that are not UTF-8
                raise DataError(f"file name {key!r} in {source} is no text in UTF-8 on one line; rename it")
        labels = [plain(label) for label in labels]  # one class, however a system writes its name
        present = {label for label in labels if label}
        are_numbers = all(name.isdecimal() for name in present)
        class_names = sorted(present, key=lambda name: (int(name) if are_numbers else 0, name))  # 1 and 01 always in one order
        if len(class_names) < 2:
            found = f"only '{class_names[0]}'" if class_names else "none"
            raise DataError(f"{source} must hold images of two or more classes, found {found}")
        index = {name: i for i, name in enumerate(class_names)} | {"": -1}
        codes = np.array([index[label] for label in labels], dtype=np.int64)
        return cls(filepaths, keys, codes, np.array(splits), tuple(class_names))


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
    split_folders = {part: split for part in parts if _is_split(part) and (split := split_named(part.name))}
    strange = [part.name for part in parts if part not in split_folders]
    if split_folders and strange:
        found = ", ".join(part.name for part in split_folders)
        raise DataError(f"{folder} has split folders ({found}) and beside them '{strange[0]}'; {LAYOUT}")
    filepaths, labels, splits = [], [], []
    for top in sorted(split_folders, key=lambda part: SPLITS.index(split_folders[part])) or [folder]:
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
    has_images = any(_is_image(path.name) for path in part.iterdir() if path.is_file())
    return split_named(part.name) is not None and bool(_subfolders(part)) and not has_images


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


def list_manifest(path: Path, *, base: Path | None = None) -> Listing:
    """The files that a manifest names, in its order, which is also their key.

    Columns: `filepath` (relative to `base`), `label` (a class name; empty = unlabelled) and, if there is one, `split` (`train`,
    `validation` or `test`; empty = train). Other columns are passed over.

    Args:
        path: the table, `.csv` or `.parquet`.
        base: what relative paths are relative to; the manifest's own folder by default.

    Raises:
        DataError: the table cannot be read, lacks a column, is empty, names a file twice, or has an unknown split.
        DependencyError: it is a parquet file and pandas is missing.
    """
    table = read_table(path).require("filepath", "label", optional=["split"])
    if not table.rows:
        raise DataError(f"manifest {path} has no rows")
    base = path.parent if base is None else base
    keys, splits = [], []
    seen: set[str] = set()
    for row, place in zip(table.rows, table.places, strict=True):
        key, split = os.path.normpath(row["filepath"]) if row["filepath"] else "", row.get("split", "")
        if not key or key in seen:
            raise DataError(f"{place} " + (f"names {key} again; each file may come once" if key else "has no filepath"))
        if split and split_named(split) is None:
            raise DataError(f"{place} has split '{row['split']}'; expected train, validation or test")
        seen.add(key)
        keys.append(key)
        splits.append(split_named(split) or "train")
    filepaths = [os.path.abspath(base / key) for key in keys]
    return Listing.of(path, filepaths, keys, [row["label"] for row in table.rows], splits)
