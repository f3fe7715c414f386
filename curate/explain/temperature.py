"""Temperature scaling: one number that makes all probabilities surer or less sure, and changes no answer."""

import numpy as np
from numpy.typing import NDArray

from curate.errors import DataError
from curate.explain.metrics import SMALLEST_PROBABILITY, labelled

SMALLEST, LARGEST = 0.05, 20.0


def fit_temperature(labels: NDArray[np.int64], pred_probs: NDArray[np.floating]) -> float:
    """The temperature with the smallest log loss: under 1 makes surer, over 1 less sure.

    Args:
        labels: (N,) in -1..K-1; unlabelled samples are left out.
        pred_probs: (N, K), rows sum to 1.

    Raises:
        DataError: as `curate.explain.metrics.quality`.

    Source: Guo et al. 2017, arXiv:1706.04599.
    """
    from scipy.optimize import minimize_scalar

    given, probs = labelled(labels, pred_probs)
    logits = np.log(np.maximum(probs, SMALLEST_PROBABILITY, dtype=np.float64))
    chosen = np.arange(len(given)), given

    def loss(log_temperature: float) -> float:
        scaled = logits / np.exp(log_temperature)
        scaled -= scaled.max(axis=1, keepdims=True)
        return float((np.log(np.exp(scaled).sum(axis=1)) - scaled[chosen]).mean())

    return float(np.exp(minimize_scalar(loss, bounds=(np.log(SMALLEST), np.log(LARGEST)), method="bounded").x))


def scaled(pred_probs: NDArray[np.floating], temperature: float) -> NDArray[np.float64]:
    """(N, K): the probabilities with their logits divided by `temperature`."""
    logits = np.log(np.maximum(pred_probs, SMALLEST_PROBABILITY, dtype=np.float64)) / temperature
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def cross_fitted(
    labels: NDArray[np.int64], pred_probs: NDArray[np.floating], fold: NDArray[np.integer]
) -> tuple[NDArray[np.float64], float]:
    """Probabilities (N, K) scaled by the temperature that fits all other folds, so that no sample has a say in its own; and its mean.

    Args:
        fold: (N,), the fold of each sample; two or more.

    Raises:
        DataError: there is one fold only, or all labels are in one fold; or as `fit_temperature`.
    """
    folds = np.unique(fold)
    if len(folds) < 2:
        raise DataError(f"a temperature for one fold is fitted on the others; found {len(folds)} fold")
    found = np.empty(pred_probs.shape, np.float64)
    temperatures = []
    for each in folds:
        inside = fold == each
        temperatures.append(fit_temperature(labels[~inside], pred_probs[~inside]))
        found[inside] = scaled(pred_probs[inside], temperatures[-1])
    return found, float(np.mean(temperatures))
