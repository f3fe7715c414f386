"""What comes as one file or in another tool's layout: zip archives, parquet with image bytes, Hugging Face image folders."""

import hashlib
import json
import os
import re
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from curate.data.folders import images_below
from curate.data.image_set import split_named
from curate.data.listing import (
    GROUP_COLUMN,
    LABEL_COLUMNS,
    NAMED_AGAIN,
    LeftOut,
    Listing,
    NamedFiles,
    leave_one_label,
    read_named_files,
    several_labels,
    split_of_cell,
)
from curate.data.pictures import readable_suffixes
from curate.errors import DataError, DependencyError
from curate.files import DATA, storage_errors, write_atomically
from curate.packages import pip_install

METADATA = ("metadata.csv", "metadata.jsonl", "metadata.parquet")
"""What the tables of a Hugging Face image folder are called: one in the folder, or one in each split folder."""
DONE = ".complete"


def is_archive(path: Path) -> bool:
    """Whether it is a zip file."""
    return path.is_file() and path.suffix.lower() == ".zip"


def unpack_zip(path: Path, folder: Path) -> Path:
    """The folder with the content of a zip file, unpacked once below `folder`; a single folder at its top is gone into.

    Raises:
        DataError: it is no zip file, or damaged.
        StorageError: the disk is full or read-only.
    """
    target = folder / _name_of(path)
    if not (target / DONE).is_file():
        try:
            with storage_errors(target), zipfile.ZipFile(path) as archive:
                archive.extractall(target)
        except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
            raise DataError(f"{path} cannot be read as a zip file ({error})") from error
        write_atomically(target / DONE, b"", remedy=DATA)
    inside = [part for part in target.iterdir() if not part.name.startswith((".", "__"))]
    while len(inside) == 1 and inside[0].is_dir():
        target = inside[0]
        inside = [part for part in target.iterdir() if not part.name.startswith((".", "__"))]
    return target


def list_metadata_folder(
    folder: Path, *, label_column: str | None = None, group_column: str | None = None, strict: bool = False
) -> Listing:
    """The files that the `metadata` tables of a folder name, split by split, with the labels of the table.

    Args:
        label_column, group_column, strict: as of `list_manifest`.

    Raises:
        DataError: a table is not what it should be.
    """
    files: list[str] = []
    keys: list[str] = []
    labels: list[str] = []
    splits: list[str] = []
    groups: list[str] = []
    remarks: list[str] = []
    left_out = LeftOut()
    is_grouped = False
    tables = metadata_tables(folder)
    for table in tables:
        found = read_named_files(table, label_column=label_column, group_column=group_column, strict=strict)
        top = table.parent.name if table.parent != folder else ""
        split = split_named(top) if top else None
        files += found.filepaths
        keys += [f"{top}/{key}" if top else key for key in found.keys]
        labels += found.labels
        splits += found.splits if split is None else [split] * len(found.keys)
        groups += found.groups or [""] * len(found.keys)
        is_grouped = is_grouped or found.groups is not None
        remarks += found.remarks
        left_out.put(NAMED_AGAIN, *(str(table.parent / key) for key in found.again))
    images, others = images_below(folder)
    read = set(map(str, tables))
    for reason, others_files in others.files.items():
        left_out.put(reason, *(file for file in others_files if file not in read))
    named = set(files)
    left_out.put("no row of the table", *(file for file in images if os.path.abspath(file) not in named))
    listing = Listing.of(folder, files, keys, labels, splits)
    return replace(
        listing,
        groups=groups if is_grouped else None,
        group_column=group_column or GROUP_COLUMN,
        left_out=left_out.below(folder),
        remarks=(*remarks, *listing.remarks),
    )


def list_parquet(path: Path, folder: Path, *, label_column: str | None = None, group_column: str | None = None) -> Listing | None:
    """The pictures that lie in a parquet file as bytes, written below `folder` once; None where there are none in it.

    The names of the classes are those of the Hugging Face's schema, where labels are numbers.

    Args:
        group_column: of groups, where it is not called `group`.

    Raises:
        DataError: it cannot be read, or has no labels.
        DependencyError: pyarrow is missing.
    """
    rows = _rows_in_parquet(path, folder, label_column, group_column)
    if rows is None:
        return None
    listing = Listing.of(path, rows.filepaths, rows.keys, rows.labels, rows.splits)
    remarks = (*rows.remarks, *listing.remarks)
    return replace(listing, groups=rows.groups, group_column=group_column or GROUP_COLUMN, remarks=remarks)


def parquet_parts(folder: Path) -> list[Path]:
    """The parquet files below a folder that has no pictures beside them, as the Hugging Face keeps datasets: by name."""
    parts = sorted(file for file in folder.rglob("*.parquet") if not file.relative_to(folder).as_posix().startswith("."))
    return [] if not parts or images_below(folder)[0] else parts


def list_parquet_folder(
    folder: Path, parts: list[Path], to: Path, *, label_column: str | None = None, group_column: str | None = None
) -> Listing | None:
    """The pictures in the parquet files `parts` of a folder, written below `to` once; None where there are none in them.

    A file's split is the one that its name begins with, such as `train-00000-of-00002.parquet`, else that of a folder above it.

    Raises:
        DataError, DependencyError: as `list_parquet`.
    """
    found: list[tuple[str, NamedFiles]] = []
    without: list[Path] = []
    for part in parts:
        rows = _rows_in_parquet(part, to, label_column, group_column)
        if rows is None:
            without.append(part)
            continue
        inside = part.relative_to(folder)
        names = [re.split(r"[-_.]", inside.name)[0], *reversed(inside.parts[:-1])]
        split = next((split for name in names if (split := split_named(name)) is not None), None)
        rows.splits = rows.splits if split is None else [split] * len(rows.keys)
        found.append((inside.with_suffix("").as_posix(), rows))
    if not found:
        return None
    files, labels, splits, groups = (
        [value for _, rows in found for value in getattr(rows, name) or [""] * len(rows.keys)]
        for name in ("filepaths", "labels", "splits", "groups")
    )
    listing = Listing.of(folder, files, [f"{part}/{key}" for part, rows in found for key in rows.keys], labels, splits)
    is_grouped = any(rows.groups is not None for _, rows in found)
    left_out = LeftOut()
    left_out.put("parquet without pictures", *map(str, without))
    return replace(
        listing,
        groups=groups if is_grouped else None,
        group_column=group_column or GROUP_COLUMN,
        left_out=left_out.below(folder),
        remarks=(*(remark for _, rows in found for remark in rows.remarks), *listing.remarks),
    )


def _rows_in_parquet(path: Path, folder: Path, label_column: str | None, group_column: str | None) -> NamedFiles | None:
    """What the rows of a parquet file with pictures say, once they are written; as `list_parquet`."""
    try:
        import pyarrow.parquet as pq
    except ImportError as error:
        raise DependencyError(f"parquet tables need pandas and pyarrow: {pip_install('pandas', 'pyarrow')}") from error
    try:
        schema = pq.read_schema(path)
    except Exception as error:  # pyarrow's own errors have no common base
        raise DataError(f"{path} cannot be read as parquet ({str(error).splitlines()[0]})") from error
    again = next((name for name in schema.names if schema.names.count(name) > 1), None)
    if again is not None:
        raise DataError(f"{path} has the column '{again}' twice; rename one of them")
    binary = [field.name for field in schema if str(field.type).startswith(("struct<bytes: binary", "binary"))]
    column = next((name for name in binary if name not in (label_column, *LABEL_COLUMNS)), None)
    if column is None:
        return None
    table = pq.read_table(path).to_pydict()
    names = _class_labels(schema)
    label = label_column or next((name for name in ("label", "labels", "class", "category", *names) if name in table), None)
    if label is None or label not in table:
        raise DataError(f"{path} has pictures in '{column}' but no column of labels; name one by --field, found {', '.join(table)}")
    target = folder / _name_of(path)
    files, keys = [], []
    for number, cell in enumerate(table[column]):
        content, name = (cell.get("bytes"), cell.get("path")) if isinstance(cell, dict) else (cell, None)
        if content is None and name and (path.parent / name).is_file():  # the file lies beside the table instead
            files.append(os.path.abspath(path.parent / name))
            keys.append(name)
            continue
        suffix = os.path.splitext(name or "")[1].lower()
        file = target / f"{number:06d}{suffix if suffix in readable_suffixes() else '.img'}"
        if not file.is_file():
            write_atomically(file, content or b"", remedy=DATA)
        files.append(str(file.absolute()))
        keys.append(name or f"{number:06d}")
    keys = keys if len(set(keys)) == len(keys) else [f"{number:06d}/{key}" for number, key in enumerate(keys)]
    given = [_label_text(value, names.get(label)) for value in table[label]]
    cells = table.get("split") or [""] * len(files)
    splits = [split_of_cell(str(value or ""), f"row {number} of {path}") for number, value in enumerate(cells, 1)]
    several = next((value for value in table[label] if isinstance(value, (list, tuple, dict))), None)
    if several is not None:
        raise DataError(several_labels(label, path))
    group = group_column or GROUP_COLUMN
    groups = ["" if value is None else str(value) for value in table[group]] if group in table else None
    found = NamedFiles(files, keys, given, splits, groups)
    leave_one_label(path, label, found)
    return found


def metadata_tables(folder: Path) -> list[Path]:
    """The tables of a Hugging Face image folder: in the folder, or in its split folders."""
    tops = [folder, *sorted(part for part in folder.iterdir() if part.is_dir() and split_named(part.name))]
    return [top / name for top in tops for name in METADATA if (top / name).is_file()]


def _name_of(path: Path) -> str:
    """A folder name for what is unpacked from a file: another size or date of it means another folder."""
    stat = path.stat()
    digest = hashlib.sha256(f"{path.absolute()} {stat.st_size} {stat.st_mtime_ns}".encode(errors="surrogateescape"))
    return f"{path.stem}-{digest.hexdigest()[:12]}"


def _class_labels(schema: Any) -> dict[str, list[str]]:
    """The names behind numbered labels by column, as the Hugging Face writes them into a file's schema."""
    try:
        features = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
        return {name: about["names"] for name, about in features.items() if isinstance(about, dict) and "names" in about}
    except (KeyError, ValueError, TypeError):
        return {}


def parquet_columns(path: Path) -> tuple[str, ...]:
    """The names of the columns of a parquet file; none where it cannot be read, which is told when it is."""
    try:
        import pyarrow.parquet as pq

        return tuple(pq.read_schema(path).names)
    except Exception:  # pyarrow's own errors have no common base
        return ()


def _label_text(value: Any, names: list[str] | None) -> str:
    if value is None or (isinstance(value, int) and value < 0):
        return ""
    return names[value] if names and isinstance(value, int) and value < len(names) else str(value)
