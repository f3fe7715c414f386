"""Corrected labels: a file that lists only the samples whose label is to change, with the label that it belongs to."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from curate.data.label_values import label_values
from curate.errors import DataError
from curate.tables import CSV_SUFFIXES, columns_of, read_table

COLUMNS = ("sample_id", "given", "corrected")
"""What each correction must have; everything else is for people."""


@dataclass(frozen=True)
class Correction:
    """One sample.

    Attributes:
        sample_id: such as `mnist/test/3520`.
        given: the class that it was filed under when it was judged; empty where unlabelled.
        corrected: the class that it belongs to; empty where no single class is right, or the image is to be left out.
    """

    sample_id: str
    given: str
    corrected: str


def read_corrections(path: Path) -> list[Correction]:
    """The corrections in a `.csv` table, or in the list `corrections` of a `.json` file, as `curate export --format corrected` writes them.

    Raises:
        DataError: the file is missing, cannot be read, lacks a column, or names a sample twice.
    """
    rows = _json_rows(path) if path.suffix.lower() == ".json" else list(read_table(path).require(*COLUMNS).rows)
    corrections = []
    for number, row in enumerate(rows, 1):
        if not isinstance(row, dict) or not set(COLUMNS) <= row.keys():
            found = ", ".join(row) if isinstance(row, dict) else repr(row)
            raise DataError(f"correction {number} in {path} must have {', '.join(COLUMNS)}, found {found or 'nothing'}")
        values = ["" if row[name] is None else row[name] for name in COLUMNS]
        strange = next((value for value in values if not isinstance(value, str)), None)
        if strange is not None or not values[0]:
            raise DataError(f"correction {number} in {path} must have a sample_id and class names as text, found {values!r}")
        corrections.append(Correction(values[0], values[1].strip(), values[2].strip()))
    seen: set[str] = set()
    for correction in corrections:
        if correction.sample_id in seen:
            raise DataError(f"{path} has sample {correction.sample_id} more than once")
        seen.add(correction.sample_id)
    return corrections


def apply_corrections(
    labels: NDArray[np.int64],
    corrections: Sequence[Correction],
    *,
    sample_ids: NDArray[np.str_],
    class_names: Sequence[str],
    path: Path,
) -> NDArray[np.int64]:
    """The labels with the corrections made; -1 where the corrected label is empty.

    Args:
        labels: (N,) in -1..K-1, as given.
        corrections: of samples in `sample_ids`.
        sample_ids: (N,).
        class_names: K names.
        path: where the corrections were read, for messages.

    Returns:
        (N,) int64 in -1..K-1; `labels` itself is not changed.

    Raises:
        DataError: a sample is unknown, a label is no class, or a given label is not the one that was judged.
    """
    check_known(path, [c.sample_id for c in corrections], sample_ids)
    place = {sample_id: i for i, sample_id in enumerate(sample_ids.tolist())}
    positions = np.array([place[c.sample_id] for c in corrections], dtype=np.int64)
    given = label_values(path, [c.given for c in corrections], class_names)
    other = np.flatnonzero(labels[positions] != given)
    if len(other):
        judged, now = corrections[other[0]], int(labels[positions[other[0]]])
        raise DataError(
            f"{path} belongs to other labels: {len(other)} of its {len(corrections)} samples have another given label now, such as "
            f"{judged.sample_id}: '{judged.given}' there, '{class_names[now] if now >= 0 else ''}' here; where it was made "
            "on labels of a file, give that file by --labels and this one by --corrections"
        )
    corrected = np.array(labels, dtype=np.int64)
    corrected[positions] = label_values(path, [c.corrected for c in corrections], class_names)
    return corrected


def is_corrections(path: Path) -> bool:
    """Whether the file is one of corrected labels: JSON, or a table with their columns and none called `label`."""
    if path.suffix.lower() not in CSV_SUFFIXES:
        return path.suffix.lower() == ".json"
    columns = columns_of(path)
    return set(COLUMNS) <= set(columns) and "label" not in columns


def check_known(path: Path, found: Iterable[str], sample_ids: NDArray[np.str_]) -> None:
    """Raises DataError where one of the sample ids that were found in a file is not among (N,) `sample_ids`."""
    known = set(sample_ids.tolist())
    unknown = [sample_id for sample_id in found if sample_id not in known]
    if unknown:
        raise DataError(
            f"{path} has {len(unknown)} sample ids that the dataset lacks, such as {unknown[0]}; expected ids like {sample_ids[0]}"
        )


def _json_rows(path: Path) -> list[Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise DataError(f"there is no file of corrected labels at {path}") from error
    except (ValueError, RecursionError, OSError) as error:
        raise DataError(f"{path} cannot be read as JSON in UTF-8 ({error})") from error
    rows = content.get("corrections") if isinstance(content, dict) else None
    if not isinstance(rows, list):
        raise DataError(f"{path} must be a JSON object with a list 'corrections', as `curate export --format corrected` writes it")
    return rows
