"""Whether the columns of probabilities stand in the order of the classes."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from curate.errors import DataError

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
