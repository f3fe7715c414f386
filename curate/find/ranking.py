"""Rankings: from arrays to a score in [0, 1] per given label, low = bad."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from curate.errors import DataError
from curate.find.label_evidence import label_evidence
from curate.judge.probabilities import checked_pred_probs, probability_blocks

BALANCING_STEPS = 20


def pairwise_quality(labels: NDArray[np.int64], pred_probs: ArrayLike) -> NDArray[np.float32]:
    """Probability of the given label against its strongest rival: p_given / (p_given + p_best_other).

    It ranks exactly as the log-margin log p_given - log p_best_other does, and does not depend on temperature.

    Args:
        labels: (N,) in -1..K-1.
        pred_probs: (N, K), rows sum to 1; may be a memory map.

    Returns:
        (N,) in [0, 1], under 0.5 the model prefers another class; NaN where the label is -1.
    """
    return label_evidence(labels, probability_blocks(pred_probs, len(labels))).quality


def self_confidence(labels: NDArray[np.int64], pred_probs: ArrayLike) -> NDArray[np.float32]:
    """Probability of the given label; NaN where the label is -1. cleanlab's `self_confidence`."""
    return label_evidence(labels, probability_blocks(pred_probs, len(labels))).own


def balanced(pred_probs: ArrayLike, prior: ArrayLike | None = None) -> NDArray[np.float64]:
    """(N, K) probabilities whose columns are scaled until their means meet the prior of the classes.

    It pays where the true shares are known, as of a set that was made balanced; with the shares of the given labels it does harm, since
    noise has changed those.

    Args:
        pred_probs: (N, K), rows sum to 1.
        prior: (K,) shares of the classes, positive; equal shares if not given.

    Raises:
        DataError: a share is not positive, or there are not K of them.
    """
    probs = np.maximum(checked_pred_probs(pred_probs).astype(np.float64), 1e-12)
    num_classes = probs.shape[1]
    shares = np.full(num_classes, 1.0) if prior is None else np.asarray(prior, dtype=np.float64)
    if shares.shape != (num_classes,) or not (shares > 0).all():
        raise DataError(f"the prior must be {num_classes} positive shares, one per class, found {shares.tolist()}")
    for _ in range(BALANCING_STEPS):
        probs *= shares / shares.sum() / probs.mean(axis=0)
        probs /= probs.sum(axis=1, keepdims=True)
    return probs
