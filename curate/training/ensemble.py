"""An ensemble: several nets that answer together."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from curate.errors import DataError


def ensemble(members: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """The mean of the members' probabilities.

    The repeats of cross-validation are such an ensemble already: `OutOfFold.pred_probs` is the mean of nets none of which
    saw the sample. This one is for nets that were trained on the same samples with other seeds.

    Args:
        members: of each net (M, K), the probabilities of the same images.

    Returns:
        (M, K) float32, rows sum to 1.

    Raises:
        DataError: there is no member, or their shapes differ.
    """
    shapes = {np.shape(probs) for probs in members}
    if len(shapes) != 1:
        found = " and ".join(map(str, sorted(shapes))) or "none"
        raise DataError(f"an ensemble needs probabilities of one shape from at least one net, found {found}")
    mean = np.mean(np.stack(members), axis=0, dtype=np.float64)
    return (mean / mean.sum(axis=1, keepdims=True)).astype(np.float32)
