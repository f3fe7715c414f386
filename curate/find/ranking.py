"""Rankings: from arrays to a score in [0, 1] per given label, low = bad."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from curate.errors import DataError
from curate.find.label_evidence import label_evidence
from curate.judge.probabilities import checked_labels, checked_pred_probs, probability_blocks

BALANCING_STEPS = 20


def channel_quality(labels: NDArray[np.int64], pred_probs: ArrayLike, rivals: NDArray[np.floating]) -> NDArray[np.float32]:
    """Probability of the given label against all others, each weighed by how likely it is mistaken for the given one.

    p_given / (p_given + sum over classes k of p_k rivals[k, given]). With weights of 1 it is the self-confidence; with those of
    `LabelNoise.rivals` a label weighs lighter where such a mistake is known to happen.

    Args:
        labels: (N,) in -1..K-1.
        pred_probs: (N, K), rows sum to 1; may be a memory map.
        rivals: (K, K), row = true class, column = given label, 0 and more, 0 on the diagonal.

    Returns:
        (N,) in [0, 1]; NaN where the label is -1.
    """
    quality = np.full(len(labels), np.nan, dtype=np.float32)
    columns = np.ascontiguousarray(rivals.T.astype(np.float32))  # (K, K), a row for each given label
    for start, block in probability_blocks(pred_probs, len(labels)):
        rows = np.flatnonzero(labels[start : start + len(block)] >= 0)
        given = labels[start + rows]
        block = np.maximum(block, 1e-7) if len(rows) == len(block) else np.maximum(block[rows], 1e-7)
        own = block[np.arange(len(rows)), given]
        others = np.einsum("nk,nk->n", block, columns[given].astype(block.dtype))
        quality[start + rows] = own / (own + others)
    return quality


def pairwise_quality(labels: NDArray[np.int64], pred_probs: ArrayLike) -> NDArray[np.float32]:
    """Probability of the given label against its strongest rival: p_given / (p_given + p_best_other).

    It ranks exactly as the log-margin log p_given - log p_best_other does, and does not depend on temperature.

    Args, Returns: as `channel_quality`; under 0.5 the model prefers another class.
    """
    return label_evidence(labels, pred_probs).quality


def self_confidence(labels: NDArray[np.int64], pred_probs: ArrayLike) -> NDArray[np.float32]:
    """Probability of the given label; NaN where the label is -1. cleanlab's `self_confidence`."""
    return label_evidence(labels, pred_probs).own


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


def margin_over_epochs(margins: ArrayLike) -> NDArray[np.float64]:
    """Area under the margin: the mean over epochs of logit of the given label less the best other, of nets that trained on the sample.

    Args:
        margins: (E, N), an epoch each; NaN where the sample was not trained on.

    Returns:
        (N,) any range, low = bad; NaN where there is no margin.

    Source: Pleiss et al. 2020, arXiv:2001.10528.
    """
    values = np.asarray(margins, dtype=np.float64)
    known = ~np.isnan(values)
    total, count = np.where(known, values, 0).sum(axis=0), known.sum(axis=0)
    return np.divide(total, count, out=np.full(values.shape[1], np.nan), where=count > 0)


def neighbor_agreement(labels: NDArray[np.int64], neighbors: NDArray[np.integer]) -> NDArray[np.float64]:
    """Share of the nearest neighbours that bear the same label.

    Args:
        labels: (N,) in -1..K-1.
        neighbors: (N, M) positions of the M nearest samples, not the sample itself.

    Returns:
        (N,) in [0, 1]; NaN where the label is -1.
    """
    given = checked_labels(labels, int(labels.max(initial=0)) + 1)
    return np.where(given >= 0, (given[neighbors] == given[:, None]).mean(axis=1), np.nan)


def mean_of_ranks(*scores: ArrayLike) -> NDArray[np.float64]:
    """(N,) in [0, 1]: the mean place of each sample in several rankings (N,), whatever their ranges."""
    places = [np.argsort(np.argsort(score, kind="stable"), kind="stable") for score in scores]
    return np.mean(places, axis=0) / max(1, len(places[0]) - 1)
