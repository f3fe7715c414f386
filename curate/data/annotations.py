"""Labels by several annotators: a table with one row per label, and the labels that most of them gave."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from curate.data.corrections import check_known
from curate.data.label_values import label_values
from curate.errors import DataError
from curate.tables import CSV_SUFFIXES, columns_of, read_table

COLUMNS = ("sample_id", "annotator", "label")
NOT_LABELLED = ("", "-1")
"""What a row says where the annotator gave the sample no label."""
ARRAY, NAMES = "annotations.npy", "annotator_names.npy"
"""What a run folder keeps of them: (R, 3) int64 of sample, annotator and label, and (M,) names."""


@dataclass(frozen=True)
class Annotations:
    """R labels of N samples by M annotators; each annotator has labelled something, and no sample twice.

    Attributes:
        samples: (R,) int64 in 0..N-1.
        annotators: (R,) int64 in 0..M-1.
        labels: (R,) int64 in 0..K-1.
        names: (M,) str.
    """

    samples: NDArray[np.int64]
    annotators: NDArray[np.int64]
    labels: NDArray[np.int64]
    names: NDArray[np.str_]

    @property
    def array(self) -> NDArray[np.int64]:
        """(R, 3): sample, annotator, label."""
        return np.stack([self.samples, self.annotators, self.labels], axis=1)

    @classmethod
    def of(cls, array: NDArray[np.int64], names: NDArray[np.str_]) -> "Annotations":
        """Those of (R, 3) and (M,) as a run keeps them; annotators without a label are left out."""
        present, annotators = np.unique(array[:, 1], return_inverse=True)
        return cls(array[:, 0], annotators, array[:, 2], names[present])

    def subset(self, indices: NDArray, num_samples: int) -> "Annotations":
        """Those of the samples at `indices` (positions or a mask) of `num_samples`, counted anew in that order."""
        chosen = np.arange(num_samples)[indices]
        place = np.full(num_samples, -1, dtype=np.int64)
        place[chosen] = np.arange(len(chosen))
        kept = place[self.samples] >= 0
        return Annotations.of(np.stack([place[self.samples], self.annotators, self.labels], axis=1)[kept], self.names)


def is_annotations(path: Path) -> bool:
    """Whether the file is a CSV with a column `annotator`, or a parquet table."""
    return "annotator" in columns_of(path) if path.suffix.lower() in CSV_SUFFIXES else path.suffix.lower() == ".parquet" and path.is_file()


def read_annotations(
    path: Path, *, sample_ids: NDArray[np.str_], positions: NDArray[np.int64], class_names: tuple[str, ...]
) -> Annotations:
    """The labels of the samples at `positions`, from a table with the columns `sample_id`, `annotator` and `label`.

    A label is a class name, else an index; empty or -1 where an annotator gave none. Rows may be in any order, and about other samples of
    the dataset, too; samples may have no label by anybody.

    Args:
        path: `.csv` or `.parquet`.
        sample_ids: (N,), of the whole dataset.
        positions: (M,), the samples that are asked for.
        class_names: K names.

    Raises:
        DataError: the table cannot be read, lacks a column or a cell, names an unknown sample or label, has two labels of one annotator for
            a sample, or none at all.
        DependencyError: it is a parquet file and pandas is missing.
    """
    table = read_table(path).require(*COLUMNS)
    rows = [
        (row["sample_id"], row["annotator"], row["label"], place)
        for row, place in zip(table.rows, table.places, strict=True)
        if row["label"] not in NOT_LABELLED
    ]
    seen: dict[tuple[str, str], str] = {}
    for sample, annotator, _, place in rows:
        if not sample or not annotator:
            raise DataError(f"{place} has no {'annotator' if sample else 'sample_id'}; every label is of a sample and by somebody")
        if (sample, annotator) in seen:
            raise DataError(
                f"{place} is the second label of sample {sample} by annotator {annotator}, after {seen[sample, annotator]}; keep one"
            )
        seen[sample, annotator] = place.partition(" of ")[0]
    check_known(path, [row["sample_id"] for row in table.rows if row["sample_id"]], sample_ids)
    labels = label_values(path, [label for _, _, label, _ in rows], class_names)
    position = {sample: i for i, sample in enumerate(sample_ids.tolist())}
    names, annotators = np.unique(np.array([annotator for _, annotator, _, _ in rows], dtype=np.str_), return_inverse=True)
    everything = np.stack([np.array([position[sample] for sample, *_ in rows], dtype=np.int64), annotators, labels], axis=1)
    found = Annotations.of(everything, names).subset(positions, len(sample_ids))
    if not len(found.labels):
        raise DataError(f"{path} has no label of any of the {len(positions)} samples; expected ids like {sample_ids[positions[0]]}")
    return found


def majority_labels(annotations: Annotations, num_samples: int, num_classes: int) -> NDArray[np.int64]:
    """(N,) the label that most annotators gave; -1 where nobody labelled the sample.

    Ties go to the side whose annotators agree more often with clear majorities elsewhere, then to the first class: no chance is involved.

    Args:
        annotations: of `num_samples` samples and `num_classes` classes.
    """
    samples, annotators, labels = annotations.samples, annotations.annotators, annotations.labels
    pairs, pair = np.unique(samples * num_classes + labels, return_inverse=True)
    votes, pair_sample = np.bincount(pair), pairs // num_classes
    most = np.zeros(num_samples, dtype=np.int64)
    np.maximum.at(most, pair_sample, votes)
    is_top = votes == most[pair_sample]
    num_top = np.bincount(pair_sample[is_top], minlength=num_samples)
    clear = (num_top == 1) & (most > 1)
    judged = clear[samples]
    agreed = np.bincount(annotators[judged & is_top[pair]], minlength=len(annotations.names))
    trust = (agreed + 1) / (np.bincount(annotators[judged], minlength=len(annotations.names)) + 2)
    weight = np.bincount(pair, weights=trust[annotators])
    order = np.lexsort((pairs % num_classes, -weight, -votes, pair_sample))
    best = order[np.unique(pair_sample[order], return_index=True)[1]]
    found = np.full(num_samples, -1, dtype=np.int64)
    found[pair_sample[best]] = pairs[best] % num_classes
    return found
