"""Values with their intervals, and how the intervals are computed: the one home of binomial and bootstrap intervals."""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

NUM_RESAMPLES = 1000
LEVEL = 0.95
Z = NormalDist().inv_cdf((1 + LEVEL) / 2)


@dataclass(frozen=True)
class Estimate:
    """A value and the interval [low, high] that holds the true one with probability 95 %; NaN where nothing can be told."""

    value: float
    low: float
    high: float


def wilson(num_right: int, num: int) -> Estimate:
    """The share `num_right / num` with the interval of Wilson 1927, which holds for small numbers and near 0 and 1 too."""
    if num == 0:
        return Estimate(float("nan"), float("nan"), float("nan"))
    from scipy.stats import binomtest

    interval = binomtest(num_right, num).proportion_ci(LEVEL, method="wilson")
    low, high = 0.0 if num_right == 0 else float(interval.low), 1.0 if num_right == num else float(interval.high)
    return Estimate(num_right / num, low, high)


def jeffreys(num_right: int, num: int) -> Estimate:
    """The share `num_right / num` with the interval of Jeffreys; NaN in [0, 1] where `num` is 0.

    The interval holds the quantiles of Beta(right + 1/2, others + 1/2), and reaches 0 or 1 where none or all are right.

    Source: Brown, Cai & DasGupta 2001, Interval Estimation for a Binomial Proportion, Statistical Science 16(2).
    """
    if num == 0:
        return Estimate(float("nan"), 0.0, 1.0)
    from scipy.special import betaincinv  # the quantiles without scipy.stats, which takes a second to import

    low, high = betaincinv(num_right + 0.5, num - num_right + 0.5, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Estimate(num_right / num, 0.0 if num_right == 0 else float(low), 1.0 if num_right == num else float(high))


def clopper_pearson(hits: ArrayLike, sizes: ArrayLike, confidence: float = LEVEL) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Lower and upper ends (G,) of the exact interval of each share `hits / sizes`; [0, 1] where a size is 0.

    Args:
        hits, sizes: (G,) counts.

    Source: Clopper & Pearson 1934, Biometrika 26(4).
    """
    from scipy.stats import beta

    hits, sizes, tail = np.asarray(hits), np.asarray(sizes), (1 - confidence) / 2
    low = np.where(hits > 0, beta.ppf(tail, np.maximum(hits, 1), sizes - hits + 1), 0.0)
    high = np.where(hits < sizes, beta.ppf(1 - tail, hits + 1, np.maximum(sizes - hits, 1)), 1.0)
    return low, high


def bootstrap(
    statistic: Callable[[NDArray[np.int64]], float], num: int, *, bounds: tuple[float, float] = (0.0, np.inf), seed: int = 0
) -> Estimate:
    """A statistic of `num` samples, and its interval from drawing as many of them again, with replacement, 1,000 times.

    It is the basic interval, the estimate less what resampling adds: resampling moves a statistic such as the calibration
    error upwards, just as the sample moved it away from the truth. scipy's keeps all 1,000 draws of positions in memory at once.

    Args:
        statistic: of the samples at the positions (num,) that it gets.
        bounds: what the statistic can be at least and at most.

    Source: Davison & Hinkley 1997, Bootstrap Methods and their Application, section 5.2.
    """
    value = float(statistic(np.arange(num)))
    generator = np.random.default_rng(seed)
    drawn = [statistic(generator.integers(num, size=num)) for _ in range(NUM_RESAMPLES)]
    high, low = np.clip(2 * value - np.quantile(drawn, [0.025, 0.975]), *bounds)
    return Estimate(value, min(value, float(low)), max(value, float(high)))
