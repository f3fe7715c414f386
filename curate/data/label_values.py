"""Labels as people write them, as indices."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from curate.errors import DataError
from curate.tables import plain


def whole_numbers(labels: list[str]) -> list[str]:
    """Labels without their decimal point where all are whole numbers: a column of pandas with gaps writes 0.0 and 1.0."""
    return [label.split(".")[0] for label in labels] if all(re.fullmatch(r"-?\d+\.0+|", label) for label in labels) else labels


def label_values(path: Path, labels: Sequence[str], class_names: Sequence[str]) -> NDArray[np.int64]:
    """(M,) indices of the classes that `labels` name: all by name, or all by index; -1 for empty text and for `-1`.

    Where classes are called by numbers, labels are their names, so that 0 is never taken for the first of the classes 1, 2, 3.

    Args:
        path: where they were read, for the message.

    Raises:
        DataError: a label is no class.
    """
    unlabelled = {"": -1, "-1": -1}
    by_name = unlabelled | {plain(name): i for i, name in enumerate(class_names)}
    if any(plain(label) not in by_name for label in labels):
        labels = whole_numbers([plain(label) for label in labels])
    unknown = next((label for label in labels if plain(label) not in by_name), None)
    if unknown is None:
        return np.array([by_name[plain(label)] for label in labels], dtype=np.int64)
    are_numbers = any(name.strip().lstrip("-").isdecimal() for name in class_names)
    by_index = unlabelled | {str(i): i for i in range(len(class_names))}
    if not are_numbers and all(label.strip() in by_index for label in labels):
        return np.array([by_index[label.strip()] for label in labels], dtype=np.int64)
    also = "" if are_numbers else f" or, for all labels, an index in 0..{len(class_names) - 1}"
    raise DataError(
        f"{path} has label '{unknown}', which is no class; expected {', '.join(class_names[:10])}"
        f"{', …' if len(class_names) > 10 else ''}{also}"
    )
