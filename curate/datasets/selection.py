"""Which samples of a dataset are read: a split, and a sample of it."""

import numpy as np
from numpy.typing import NDArray

from curate.datasets.image_set import SPLITS
from curate.errors import DataError, UnknownNameError, UsageError


def select(splits: NDArray[np.str_], *, split: str = "all", limit: int | None = None) -> NDArray[np.int64]:
    """Positions of the samples to read, ascending.

    Args:
        splits: (N,), the split of each sample in dataset order.
        split: one of `train`, `validation`, `test`, or `all`.
        limit: that many samples, evenly spaced over the dataset order so that splits and classes keep their shares; all
            where there are fewer.

    Raises:
        UnknownNameError: no split has that name.
        DataError: the split has no samples.
        UsageError: `limit` is under 1.
    """
    if split not in ("all", *SPLITS):
        raise UnknownNameError.of("split", split, ("all", *SPLITS))
    if limit is not None and limit < 1:
        raise UsageError(f"the limit must be 1 or more, found {limit}")
    positions = np.arange(len(splits)) if split == "all" else np.flatnonzero(splits == split)
    if len(positions) == 0:
        raise DataError(f"there are no samples in split '{split}'; the splits are {', '.join(sorted(set(splits.tolist()))) or 'none'}")
    if limit is not None and limit < len(positions):
        positions = positions[np.linspace(0, len(positions) - 1, limit).round().astype(np.int64)]
    return positions
