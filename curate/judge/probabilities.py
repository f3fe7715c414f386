"""What labels and probabilities must be before a detector looks at them."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from curate.errors import DataError
from curate.row_blocks import row_blocks

ROUNDING = 1e-4  # of float16 and of sums: such rows are left as they are
SUM_TOLERANCE = 0.02  # of probabilities rounded to two decimals


def checked_pred_probs(pred_probs: ArrayLike, num_samples: int | None = None) -> NDArray[np.floating]:
    """`pred_probs` as a floating array in memory, each value clipped into [0, 1].

    Args:
        pred_probs: (N, K), K >= 2; rows sum to 1 within 2 %, values in [0, 1] within 2 %; rounded ones are divided by their sums.
        num_samples: what N must be, if given.

    Raises:
        DataError: another shape, or a row that is no probability distribution; names the first such row.
    """
    probs = _checked_shape(pred_probs, num_samples)
    _check_rows(probs, 0)
    return _exact(probs)


def probability_blocks(pred_probs: ArrayLike, num_samples: int | None = None) -> Iterator[tuple[int, NDArray[np.floating]]]:
    """The same block by block, for arrays that do not fit in memory: position of the first row, and a copy of the rows, checked and
    clipped. The caller may write to it.

    Args, Raises: as `checked_pred_probs`; a broken row is told when its block is reached.
    """
    for start, block in row_blocks(_checked_shape(pred_probs, num_samples)):
        _check_rows(block, start)
        yield start, _exact(block)


def _exact(probs: NDArray[np.floating]) -> NDArray[np.floating]:
    """The rows clipped into [0, 1]; divided by their sums where they were rounded."""
    clipped = np.clip(probs, 0, 1)
    sums = clipped.sum(axis=1, keepdims=True, dtype=np.float64)
    return (clipped / sums).astype(probs.dtype) if (np.abs(sums - 1) > ROUNDING).any() else clipped


def checked_labels(labels: ArrayLike, num_classes: int) -> NDArray[np.int64]:
    """`labels` as (N,) int64 in -1..K-1, -1 where unlabelled.

    Raises:
        DataError: not one-dimensional, not integers, or a label outside -1..K-1; names the first such sample.
    """
    array = np.asarray(labels)
    if array.ndim != 1 or not np.issubdtype(array.dtype, np.integer):
        raise DataError(f"labels must be integers of shape (N,), found {array.dtype} {array.shape}")
    array = array.astype(np.int64)
    row = _first((array < -1) | (array >= num_classes))
    if row is not None:
        raise DataError(f"label {array[row]} of sample {row} is outside 0..{num_classes - 1} (-1 = unlabelled)")
    return array


def _checked_shape(pred_probs: ArrayLike, num_samples: int | None) -> NDArray[np.floating]:
    probs = np.asanyarray(pred_probs)
    if probs.ndim != 2 or probs.shape[1] < 2:
        raise DataError(f"pred_probs must be (N, K) with K >= 2 classes, found shape {probs.shape}")
    if num_samples is not None and len(probs) != num_samples:
        raise DataError(f"pred_probs has {len(probs)} rows but there are {num_samples} labels; were they made from the same split?")
    if not np.issubdtype(probs.dtype, np.floating):
        scaled = probs.dtype.kind in "iu" and probs.size and (probs >= 0).all() and probs.max() > 1
        advice = (
            "divide each row by its sum" if scaled else "pass probabilities, not classes" if probs.dtype.kind in "iub" else "save numbers"
        )
        raise DataError(f"pred_probs must be floating point, found {probs.dtype}; {advice}")
    return probs


def _check_rows(probs: NDArray[np.floating], start: int) -> None:
    """Raises DataError for the first row that is no distribution; rows are counted from `start`."""
    row = _first(~np.isfinite(probs).all(axis=1))
    if row is not None:
        raise DataError(
            f"row {start + row} of pred_probs is not finite ({_show(probs[row])}); every class needs a number: look at what made that row"
        )
    row = _first((probs.min(axis=1) < -SUM_TOLERANCE) | (probs.max(axis=1) > 1 + SUM_TOLERANCE))
    if row is not None:
        is_percent = abs(float(probs[row].sum(dtype=np.float64)) - 100) < 100 * SUM_TOLERANCE and probs[row].min() >= 0
        advice = "these are percentages: divide them by 100" if is_percent else "apply softmax to logits first"
        raise DataError(f"row {start + row} of pred_probs has values outside [0, 1] ({_show(probs[row])}); {advice}")
    sums = probs.sum(axis=1, dtype=np.float64)
    row = _first(np.abs(sums - 1) > SUM_TOLERANCE)
    if row is not None:
        advice = "divide each row by its sum" if sums[row] > 0 else "every row needs the probabilities of its sample"
        raise DataError(f"row {start + row} of pred_probs sums to {sums[row]:.4f}, expected 1; {advice}")


def _first(wrong: NDArray[np.bool_]) -> int | None:
    return int(wrong.argmax()) if wrong.any() else None


def _show(row: NDArray) -> str:
    values = ", ".join(f"{value:.3g}" for value in row[:4])
    return f"[{values}{', …' if len(row) > 4 else ''}]"


CLEARLY = 0.5  # of the labelled samples must be right in the other order, and at most half of that in this one


def check_column_order(labels: NDArray[np.int64], predicted: NDArray[np.int64], class_names: Sequence[str], *, what: str) -> None:
    """Raises DataError where the predictions fit the labels far better after another order of the columns.

    Judged by the order that puts most samples on the diagonal: it must explain more than half of the labels, and more than twice as many as
    the order that is there. So neither a weak model nor noisy labels are taken for it; two swapped columns of many are not noticed.

    Args:
        labels: (N,) in -1..K-1; unlabelled samples are left out.
        predicted: (N,) in 0..K-1, the column with the highest probability.
        class_names: K names.
        what: the probabilities, for the message.
    """
    from scipy.optimize import linear_sum_assignment

    labelled = labels >= 0
    num_classes = len(class_names)
    counts = np.bincount(labels[labelled] * num_classes + predicted[labelled], minlength=num_classes**2).reshape(num_classes, num_classes)
    rows, columns = linear_sum_assignment(counts, maximize=True)
    best, now = counts[rows, columns].sum(), np.trace(counts)
    if best > CLEARLY * counts.sum() and now < best / 2:
        moved = np.flatnonzero(rows != columns)
        moved = moved[np.argsort(-counts[rows[moved], columns[moved]], kind="stable")]
        hints = ", ".join(f"column {columns[i]} looks like class '{class_names[i]}' (which is column {i})" for i in moved[:3])
        raise DataError(
            f"the columns of {what} are in another order than the classes: {now / counts.sum():.0%} of the labels are the most probable "
            f"class, in another order {best / counts.sum():.0%}; {hints}; sort them as class_names: {', '.join(class_names[:10])}"
            f"{', …' if num_classes > 10 else ''}"
        )
