"""Pixel tables: CSV files with an image a row, as Kaggle's Digit Recognizer has them: label, pixel0, pixel1, … pixel783.

Pixels go row by row from the top, 0 is background. A table without the column `label` holds images to be labelled.
"""

import csv
import os
import warnings
from dataclasses import replace
from pathlib import Path
from typing import TextIO

import numpy as np
from numpy.typing import NDArray

from curate.data.image_set import ImageSet, not_chosen, select
from curate.data.label_files import relabelled
from curate.errors import DataError, UsageError
from curate.options import Source

DIGITS = tuple("0123456789")


def is_pixel_csv(path: Path) -> bool:
    """Whether the file is a CSV whose columns are `pixel0` and more, with or without `label` before them."""
    if path.suffix.lower() != ".csv":
        return False
    try:
        with open(path, encoding="utf-8-sig") as file:
            columns = file.readline(64).split(",")
    except (OSError, UnicodeDecodeError):
        return False
    return "pixel0" in (column.strip(' "\r\n') for column in columns[:2])


def load_pixel_csv(source: Source, *, name: str) -> ImageSet:
    """The pixel table that `source` names: of one split, limited, under other labels.

    Args:
        name: of the set.

    Raises:
        UsageError: it has a root folder or an image size, which are for tables that name image files.
        DataError: see `read_pixel_csv` and `curate.data.label_files`.
    """
    path = Path(source.name)
    for option in ("root", "image_size"):
        if getattr(source, option) is not None:
            raise UsageError(f"{path} holds the pixels of its images; leave out --{option.replace('_', '-')}")
    whole = read_pixel_csv(path, name=name)
    positions = select(whole.splits, split=source.split, limit=source.limit)
    found = whole.subset(positions)
    labels, annotations, remarks = relabelled(
        source, found.labels, sample_ids=whole.sample_ids, positions=positions, class_names=whole.class_names, splits=whole.splits
    )
    passed_over = not_chosen(whole.splits, split=source.split, limit=source.limit)
    origin = {**source.to_origin(), "name": name, "skipped": [], "passed_over": passed_over, "remarks": remarks}
    return replace(found, labels=labels, annotations=annotations, origin=origin)


def read_pixel_csv(path: Path, *, name: str | None = None, split: str = "train") -> ImageSet:
    """The images of a pixel table, grey and square, with digits as classes.

    Args:
        path: the table.
        name: of the set; sample ids are `<name>/<split>/<row from 0>`. The name of the file by default.
        split: of all its images.

    Returns:
        (N, 1, side, side) images; labels are -1 in a table without labels. Its `origin` is what `curate.data.load.reload` needs.

    Raises:
        DataError: there is no such file; its header is another, or its pixels make no square; a row is cut off; a value is missing, no
            whole number or out of range; the message says where.
    """
    name = name or path.stem
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            columns = next(csv.reader(file), [])
            side, has_labels = _check_header(path, [column.strip() for column in columns])
            values = _read_fast(file)
        if values is None or not _is_right(values, has_labels, len(columns)):  # tells what is wrong, and where
            values = _read_rows(path, has_labels, len(columns))
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror})") from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read as CSV in UTF-8 ({error})") from error
    if len(values) == 0:
        raise DataError(f"{path} has a header and no rows")
    num = len(values)
    labels = values[:, 0].astype(np.int64) if has_labels else np.full(num, -1, np.int64)
    images = values[:, int(has_labels) :].astype(np.uint8).reshape(num, 1, side, side)
    return ImageSet(
        name=name,
        images=images,
        labels=labels,
        sample_ids=np.array([f"{name}/{split}/{row}" for row in range(num)]),
        splits=np.full(num, split),
        class_names=DIGITS,
        origin={**Source(os.path.abspath(path)).to_origin(), "name": name, "skipped": []},
    )


def _check_header(path: Path, columns: list[str]) -> tuple[int, bool]:
    """The side of the images, and whether there are labels."""
    has_labels = columns[:1] == ["label"]
    pixels = columns[int(has_labels) :]
    expected = [f"pixel{i}" for i in range(len(pixels))]
    if not pixels or pixels != expected:
        wrong = next(
            (f"'{found}' in place of '{name}'" for found, name in zip(pixels, expected, strict=True) if found != name), "no pixels"
        )
        raise DataError(f"the header of {path} must be label,pixel0,pixel1,… or pixel0,pixel1,… without labels; found {wrong}")
    side = round(len(pixels) ** 0.5)
    if side * side != len(pixels):
        raise DataError(f"{path} has {len(pixels)} pixels an image, which is no square; expected 784 for 28 x 28, say")
    return side, has_labels


def _read_fast(file: TextIO) -> NDArray[np.int16] | None:
    """All rows that are left of `file`; None where it is not a table of small whole numbers."""
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "loadtxt: input contained no data", UserWarning)
            return np.loadtxt(file, delimiter=",", dtype=np.int16, ndmin=2, comments=None)
    except ValueError:
        return None


def _is_right(values: NDArray[np.int16], has_labels: bool, num_columns: int) -> bool:
    pixels = values[:, int(has_labels) :]
    labels = values[:, : int(has_labels)]
    return (
        values.shape[1] == num_columns
        and ((pixels >= 0) & (pixels <= 255)).all().item()
        and ((labels >= 0) & (labels < len(DIGITS))).all().item()
    )


def _read_rows(path: Path, has_labels: bool, num_columns: int) -> NDArray[np.int16]:
    """(N, columns), read slowly.

    Raises:
        DataError: a row is not what it should be; names its line in the file.
    """
    rows = []
    with open(path, encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file)
        next(reader)
        for row in reader:
            if row:
                rows.append(_values(path, reader.line_num, row, has_labels, num_columns))
    return np.array(rows, np.int16).reshape(-1, num_columns)


def _values(path: Path, line: int, row: list[str], has_labels: bool, num_columns: int) -> list[int]:
    if len(row) != num_columns:
        raise DataError(f"line {line} of {path} has {len(row)} values, expected {num_columns} as in the header; was the file cut off?")
    values = []
    for column, text in enumerate(row):
        is_label = has_labels and column == 0
        what = "label" if is_label else f"pixel{column - int(has_labels)}"
        largest = len(DIGITS) - 1 if is_label else 255
        if not text.strip():
            raise DataError(f"line {line} of {path} has no {'label' if is_label else f'value for {what}'}; expected 0 to {largest}")
        if not text.strip().isdecimal() or int(text) > largest:
            raise DataError(f"line {line} of {path} has {what} '{text.strip()}'; expected a whole number from 0 to {largest}")
        values.append(int(text))
    return values
