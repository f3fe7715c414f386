"""Values with their intervals, and how the intervals are computed."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Estimate:
    """A value and the interval [low, high] that holds the true one with probability 95 %; NaN where nothing can be told."""

    value: float
    low: float
    high: float
