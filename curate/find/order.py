"""Whether the order of the samples says something about their content: drift, sorting, blocks from one source."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

NUM_PERMUTATIONS = 25
SIGNIFICANCE = 0.05


@dataclass(frozen=True)
class OrderCheck:
    """Outcome of `check_order`.

    Attributes:
        p_value: in [0, 1]; low = similar samples stand near each other more often than chance allows.
        statistic: in [0, 1]; the size of the effect, 0 = none. With many samples a tiny one is significant too.
        is_order_issue: p_value < 0.05.
    """

    p_value: float
    statistic: float
    is_order_issue: bool


def check_order(neighbor_indices: NDArray[np.int64], *, seed: int = 0) -> OrderCheck:
    """Compares how far apart nearest neighbours stand in dataset order with how far any two samples do.

    The Kolmogorov-Smirnov distance between the two distributions is held against that of shuffled orders. This is the
    test of cleanlab's Datalab, counted with histograms so that 70,000 samples take a second, and with a generator of its own.

    Args:
        neighbor_indices: (N, k) from `nearest_neighbors`.
        seed: of the shuffled orders.

    Source: Cummings, Snorrason & Mueller 2023, arXiv:2305.15696.
    """
    from scipy.stats import gaussian_kde

    num_samples = len(neighbor_indices)
    generator = np.random.default_rng(seed)
    statistic = _statistic(np.arange(num_samples), neighbor_indices)
    shuffled = [_statistic(generator.permutation(num_samples), neighbor_indices) for _ in range(NUM_PERMUTATIONS)]
    if np.ptp(shuffled) == 0:  # so few samples that all orders look the same
        p_value = float(statistic <= shuffled[0])
    else:
        p_value = float(np.clip(gaussian_kde(shuffled).integrate_box_1d(statistic, np.inf), 0, 1))
    return OrderCheck(p_value=p_value, statistic=statistic, is_order_issue=p_value < SIGNIFICANCE)


def _statistic(position: NDArray[np.int64], neighbor_indices: NDArray[np.int64]) -> float:
    """Largest gap between the distribution of |position difference| over neighbours and over all pairs."""
    num_samples = len(position)
    gaps = np.abs(position[:, None] - position[neighbor_indices])  # (N, k), in 1..N-1
    among_neighbors = np.cumsum(np.bincount(gaps.ravel(), minlength=num_samples)[1:]) / gaps.size
    among_all = np.cumsum(num_samples - np.arange(1, num_samples)) / (num_samples * (num_samples - 1) / 2)
    return float(np.abs(among_neighbors - among_all).max())
