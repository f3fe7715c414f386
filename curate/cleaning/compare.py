"""Whether cleaning helped: the paired difference of test accuracies before and after, with its interval."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from curate.errors import DataError, UsageError

NUM_RESAMPLES = 2000


@dataclass(frozen=True)
class PairedDifference:
    """Mean of after - before, and the interval [low, high] that holds the true one with probability `confidence`."""

    mean: float
    low: float
    high: float
    confidence: float
    num_seeds: int


def paired_difference(before: Sequence[float], after: Sequence[float], *, confidence: float = 0.95) -> PairedDifference:
    """After - before over seeds, with Student's t interval: what other seeds would give on the same test images.

    Args:
        before, after: S >= 2 accuracies each; place i of both is the same seed.

    Raises:
        UsageError: under two seeds, or `confidence` is outside (0, 1).
        DataError: the two differ in length, or an accuracy is not finite.
    """
    from scipy.stats import t

    _check(len(before), len(after), confidence)
    differences = np.asarray(after, dtype=np.float64) - np.asarray(before, dtype=np.float64)
    if not np.isfinite(differences).all():
        raise DataError(f"the accuracies of seed {int((~np.isfinite(differences)).argmax())} are not finite; did its training diverge?")
    num_seeds = len(differences)
    margin = t.ppf((1 + confidence) / 2, num_seeds - 1) * differences.std(ddof=1) / np.sqrt(num_seeds)
    mean = differences.mean()
    return PairedDifference(float(mean), float(mean - margin), float(mean + margin), confidence, num_seeds)


def paired_bootstrap(correct_before: ArrayLike, correct_after: ArrayLike, *, confidence: float = 0.95, seed: int = 0) -> PairedDifference:
    """After - before over seeds and test images: what other seeds would give on other test images of the same kind.

    Seeds and images are both drawn again, with replacement, 2,000 times; the interval holds the middle of the differences.

    Args:
        correct_before, correct_after: (S, M) bool, whether the model of seed s is right on test image m; S >= 2.

    Raises:
        UsageError: under two seeds, or `confidence` is outside (0, 1).
        DataError: the two differ in shape, or there are no images.
    """
    first, second = np.asarray(correct_before, dtype=bool), np.asarray(correct_after, dtype=bool)
    if first.ndim != 2 or first.shape != second.shape or first.shape[1] == 0:
        raise DataError(f"expected two equal shapes (seeds, images), found {first.shape} and {second.shape}")
    _check(len(first), len(second), confidence)
    gain = second.astype(np.int8) - first.astype(np.int8)  # (S, M) in -1, 0, 1
    num_seeds, num_images = gain.shape
    generator = np.random.default_rng(seed)
    means = np.empty(NUM_RESAMPLES)
    for i in range(NUM_RESAMPLES):
        per_image = gain[generator.integers(num_seeds, size=num_seeds)].mean(axis=0)  # (M,)
        means[i] = per_image[generator.integers(num_images, size=num_images)].mean()
    low, high = np.quantile(means, [(1 - confidence) / 2, (1 + confidence) / 2])
    return PairedDifference(float(gain.mean()), float(low), float(high), confidence, num_seeds)


def _check(num_before: int, num_after: int, confidence: float) -> None:
    if num_before != num_after:
        raise DataError(f"{num_before} accuracies before but {num_after} after; a paired difference needs the same seeds on both sides")
    if num_before < 2:
        raise UsageError(f"an interval needs at least 2 seeds, found {num_before}; train with more seeds")
    if not 0 < confidence < 1:
        raise UsageError(f"confidence must be between 0 and 1, found {confidence}")
