"""Before and after retraining: one dumbbell per seed, and the mean difference with its interval."""

from dataclasses import dataclass
from typing import Any

from curate.publish.report.wording import percent

WIDTH, ROW, LEFT, RIGHT, TOP, BOTTOM = 640, 26, 70, 76, 12, 34


@dataclass(frozen=True)
class Dumbbell:
    seed: str
    y: float
    before_x: float
    after_x: float
    before: float
    after: float


@dataclass(frozen=True)
class Gain:
    """Accuracy on one set of test labels; shares in [0, 1], x and y in the units of the drawing."""

    name: str
    num_samples: int
    before: float
    after: float
    difference: float
    low: float
    high: float
    wide_low: float | None  # interval that also allows for other test pictures; None where it was not measured
    wide_high: float | None
    confidence: float
    verdict: str
    dumbbells: list[Dumbbell]
    x_ticks: list[tuple[float, str]]
    width: int
    height: int
    floor: float


def make_gains(comparison: dict[str, Any]) -> list[Gain]:
    """One Gain per label set of the test images in `comparison.json`."""
    return [_gain(test) for test in comparison["test"]]


def _gain(test: dict[str, Any]) -> Gain:
    before, after = test["accuracy_before"], test["accuracy_after"]
    low, high = test["interval"]
    wide_low, wide_high = test.get("interval_with_images", (None, None))
    smallest, largest = min(before + after), max(before + after)
    margin = max((largest - smallest) * 0.12, 0.0004)
    smallest, largest = smallest - margin, largest + margin

    def place(accuracy: float) -> float:
        return round(LEFT + (accuracy - smallest) / (largest - smallest) * (WIDTH - LEFT - RIGHT), 2)

    height = TOP + ROW * len(before) + BOTTOM
    return Gain(
        name=test["name"],
        num_samples=test["num_samples"],
        before=sum(before) / len(before),
        after=sum(after) / len(after),
        difference=test["difference"],
        low=low,
        high=high,
        wide_low=wide_low,
        wide_high=wide_high,
        confidence=test.get("confidence", 0.95),
        verdict=_verdict((low, high), (wide_low, wide_high)),
        dumbbells=[
            Dumbbell(str(seed), TOP + ROW * (i + 0.5), place(b), place(a), b, a)
            for i, (seed, b, a) in enumerate(zip(test["seeds"], before, after, strict=True))
        ],
        x_ticks=[(place(value), percent(value, 2)) for value in _round_values(smallest, largest)],
        width=WIDTH,
        height=height,
        floor=height - BOTTOM,
    )


def _verdict(interval: tuple[float, float], wide: tuple[float | None, float | None]) -> str:
    """What the intervals over seeds, and over seeds and test pictures, allow to say."""
    if interval[0] <= 0 <= interval[1]:
        return "No difference is shown: the interval includes zero."
    side = "better: the interval lies above zero" if interval[0] > 0 else "worse: the interval lies below zero"
    if wide[0] is not None and wide[1] is not None and wide[0] <= 0 <= wide[1]:
        return f"On these test pictures, retraining on the cleaned labels is {side}; other pictures of the same kind might not show it."
    return f"Retraining on the cleaned labels is {side}."


def _round_values(low: float, high: float) -> list[float]:
    """Three to six round numbers inside [low, high]."""
    for step in (0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001, 0.0005, 0.0002):
        first = int(low / step) + 1
        values = [i * step for i in range(first, int(high / step) + 1)]
        if len(values) >= 3:
            return values[:6]
    return [(low + high) / 2]
