"""load: any source as an ImageSet, and reload: the very same set again."""

import os
import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from curate.data.catalog import CATALOG, unknown_dataset
from curate.data.decode import decode_images
from curate.data.fetch import fetch
from curate.data.image_set import ImageSet, select
from curate.data.label_files import read_given
from curate.data.listing import LISTING_SUFFIXES, Listing, list_folder, list_manifest, read_listing_table
from curate.data.pixel_tables import is_pixel_csv, load_pixel_csv
from curate.data.unpack import has_metadata, is_archive, list_metadata_folder, list_parquet, unpack_zip
from curate.errors import DataError, UsageError
from curate.options import Source
from curate.progress import Progress, silent
from curate.run import data_root


def load(source: str | Source, *, progress: Progress = silent, **options: Any) -> ImageSet:
    """The dataset `source` as an ImageSet: training samples first, then validation, then test (a manifest keeps its order).

    Args:
        source: a name of the catalog; else the path of an image folder, or of a CSV or parquet manifest. Write `./mnist` for a
            folder that is called like a dataset of the catalog. Or a Source, which has the options.
        options: the fields of `curate.Source`, where `source` is a name. `root`: for the catalog, where the files are looked for and put;
            for a manifest, what its paths are relative to. `labels`: see `curate.data.label_files`. What was wrong with the images that
            could not be read is in `origin["skipped"]`; `strict` stops at the first. `image_size`: see `curate.data.decode`.
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
    name = source.name
    origin: dict[str, Any] = {
        "source": name if name in CATALOG else os.path.abspath(os.path.expanduser(name)),
        "root": None if source.root is None else os.path.abspath(source.root),
        "split": source.split,
        "limit": source.limit,
        "labels": None if source.labels is None else os.path.abspath(source.labels),
        "strict": source.strict,
        "group_by": source.group_by,
        "field": source.field,
        "image_size": source.image_size,
    }
    if name in CATALOG:
        return _from_catalog(origin, progress)
    if not os.path.exists(origin["source"]) and os.sep not in name and not _is_manifest(name):
        raise unknown_dataset(name)
    return _from_files({**origin, "name": _plain_name(Path(origin["source"]))}, progress)


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
    source = origin["source"]
    if source in CATALOG:
        return _from_catalog({**origin, "root": str(root) if root else origin["root"]}, progress)
    if root is None:
        return _from_files(origin, progress)
    if not _is_manifest(source):
        return _from_files({**origin, "source": str(root)}, progress)
    moved = root / Path(source).name
    return _from_files({**origin, "root": str(root), "source": source if os.path.exists(source) else str(moved)}, progress)


def _from_catalog(origin: dict[str, Any], progress: Progress) -> ImageSet:
    name, entry = origin["source"], CATALOG[origin["source"]]
    if origin["image_size"] is not None:
        _, height, width = entry.image_shape
        raise UsageError(f"{name} comes as {height} x {width} images; an image size is for your own folders and tables")
    images, given, num_train = entry.read(fetch(name, root=Path(origin["root"]) if origin["root"] else None, progress=progress))
    counts = num_train, len(given) - num_train
    splits = np.repeat(["train", "test"], counts)
    sample_ids = np.array([f"{name}/{part}/{i}" for part, count in zip(("train", "test"), counts, strict=True) for i in range(count)])
    positions = select(splits, split=origin["split"], limit=origin["limit"])
    if len(positions) < len(given):
        images, given = images[positions], given[positions]
    annotations = None
    if origin["labels"] is not None:
        given, annotations = read_given(
            Path(origin["labels"]),
            sample_ids=sample_ids,
            positions=positions,
            class_names=entry.class_names,
            given=given,
            splits=splits,
        )
    origin = {**origin, "skipped": []}
    return ImageSet(name, images, given, sample_ids[positions], splits[positions], entry.class_names, None, origin, annotations)


def _from_files(origin: dict[str, Any], progress: Progress) -> ImageSet:
    path, root, name = Path(origin["source"]), origin["root"], origin["name"]
    if is_pixel_csv(path):
        return load_pixel_csv(origin)
    if path.is_dir():
        if root is not None:
            raise UsageError(f"{path} is itself the folder to read; a root folder is for published datasets and tables")
        listing = _list_files(path, origin)
    elif is_archive(path):
        listing = _list_files(unpack_zip(path, data_root() / "unpacked"), origin)
    elif not path.exists():
        raise DataError(f"there is no image folder or table at {path}")
    elif not _is_manifest(path.name):
        raise DataError(f"{path} is neither an image folder nor a table ({' or '.join(LISTING_SUFFIXES)})")
    else:
        listing = _list_table(path, origin)
    positions = select(listing.splits, split=origin["split"], limit=origin["limit"])
    decoded = decode_images(
        [listing.filepaths[i] for i in positions],
        image_size=origin["image_size"],
        skip_broken=not origin.get("strict", False),
        cache=data_root() / "decoded",
        progress=progress,
    )
    positions = positions[decoded.kept]
    sample_ids = np.array([f"{name}/{key}" for key in listing.keys])
    given, annotations = listing.labels[positions], None
    if origin["labels"] is not None:
        given, annotations = read_given(
            Path(origin["labels"]),
            sample_ids=sample_ids,
            positions=positions,
            class_names=listing.class_names,
            given=given,
            splits=listing.splits,
        )
    groups = group_numbers(listing, origin.get("group_by"))
    origin = {**origin, "skipped": list(decoded.skipped), "passed_over": listing.passed_over, "remarks": list(listing.remarks)}
    return ImageSet(
        name=name,
        images=decoded.images,
        labels=given,
        sample_ids=sample_ids[positions],
        splits=listing.splits[positions],
        class_names=listing.class_names,
        filepaths=np.array(listing.filepaths)[positions],
        origin=origin,
        annotations=annotations,
        pictures=decoded.pictures,
        groups=None if groups is None else groups[positions],
    )


def _list_files(folder: Path, origin: dict[str, Any]) -> Listing:
    if not has_metadata(folder):
        return list_folder(folder)
    return list_metadata_folder(folder, label_column=origin.get("field"), strict=origin.get("strict", False))


def _list_table(path: Path, origin: dict[str, Any]) -> Listing:
    if path.suffix.lower() == ".parquet":
        found = list_parquet(path, data_root() / "unpacked", label_column=origin.get("field"))
        if found is not None:
            return found
    return list_manifest(
        path,
        base=Path(origin["root"]) if origin["root"] else None,
        label_column=origin.get("field"),
        group_column=_group_column(path, origin.get("group_by")),
        strict=origin.get("strict", False),
    )


def _group_column(path: Path, group_by: str | None) -> str | None:
    """The column of a table that `group_by` names; None where it is `folder` or a regular expression."""
    if group_by is None or group_by == "folder":
        return None
    return group_by if group_by in read_listing_table(path).columns else None


def group_numbers(listing: Listing, group_by: str | None) -> NDArray[np.int64] | None:
    """(N,) int64 group of each file, numbered in the order of their first files, -1 = in none; None where nothing says what a group is.

    Raises:
        UsageError: `group_by` is no regular expression, or matches no file.
    """
    if listing.groups is not None:
        texts: list[str | None] = [text or None for text in listing.groups]
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
