"""Manifests: a CSV or parquet table that names image files and their labels."""

import csv
import os
from pathlib import Path

from curate.datasets.listing import SPLIT_NAMES, Listing
from curate.errors import DataError, DependencyError

SUFFIXES = (".csv", ".parquet")


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
    rows = _read_csv(path) if path.suffix.lower() == ".csv" else _read_parquet(path)
    columns = list(rows[0]) if rows else []
    lacking = [name for name in ("filepath", "label") if rows and name not in columns]
    if lacking:
        raise DataError(
            f"manifest {path} has no column '{lacking[0]}'; expected filepath, label and optionally split, found {', '.join(columns)}"
        )
    if not rows:
        raise DataError(f"manifest {path} has no rows")
    base = path.parent if base is None else base
    keys, splits = [], []
    seen: set[str] = set()
    for number, row in enumerate(rows, 2 if path.suffix.lower() == ".csv" else 1):
        key, split = row["filepath"], row.get("split", "").lower()
        if not key or key in seen:
            raise DataError(
                f"row {number} of manifest {path} " + (f"names {key} again; each file may come once" if key else "has no filepath")
            )
        if split and split not in SPLIT_NAMES:
            raise DataError(f"row {number} of manifest {path} has split '{row['split']}'; expected train, validation or test")
        seen.add(key)
        keys.append(key)
        splits.append(SPLIT_NAMES.get(split, "train"))
    filepaths = [os.path.abspath(base / key) for key in keys]
    return Listing.of(path, filepaths, keys, [row["label"] for row in rows], splits)


def _read_csv(path: Path) -> list[dict[str, str]]:
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            return [{k: (v or "").strip() for k, v in row.items() if isinstance(k, str)} for row in csv.DictReader(file)]
    except (csv.Error, UnicodeDecodeError) as error:
        raise DataError(f"manifest {path} cannot be read as CSV in UTF-8 ({error})") from error


def _read_parquet(path: Path) -> list[dict[str, str]]:
    try:
        import pandas
    except ImportError as error:
        raise DependencyError("parquet manifests need pandas and pyarrow: pip install pandas pyarrow") from error
    try:
        frame = pandas.read_parquet(path)
    except Exception as error:  # pyarrow's own errors have no common base that pandas promises
        raise DataError(f"manifest {path} cannot be read as parquet ({error})") from error
    frame = frame[[name for name in ("filepath", "label", "split") if name in frame.columns]]
    return [{name: _text(value) for name, value in row.items()} for row in frame.to_dict("records")]


def _text(value: object) -> str:
    """The cell as a CSV would show it; numbers of a column with gaps come as floats."""
    if value is None or value != value:
        return ""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value).strip()
