"""Listings: the image files of a user's dataset with their labels, from folders or from a table, before any is decoded."""

import json
import os
import re
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from curate.data.image_set import SPLITS, split_named
from curate.data.pictures import readable_suffixes, why_unread
from curate.errors import DataError
from curate.run import holds_runs
from curate.tables import NO_TEXT, TABLE_SUFFIXES, Table, plain, read_table


@dataclass(frozen=True)
class Listing:
    """Files in dataset order.

    Attributes:
        filepaths: N absolute paths.
        keys: N texts, unique, that identify a file within its dataset on any machine.
        labels: (N,) int64 in 0..K-1, -1 = unlabelled.
        splits: (N,), each one of `train`, `validation`, `test`.
        class_names: K names.
        groups: N texts, equal for files that must share a fold, empty = in no group; None where the source names no groups.
        passed_over: number of files that were not read, by the reason.
        remarks: what else is odd, a sentence each.
    """

    filepaths: list[str]
    keys: list[str]
    labels: NDArray[np.int64]
    splits: NDArray[np.str_]
    class_names: tuple[str, ...]
    groups: list[str] | None = None
    passed_over: dict[str, int] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()

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


OUTSIDE = "lies beside the class folders"
LAYOUT = "expected one folder per class with its images, or train/, validation/ (or val/), test/ with class folders inside"


def list_folder(folder: Path) -> Listing:
    """The images of a folder, split by split and class by class, by name within a class (folders inside a class included).

    Hidden files are passed over; others that are not read are counted by their reason. A class folder without images is a remark. Without
    split folders all samples are `train`. Keys are the paths relative to the folder.

    Raises:
        DataError: it is no folder, is empty, has no class folders, or none of them has images.
    """
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder")
    parts = _subfolders(folder)
    if not parts:
        has_images, is_empty = bool(_images(folder)[0]), not any(folder.iterdir())
        what = "has images but no class folders" if has_images else "is empty" if is_empty else "has no class folders"
        raise DataError(f"{folder} {what}; {LAYOUT}")
    split_folders = {part: split for part in parts if _is_split(part) and (split := split_named(part.name))}
    strange = [part.name for part in parts if part not in split_folders]
    if split_folders and strange:
        found = ", ".join(part.name for part in split_folders)
        raise DataError(f"{folder} has split folders ({found}) and beside them '{strange[0]}'; {LAYOUT}")
    tops = sorted(split_folders, key=lambda part: SPLITS.index(split_folders[part])) or [folder]
    filepaths, labels, splits, remarks = [], [], [], []
    loose = (path for top in {folder, *tops} for path in top.iterdir() if path.is_file())
    passed_over = Counter(why_unread(_suffix(path.name)) if _counts(path) else OUTSIDE for path in loose if not path.name.startswith("."))
    for top in tops:
        for class_folder in _subfolders(top):
            images, others = _images(class_folder)
            passed_over += others
            if not images:
                told = f" ({_counted(others)})" if others else ""
                remarks.append(f"class folder {class_folder.relative_to(folder)} has no images that are read{told}")
            filepaths += images
            labels += [class_folder.name] * len(images)
            splits += [split_folders.get(top, "train")] * len(images)
    if not filepaths:
        raise DataError(f"{folder} has no images that are read{f': {_counted(passed_over)}' if passed_over else ''}; {LAYOUT}")
    keys = [Path(path).relative_to(folder).as_posix() for path in filepaths]
    listing = Listing.of(folder, [os.path.abspath(path) for path in filepaths], keys, labels, splits)
    return replace(listing, passed_over=dict(passed_over), remarks=tuple(remarks))


def _is_split(part: Path) -> bool:
    """Whether it is named like a split and holds folders rather than images; a class may be called `train`, too."""
    has_images = any(_is_image(path.name) for path in part.iterdir() if path.is_file())
    return split_named(part.name) is not None and bool(_subfolders(part)) and not has_images


def _subfolders(folder: Path) -> list[Path]:
    """The folders in it, by name: no hidden ones, and none that curate made, as `curate audit .` may have."""
    return sorted(part for part in folder.iterdir() if part.is_dir() and not part.name.startswith((".", "__")) and not holds_runs(part))


def _images(folder: Path) -> tuple[list[str], "Counter[str]"]:
    """The images below a folder, links to folders followed, by name; and how many other files there are, by the reason."""
    found: list[str] = []
    others: Counter[str] = Counter()
    seen: set[str] = set()
    for base, folders, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(base)
        if real in seen:  # a link that leads back
            folders[:] = []
            continue
        seen.add(real)
        folders[:] = [name for name in folders if not name.startswith((".", "__"))]
        for name in names:
            if _is_image(name):
                found.append(os.path.join(base, name))
            elif _counts(Path(name)):
                others[why_unread(_suffix(name))] += 1
    return sorted(found), others


def _is_image(name: str) -> bool:
    return not name.startswith(".") and _suffix(name) in readable_suffixes()


def _counts(path: Path) -> bool:
    """Whether it is a file of the user's: not one that an operating system strews about."""
    return not path.name.startswith(".") and path.name.lower() not in ("thumbs.db", "desktop.ini") and not _is_image(path.name)


def _suffix(name: str) -> str:
    return os.path.splitext(name)[1].lower()


def _counted(others: "Counter[str]") -> str:
    return ", ".join(f"{count} x {reason}" for reason, count in others.most_common())


JSON_LINES = ".jsonl"
LISTING_SUFFIXES = (*TABLE_SUFFIXES, JSON_LINES)
PATH_COLUMNS = ("filepath", "file_name", "filename", "image", "image_path", "path", "file")
"""What tables call the column of files; the first that is there counts."""
LABEL_COLUMNS = ("label", "class", "category", "class_name", "label_name", "target")
GROUP_COLUMN = "group"


def list_manifest(
    path: Path, *, base: Path | None = None, label_column: str | None = None, group_column: str | None = None, strict: bool = False
) -> Listing:
    """The files that a table names, in its order, which is also their key.

    Columns: `filepath` (relative to `base`), `label` (a class name; empty = unlabelled) and, if there are such, `split` (`train`,
    `validation` or `test`; empty = train) and `group` (what must be judged together; empty = in no group). The names of other tools, such
    as `file_name`, are known too. A row that names a file again is left out, with a remark.

    Args:
        path: the table, `.csv`, `.tsv`, `.jsonl` or `.parquet`.
        base: what relative paths are relative to; the table's own folder by default.
        label_column: the column of labels, where it has another name or there are several.
        group_column: the column of groups, where it has another name.
        strict: a file that comes twice is an error.

    Raises:
        DataError: the table cannot be read, lacks a column, is empty, has several labels in a cell, or has an unknown split.
        DependencyError: it is a parquet file and pandas is missing.
    """
    table = read_listing_table(path)
    if not table.rows:
        raise DataError(f"the table {path} has no rows")
    file_column = _column(table, PATH_COLUMNS)
    label_column = _column(table, LABEL_COLUMNS if label_column is None else (label_column,))
    if group_column is not None and group_column not in table.columns:
        raise DataError(f"{path} has no column '{group_column}' to group by; found {', '.join(table.columns)}")
    group_column = group_column or (GROUP_COLUMN if GROUP_COLUMN in table.columns else None)
    _check_single(table, label_column)
    table.require(file_column, label_column, optional=["split", *([group_column] if group_column else [])])
    base = path.parent if base is None else base
    kept: list[dict[str, str]] = []
    keys: list[str] = []
    splits: list[str] = []
    remarks: list[str] = []
    first: dict[str, tuple[str, str]] = {}
    for row, place in zip(table.rows, table.places, strict=True):
        key, split = os.path.normpath(row[file_column]) if row[file_column] else "", row.get("split", "")
        if not key:
            raise DataError(f"{place} has no {file_column}")
        if split and split_named(split) is None:
            raise DataError(f"{place} has split '{row['split']}'; expected train, validation or test")
        if key in first:
            before, label = first[key]
            other = f", there as '{label}', here as '{row[label_column]}'" if label != row[label_column] else ""
            told = f"{place} names {key} again (as {before.partition(' of ')[0]} does{other})"
            if strict:
                raise DataError(f"{told}; each file may come once")
            remarks.append(f"{told}: the first counts")
            continue
        first[key] = place, row[label_column]
        kept.append(row)
        keys.append(key)
        splits.append(split_named(split) or "train")
    labels = [row[label_column] for row in kept]
    filepaths = [os.path.abspath(base / key) for key in keys]
    listing = Listing.of(path, filepaths, keys, labels, splits)
    return replace(listing, groups=[row[group_column] for row in kept] if group_column else None, remarks=tuple(remarks))


def read_listing_table(path: Path) -> Table:
    """The table of `curate.tables.read_table`, or one of JSON lines."""
    return _from_jsonl(path) if path.suffix.lower() == JSON_LINES else read_table(path)


def _column(table: Table, names: tuple[str, ...]) -> str:
    found = next((name for name in names if name in table.columns), None)
    if found is None:
        raise DataError(
            f"{table.path} has no column '{names[0]}'; expected filepath, label and optionally split and group, found "
            f"{', '.join(table.columns)}{'; name the one with the labels by --field' if names == LABEL_COLUMNS else ''}"
        )
    return found


def _check_single(table: Table, column: str) -> None:
    labels = [row[column] for row in table.rows if row[column]]
    several = [label for label in labels if label.startswith(NO_TEXT) or re.search(r"[|;,]", label)]
    if several and 2 * len(several) > len(labels):
        such = "" if several[0].startswith(NO_TEXT) else f", such as '{several[0]}'"
        raise DataError(
            f"the column '{column}' of {table.path} holds several labels a row{such}; curate judges one label a picture: "
            "name a column with one by --field, or audit a table per label with yes and no"
        )


def _from_jsonl(path: Path) -> Table:
    if not path.is_file():
        raise DataError(f"there is no table at {path}")
    try:
        lines = [(number, json.loads(line)) for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1) if line.strip()]
        columns = tuple(dict.fromkeys(str(key) for _, row in lines for key in row))
    except (ValueError, TypeError) as error:
        raise DataError(f"{path} must have one JSON object a line ({error})") from error
    rows = tuple({column: _json_text(row.get(column)) for column in columns} for _, row in lines)
    return Table(path, columns, rows, tuple(f"line {number} of {path}" for number, _ in lines))


def _json_text(value: object) -> str:
    if value is None:
        return ""
    return f"{NO_TEXT} {type(value).__name__}" if isinstance(value, (list, dict)) else plain(str(value))
