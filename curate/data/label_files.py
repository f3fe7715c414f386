"""Labels in a file that replace the given ones: a vendor's, or those of CIFAR-10N."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from curate.arrays import read_array
from curate.data.annotations import Annotations, is_annotations, majority_labels, read_annotations
from curate.data.corrections import apply_corrections, check_known, is_corrections, read_corrections
from curate.data.label_values import label_values
from curate.errors import DataError
from curate.options import Source
from curate.tables import CSV_SUFFIXES, read_table


def relabelled(
    source: Source,
    given: NDArray[np.int64],
    *,
    sample_ids: NDArray[np.str_],
    positions: NDArray[np.int64],
    class_names: tuple[str, ...],
    splits: NDArray[np.str_],
) -> tuple[NDArray[np.int64], Annotations | None, list[str]]:
    """What becomes of the given labels by the files that `source` names: `labels` in their place, then `corrections` of those.

    Args:
        given: (M,), the labels that the samples at `positions` have of themselves.

    Returns:
        (M,) labels, whose they are where several annotators gave them, and what is odd, a sentence each.

    Raises:
        DataError: as `read_labels`.
    """
    about: dict[str, Any] = {"sample_ids": sample_ids, "positions": positions, "class_names": class_names, "splits": splits}
    labels, annotations, remarks = given, None, []
    if source.labels is not None:
        labels, annotations = read_given(Path(source.labels), given=given, **about)
        num_unlabelled = 0 if annotations is None else int((labels < 0).sum())
        if num_unlabelled:
            which = "1 sample has" if num_unlabelled == 1 else f"{num_unlabelled:,} samples have"
            remarks.append(f"{which} no label by any annotator: unlabelled")
    if source.corrections is not None:
        path = Path(source.corrections)
        if path.is_file() and not is_corrections(path):
            raise DataError(f"{path} is no file of corrected labels, as `curate export --format corrected` writes it; give it by --labels")
        labels = read_labels(path, given=labels, **about)
    return labels, annotations, remarks


def read_given(
    path: Path,
    *,
    sample_ids: NDArray[np.str_],
    positions: NDArray[np.int64],
    class_names: tuple[str, ...],
    given: NDArray[np.int64] | None = None,
    splits: NDArray[np.str_] | None = None,
) -> tuple[NDArray[np.int64], Annotations | None]:
    """The labels of the samples at `positions`, and whose they are where several annotators gave them.

    A `.csv` or `.parquet` table with a column `annotator` holds labels by annotator: the majority of them counts. All else is as in
    `read_labels`.
    """
    if not is_annotations(path):
        labels = read_labels(path, sample_ids=sample_ids, positions=positions, class_names=class_names, given=given, splits=splits)
        return labels, None
    annotations = read_annotations(path, sample_ids=sample_ids, positions=positions, class_names=class_names)
    return majority_labels(annotations, len(positions), len(class_names)), annotations


def read_labels(
    path: Path,
    *,
    sample_ids: NDArray[np.str_],
    positions: NDArray[np.int64],
    class_names: tuple[str, ...],
    given: NDArray[np.int64] | None = None,
    splits: NDArray[np.str_] | None = None,
) -> NDArray[np.int64]:
    """The labels of the samples at `positions`, from a `.npy`, `.csv` or `.json` file.

    A `.npy` holds one label per sample in dataset order, of all samples, of those at `positions`, or of the training split, as noisy
    label sets are published (all others keep theirs): indices in -1..K-1 (-1 = unlabelled) or class names. A `.csv` has the columns
    `sample_id` and `label`, in any order; a label is a class name, else an index, else empty = unlabelled. It must cover every sample
    at `positions` and may cover others of the dataset.

    A `.csv` with the columns `sample_id`, `given` and `corrected`, or a `.json` as `curate export --format corrected` writes it, lists
    only samples whose label changes: it is applied on top of `given`, see `curate.data.corrections`.

    Args:
        path: the file.
        sample_ids: (N,), of the whole dataset.
        positions: (M,), the samples that are asked for.
        class_names: K names.
        given: (M,), the labels that these samples have; needed for corrected labels, and for an array of the training split.
        splits: (N,), of the whole dataset; needed for an array of the training split.

    Returns:
        (M,) int64 in -1..K-1.

    Raises:
        DataError: the file is missing, of another kind, of wrong length, names unknown samples, or a label is no class; corrections
            of other given labels.
    """
    if not path.is_file():
        raise DataError(f"there is no label file at {path}")
    if path.suffix.lower() == ".npy":
        return _from_array(path, positions, class_names, given, splits=np.full(len(sample_ids), "") if splits is None else splits)
    if is_corrections(path):
        return _corrected(path, sample_ids, positions, class_names, given)
    if path.suffix.lower() in CSV_SUFFIXES:
        return _from_csv(path, sample_ids, positions, class_names)
    hint = "; save the one array you mean with numpy.save" if path.suffix.lower() == ".npz" else ""
    raise DataError(
        "labels must be a .npy array, a .csv table with sample_id and label, a table that also has annotator (.csv or .parquet), or "
        f"corrected labels, found {path.name}{hint}"
    )


def _from_array(
    path: Path,
    positions: NDArray[np.int64],
    class_names: tuple[str, ...],
    given: NDArray[np.int64] | None,
    *,
    splits: NDArray[np.str_],
) -> NDArray[np.int64]:
    values = read_array(path, "numbers or text")
    if values.ndim == 1 and values.dtype.kind == "f" and (np.isnan(values) | (values == np.round(values))).all():
        values = np.where(np.isnan(values), -1, values).clip(-2, len(class_names)).astype(np.int64)  # a column of pandas with gaps
    if values.ndim != 1 or values.dtype.kind not in "iuU":
        raise DataError(f"{path} must hold one integer or class name per sample, found {values.dtype} of shape {values.shape}")
    is_training = splits == "train"
    if len(values) == len(splits):
        return _indices(path, values[positions], class_names)
    if len(values) == len(positions):
        return _indices(path, values, class_names)
    num_training = 0 if given is None else int(is_training.sum())
    if given is not None and num_training and len(values) == num_training:
        replaced, chosen = given.copy(), is_training[positions]
        replaced[chosen] = _indices(path, values[(np.cumsum(is_training) - 1)[positions[chosen]]], class_names)
        return replaced
    lengths = " or ".join(str(n) for n in sorted({len(splits), len(positions), num_training} - {0}, reverse=True))
    raise DataError(f"{path} has {len(values)} labels, expected {lengths}, one per sample in dataset order")


def _indices(path: Path, values: NDArray[np.generic], class_names: tuple[str, ...]) -> NDArray[np.int64]:
    if values.dtype.kind == "U":
        return label_values(path, values.tolist(), class_names)
    wrong = values[(values < -1) | (values >= len(class_names))]  # type: ignore[operator]
    if len(wrong):
        raise DataError(f"{path} has label {wrong[0]}, expected 0..{len(class_names) - 1} (or -1 = unlabelled)")
    numbers = {name for name in class_names if name.isdecimal()}
    if numbers and list(map(str, range(len(class_names)))) != list(class_names) and set(map(str, values[values >= 0])) <= numbers:  # type: ignore[operator]
        raise DataError(
            f"{path} holds integers, and classes are called by numbers, so that {values.max()} may be a name or a place; save the names as "
            "text: labels.astype(str)"
        )
    return values.astype(np.int64)


def _from_csv(path: Path, sample_ids: NDArray[np.str_], positions: NDArray[np.int64], class_names: tuple[str, ...]) -> NDArray[np.int64]:
    rows = [(row["sample_id"], row["label"]) for row in read_table(path).require("sample_id", "label").rows]
    labels = dict(rows)
    if len(labels) < len(rows):
        seen: set[str] = set()
        again = next(sample for sample, _ in rows if sample in seen or seen.add(sample))  # type: ignore[func-returns-value]
        raise DataError(f"{path} has sample {again} more than once; keep one row of each")
    check_known(path, labels, sample_ids)
    wanted = sample_ids[positions].tolist()
    missing = [sample for sample in wanted if sample not in labels]
    if missing:
        raise DataError(f"{path} lacks {len(missing)} of {len(wanted)} samples, such as {missing[0]}; give every sample a label")
    return label_values(path, [labels[sample] for sample in wanted], class_names)


def _corrected(
    path: Path,
    sample_ids: NDArray[np.str_],
    positions: NDArray[np.int64],
    class_names: tuple[str, ...],
    given: NDArray[np.int64] | None,
) -> NDArray[np.int64]:
    if given is None:
        raise DataError(f"{path} lists only changes, which need given labels to be applied to; give a label file that covers every sample")
    found = read_corrections(path)
    check_known(path, [correction.sample_id for correction in found], sample_ids)
    wanted = set(sample_ids[positions].tolist())
    here = [correction for correction in found if correction.sample_id in wanted]
    return apply_corrections(given, here, sample_ids=sample_ids[positions], class_names=class_names, path=path)
