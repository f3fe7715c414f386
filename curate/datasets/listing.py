"""Listing: the image files of a user's dataset with their labels, before any of them is decoded."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from curate.errors import DataError

SPLIT_NAMES = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "val": "validation",
    "valid": "validation",
    "test": "test",
}
"""What users call splits, and what they are called here."""


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
        present = {label for label in labels if label}
        class_names = sorted(present, key=int if all(name.isdecimal() for name in present) else str)
        if len(class_names) < 2:
            found = f"only '{class_names[0]}'" if class_names else "none"
            raise DataError(f"{source} must hold images of two or more classes, found {found}")
        index = {name: i for i, name in enumerate(class_names)} | {"": -1}
        codes = np.array([index[label] for label in labels], dtype=np.int64)
        return cls(filepaths, keys, codes, np.array(splits), tuple(class_names))
