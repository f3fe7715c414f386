"""The distribution of label quality, as bars on a logit axis: most labels sit at 1, the story is near 0."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 1100, 250, 56, 44, 14
LIMIT = 12.0  # log-odds of the last bars; what lies beyond is counted in them
NUM_BARS = 48
QUALITY_TICKS = (1e-5, 1e-4, 1e-3, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999)


@dataclass(frozen=True)
class Bar:
    """A bar of the histogram, in the units of the drawing; `flagged_height` is the part believed wrong."""

    x: float
    width: float
    height: float
    flagged_height: float
    num_samples: int
    num_flagged: int
    low: float
    high: float


@dataclass(frozen=True)
class QualityHistogram:
    bars: list[Bar]
    x_ticks: list[tuple[float, str]]
    y_ticks: list[tuple[float, str]]
    even_x: float  # where a label is as likely wrong as right
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    floor: int = HEIGHT - BOTTOM


def quality_histogram(label_quality: NDArray[np.float32], is_label_issue: NDArray[np.bool_]) -> QualityHistogram:
    """Bars of all and of the flagged samples; the count axis is logarithmic, both kinds stand on the floor.

    Args:
        label_quality: (N,) in [0, 1], no NaN; low means that the label is suspect.
        is_label_issue: (N,).
    """
    quality = np.clip(np.asarray(label_quality, dtype=np.float64), 1e-12, 1 - 1e-12)
    log_odds = np.clip(np.log(quality) - np.log1p(-quality), -LIMIT, LIMIT)
    edges = np.linspace(-LIMIT, LIMIT, NUM_BARS + 1)
    everything, _ = np.histogram(log_odds, edges)
    flagged, _ = np.histogram(log_odds[is_label_issue], edges)
    step = (WIDTH - LEFT) / NUM_BARS
    top = max(1.0, np.log10(max(everything.max(initial=1), 1) * 1.3) + 0.3)  # a count of 1 stands 0.3 decades high
    scale = (HEIGHT - BOTTOM - TOP) / top

    def tall(n: int) -> float:
        return round((np.log10(n) + 0.3) * scale, 2) if n else 0.0

    def place(value: float) -> float:
        return round(LEFT + (np.log(value / (1 - value)) + LIMIT) / (2 * LIMIT) * (WIDTH - LEFT), 2)

    bars = [
        Bar(
            x=round(LEFT + i * step + 1, 2),
            width=round(step - 2, 2),
            height=tall(everything[i]),
            flagged_height=tall(flagged[i]),
            num_samples=int(everything[i]),
            num_flagged=int(flagged[i]),
            low=float(1 / (1 + np.exp(-edges[i]))),
            high=float(1 / (1 + np.exp(-edges[i + 1]))),
        )
        for i in range(NUM_BARS)
        if everything[i]
    ]
    counts = [10**power for power in range(7) if np.log10(10.0**power) + 0.3 <= top]
    return QualityHistogram(
        bars=bars,
        x_ticks=[(place(q), f"{q:.5f}".rstrip("0")) for q in QUALITY_TICKS],
        y_ticks=[(round(HEIGHT - BOTTOM - tall(n), 2), f"{n:,}") for n in counts],
        even_x=place(0.5),
    )
