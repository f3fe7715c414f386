"""load: any source as an ImageSet, and reload: the very same set again."""

import os
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from curate.data.catalog import CATALOG, unknown_dataset
from curate.data.decode import decode_images
from curate.data.fetch import fetch
from curate.data.folders import list_folder
from curate.data.image_set import ImageSet, not_chosen, select
from curate.data.label_files import relabelled
from curate.data.listing import LISTING_SUFFIXES, Listing, list_manifest, read_listing_table
from curate.data.pixel_tables import is_pixel_csv, load_pixel_csv
from curate.data.unpack import (
    is_archive,
    list_metadata_folder,
    list_parquet,
    list_parquet_folder,
    metadata_tables,
    parquet_columns,
    parquet_parts,
    unpack_zip,
)
from curate.errors import DataError, UsageError
from curate.options import PATHS, Source
from curate.progress import Progress, silent
from curate.run import data_root
from curate.tables import is_text

MOST_NAMED = 1000
"""Files that were not read and that a set names, for each reason; all are counted."""


def load(source: str | Source, *, progress: Progress = silent, **options: Any) -> ImageSet:
    """The dataset `source` as an ImageSet: training samples first, then validation, then test (a manifest keeps its order).

    Args:
        source: a name of the catalog; else the path of an image folder, or of a CSV or parquet manifest. Write `./mnist` for a
            folder that is called like a dataset of the catalog. Or a Source, which has the options.
        options: the fields of `curate.Source`, where `source` is a name. `root`: for the catalog, where the files are looked for and put;
            for a manifest, what its paths are relative to. `labels`: see `curate.data.label_files`. What was wrong with the images that
            could not be read is in `origin["skipped"]`, and what was passed over in `origin["left_out"]`, by the reason; `strict` stops at
            the first. `image_size`: see `curate.data.decode`.
        progress: stages of downloads and decoding.

    Returns:
        The set; its `origin` is what `reload` needs. Sample ids are `mnist/test/3520` for the catalog, else the name of the
        folder or manifest and the path inside it.

    Raises:
        UnknownNameError: no dataset and no file has that name, or no split has.
        DataError: the data is not what it should be; the message says what and where.
        FetchError: no source could deliver the dataset.
        UsageError: an option does not fit the source.
    """
    source = source if isinstance(source, Source) else Source(source, **options)
    is_known = source.name in CATALOG
    place = source.name if is_known else os.path.abspath(os.path.expanduser(source.name))
    if not is_text(place):
        raise DataError(f"{place!r} is no text in UTF-8 on one line; rename it")
    paths: dict[str, Any] = {name: Path(os.path.abspath(path)) for name in PATHS if (path := getattr(source, name)) is not None}
    if not is_known and not os.path.exists(place) and os.sep not in source.name and not _is_manifest(source.name):
        raise unknown_dataset(source.name)
    source = replace(source, name=place, **paths)
    return _from_catalog(source, progress) if is_known else _from_files(source, _plain_name(Path(place)), progress)


def reload(origin: dict, *, root: Path | None = None, progress: Progress = silent) -> ImageSet:
    """The set whose `origin` this is, read again.

    Args:
        origin: of the set; JSON-able.
        root: where the files are now, if not where they were: for the catalog and for manifests as in `load`, for an image
            folder the folder itself. A manifest that is gone from its place is looked for there, too.
        progress: as in `load`.

    Raises:
        DataError: the files are not there any more; see `load`.
    """
    source = Source.of_origin(origin)
    if source.name in CATALOG:
        return _from_catalog(source if root is None else replace(source, root=root), progress)
    name = origin["name"]
    if root is None:
        if not os.path.exists(source.name):
            raise DataError(f"there is no image folder or manifest at {source.name} any more; where it was moved, name its place by --root")
        return _from_files(source, name, progress)
    if not _is_manifest(source.name):
        return _from_files(replace(source, name=str(root)), name, progress)
    moved = source.name if os.path.exists(source.name) else str(root / Path(source.name).name)
    return _from_files(replace(source, name=moved, root=root), name, progress)


def _from_catalog(source: Source, progress: Progress) -> ImageSet:
    name, entry = source.name, CATALOG[source.name]
    if source.image_size is not None:
        _, height, width = entry.image_shape
        raise UsageError(f"{name} comes as {height} x {width} images; an image size is for your own folders and tables")
    images, given, num_train = entry.read(fetch(name, root=source.root, progress=progress))
    counts = num_train, len(given) - num_train
    splits = np.repeat(["train", "test"], counts)
    sample_ids = np.array([f"{name}/{part}/{i}" for part, count in zip(("train", "test"), counts, strict=True) for i in range(count)])
    positions = select(splits, split=source.split, limit=source.limit)
    if len(positions) < len(given):
        images, given = images[positions], given[positions]
    given, annotations, remarks = relabelled(
        source, given, sample_ids=sample_ids, positions=positions, class_names=entry.class_names, splits=splits
    )
    origin = {**source.to_origin(), "skipped": [], "remarks": remarks}
    return ImageSet(name, images, given, sample_ids[positions], splits[positions], entry.class_names, None, origin, annotations)


def _from_files(source: Source, name: str, progress: Progress) -> ImageSet:
    path = Path(source.name)
    if path.exists() and not path.is_file() and not path.is_dir():
        raise DataError(f"{path} is a pipe, a socket or a device, which cannot be read twice; save what comes from it as a file")
    if is_pixel_csv(path):
        return load_pixel_csv(source, name=name)
    if path.is_dir():
        if source.root is not None:
            raise UsageError(f"{path} is itself the folder to read; a root folder is for published datasets and tables")
        listing = _list_files(path, source)
    elif is_archive(path):
        listing = _list_files(unpack_zip(path, data_root() / "unpacked"), source)
    elif not path.exists():
        raise DataError(f"there is no image folder or table at {path}")
    elif not _is_manifest(path.name):
        raise DataError(f"{path} is neither an image folder nor a table ({' or '.join(LISTING_SUFFIXES)})")
    else:
        listing = _list_table(path, source)
    positions = select(listing.splits, split=source.split, limit=source.limit)
    decoded = decode_images(
        [listing.filepaths[i] for i in positions],
        image_size=source.image_size,
        skip_broken=not source.strict,
        cache=data_root() / "decoded",
        progress=progress,
    )
    positions = positions[decoded.kept]
    sample_ids = np.array([f"{name}/{key}" for key in listing.keys])
    given, annotations, remarks = relabelled(
        source,
        listing.labels[positions],
        sample_ids=sample_ids,
        positions=positions,
        class_names=listing.class_names,
        splits=listing.splits,
    )
    groups = group_numbers(listing, source.group_by)
    passed_over = listing.passed_over | not_chosen(listing.splits, split=source.split, limit=source.limit)
    facts = {"skipped": list(decoded.skipped), "passed_over": passed_over, "remarks": [*listing.remarks, *decoded.remarks, *remarks]}
    if listing.left_out:
        facts["left_out"] = {reason: files[:MOST_NAMED] for reason, files in listing.left_out.items()}
    return ImageSet(
        name=name,
        images=decoded.images,
        labels=given,
        sample_ids=sample_ids[positions],
        splits=listing.splits[positions],
        class_names=listing.class_names,
        filepaths=np.array(listing.filepaths)[positions],
        origin={**source.to_origin(), "name": name, **facts},
        annotations=annotations,
        pictures=decoded.pictures,
        groups=None if groups is None else groups[positions],
    )


def _list_files(folder: Path, source: Source) -> Listing:
    tables = metadata_tables(folder)
    if tables:
        group_column = _group_column(source.group_by, [read_listing_table(table).columns for table in tables])
        return list_metadata_folder(folder, label_column=source.field, group_column=group_column, strict=source.strict)
    parts = parquet_parts(folder)
    if parts:
        group_column = _group_column(source.group_by, [parquet_columns(part) for part in parts])
        found = list_parquet_folder(folder, parts, data_root() / "unpacked", label_column=source.field, group_column=group_column)
        if found is not None:
            return found
    return list_folder(folder)


def _list_table(path: Path, source: Source) -> Listing:
    if path.suffix.lower() == ".parquet":
        group_column = _group_column(source.group_by, [parquet_columns(path)])
        found = list_parquet(path, data_root() / "unpacked", label_column=source.field, group_column=group_column)
        if found is not None:
            return found
    return list_manifest(
        path,
        base=source.root,
        label_column=source.field,
        group_column=_group_column(source.group_by, [read_listing_table(path).columns]),
        strict=source.strict,
    )


def _group_column(group_by: str | None, columns: list[tuple[str, ...]]) -> str | None:
    """The column that `group_by` names, of tables with these columns; None where it is `folder` or a regular expression."""
    if group_by is None or group_by == "folder":
        return None
    return group_by if all(group_by in names for names in columns) else None


def group_numbers(listing: Listing, group_by: str | None) -> NDArray[np.int64] | None:
    """(N,) int64 group of each file, numbered in the order of their first files, -1 = in none; None where nothing says what a group is.

    Raises:
        UsageError: `group_by` is no regular expression, or matches no file.
    """
    texts: list[str | None]
    if listing.groups is not None and group_by in (None, listing.group_column):
        texts = [text or None for text in listing.groups]
    elif group_by is None:
        return None
    elif group_by == "folder":  # a class folder is no group
        texts = [folder if "/" in (folder := os.path.dirname(key)) or _is_group_folder(listing, folder) else None for key in listing.keys]
    else:
        try:
            pattern = re.compile(group_by)
        except re.error as error:
            told = f"found '{group_by}' ({error})"
            raise UsageError(f"--group-by must be folder, a column of the table or a regular expression, {told}") from error
        found = [pattern.search(key) for key in listing.keys]
        texts = [match.group(1 if pattern.groups else 0) if match else None for match in found]
    if not any(texts):
        raise UsageError(
            f"--group-by {group_by} finds no group in {len(texts)} files such as {listing.keys[0]}; "
            "give folder (where class folders hold folders), a column of the table, or a regular expression with one part in (brackets)"
        )
    number: dict[str, int] = {}
    return np.array([-1 if text is None else number.setdefault(text, len(number)) for text in texts], dtype=np.int64)


def _is_group_folder(listing: Listing, folder: str) -> bool:
    """Whether a plain folder is a group: in a table it is, in an image folder it is the class."""
    return bool(folder) and folder not in listing.class_names


def _is_manifest(source: str) -> bool:
    return source.lower().endswith(LISTING_SUFFIXES)


def _plain_name(path: Path) -> str:
    """The name of a folder or manifest as runs and databases take it."""
    return re.sub(r"[^\w.-]+", "-", path.stem if _is_manifest(path.name) or is_archive(path) else path.name).strip("-.") or "images"
