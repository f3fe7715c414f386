"""Submissions to Kaggle's Digit Recognizer: a CSV with the columns ImageId (from 1) and Label, in the order of the test images."""

import csv
import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from curate.data.pixel_tables import DIGITS
from curate.errors import DataError
from curate.files import write_atomically

COLUMNS = ["ImageId", "Label"]


def write_submission(path: Path, labels: NDArray[np.int64], *, num_images: int) -> Path:
    """Writes the submission of `labels` to `path`, atomically, after its form was checked as `parse_submission` does.

    Args:
        labels: (M,) in 0..9, in the order of the test images.
        num_images: M, the number of test images.

    Raises:
        DataError: there are more labels or fewer, or a label is no digit.
        StorageError: the disk is full or read-only.
    """
    lines = [",".join(COLUMNS), *(f"{number},{label}" for number, label in enumerate(labels.tolist(), 1))]
    text = "\n".join(lines) + "\n"
    parse_submission(text, num_images=num_images, name=path.name)
    return write_atomically(path, text.encode())


def read_submission(path: Path, *, num_images: int) -> NDArray[np.int64]:
    """The labels (M,) of a submission, or of a file of its form with the true labels.

    Raises:
        DataError: there is no such file, or it is not of that form.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read as CSV in UTF-8 ({error})") from error
    return parse_submission(text, num_images=num_images, name=str(path))


def parse_submission(text: str, *, num_images: int, name: str) -> NDArray[np.int64]:
    """The labels (M,) of a submission.

    Args:
        name: of the file, for the message.

    Raises:
        DataError: the header is not `ImageId,Label`, the ids are not 1 to M in this order, or a label is no digit.
    """
    header, *rows = csv.reader(io.StringIO(text)) if text else [[]]
    if header != COLUMNS:
        raise DataError(f"the header of {name} must be {','.join(COLUMNS)}; found {','.join(header) or 'none'}")
    for line, row in enumerate(rows, 2):
        if len(row) != 2 or row[0] != str(line - 1) or row[1] not in DIGITS:
            raise DataError(f"line {line} of {name} must be {line - 1} and a digit; found {','.join(row) or 'nothing'}")
    if len(rows) != num_images:
        raise DataError(f"{name} has labels of {len(rows)} images, expected one for each of {num_images}")
    return np.array([int(label) for _, label in rows], np.int64)
