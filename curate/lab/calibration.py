"""Calibration: whether a classifier is as often right as it is sure, and the temperature that mends it.

Samples are sorted into bins by the probability of their most probable class. In a calibrated classifier, of the samples that
got 0.8, 80 % are right.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from curate.errors import DataError, UsageError
from curate.intervals import Estimate, bootstrap, wilson
from curate.lab.figure import BLUE, FAINT, GREY, ORANGE, new_figure, styled
from curate.lab.metrics import SMALLEST_PROBABILITY, labelled

SMALLEST, LARGEST = 0.05, 20.0


def fit_temperature(labels: NDArray[np.int64], pred_probs: NDArray[np.floating]) -> float:
    """The temperature with the smallest log loss: under 1 makes surer, over 1 less sure.

    Args:
        labels: (N,) in -1..K-1; unlabelled samples are left out.
        pred_probs: (N, K), rows sum to 1.

    Raises:
        DataError: as `curate.lab.metrics.quality`.

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


if TYPE_CHECKING:
    from matplotlib.figure import Figure

NUM_BINS = 15
NUM_DRAWS = 100
FEW = 10  # samples of a bin under which it tells little


@dataclass(frozen=True)
class Bin:
    """The samples whose most probable class got a probability in (low, high].

    Attributes:
        confidence: the mean of those probabilities.
        accuracy: the share of these samples that are right.
    """

    low: float
    high: float
    num_samples: int
    confidence: float
    accuracy: Estimate


@dataclass(frozen=True)
class Calibration:
    """How far confidence and accuracy are apart.

    Attributes:
        bins: those that have samples, by rising confidence.
        error: the expected calibration error: the mean over samples of |accuracy - confidence| of their bin; 0 = calibrated.
        chance: the error that a calibrated classifier with these confidences would show, by chance, on as many samples. Where
            `error` comes near it, it is too high, and so is its interval.
        confidence: the mean probability of the most probable class.
        accuracy: the share of samples that are right.
        num_samples: labelled ones.
    """

    bins: tuple[Bin, ...]
    error: Estimate
    chance: float
    confidence: float
    accuracy: float
    num_samples: int


def calibration(labels: NDArray[np.int64], pred_probs: NDArray[np.floating], *, num_bins: int = NUM_BINS, seed: int = 0) -> Calibration:
    """The calibration of out-of-fold probabilities, in bins of equal width.

    Args:
        labels: (N,) in -1..K-1; unlabelled samples are left out.
        pred_probs: (N, K), rows sum to 1.
        seed: of the bootstrap interval of the error.

    Raises:
        UsageError: fewer than 1 bin.
        DataError: as `curate.lab.metrics.quality`.

    Source: Guo et al. 2017, arXiv:1706.04599.
    """
    if num_bins < 1:
        raise UsageError(f"calibration needs at least 1 bin, found {num_bins}")
    given, probs = labelled(labels, pred_probs)
    confidence = np.minimum(probs.max(axis=1), 1.0, dtype=np.float64)
    is_right = probs.argmax(axis=1) == given
    place = np.clip(np.ceil(confidence * num_bins).astype(np.int64) - 1, 0, num_bins - 1)
    gaps = is_right - confidence  # of a bin, |the sum of them| is its size times |accuracy - confidence|

    def error(positions: NDArray[np.int64]) -> float:
        return float(np.abs(np.bincount(place[positions], weights=gaps[positions])).sum() / len(positions))

    counts = np.bincount(place, minlength=num_bins)
    sums = np.bincount(place, weights=confidence, minlength=num_bins)
    right = np.bincount(place[is_right], minlength=num_bins)
    bins = tuple(
        Bin(i / num_bins, (i + 1) / num_bins, int(counts[i]), float(sums[i] / counts[i]), wilson(int(right[i]), int(counts[i])))
        for i in np.flatnonzero(counts).tolist()
    )
    found = bootstrap(error, len(given), bounds=(0, 1), seed=seed)
    generator = np.random.default_rng(seed)
    drawn = [
        np.abs(np.bincount(place, weights=(generator.random(len(given)) < confidence) - confidence)).sum() / len(given)
        for _ in range(NUM_DRAWS)
    ]
    return Calibration(bins, found, float(np.mean(drawn)), float(confidence.mean()), float(is_right.mean()), len(given))


@styled
def reliability_figure(found: Calibration, rescaled: Calibration | None = None, *, title: str | None = None) -> "Figure":
    """Accuracy against confidence with the 95 % interval of each bin, and below how many samples are that sure.

    Bins of fewer than 10 samples are pale.

    Args:
        rescaled: of the same samples, after temperature scaling.
    """
    figure, axes = new_figure(2, 1, width=5.4, height=5.2, title=title, height_ratios=(3.4, 1), sharex=True)
    above, below = axes[:, 0]
    above.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle=(0, (4, 3)))
    above.text(0.03, 0.96, "less sure than it is right", color=GREY, fontsize=9, va="top")
    above.text(0.97, 0.05, "surer than it is right", color=GREY, fontsize=9, ha="right")
    largest = 1
    for each, name, colour, marker in ((found, "as trained", BLUE, "o"), (rescaled, "after temperature scaling", ORANGE, "s")):
        if each is None:
            continue
        many = [bin for bin in each.bins if bin.num_samples >= FEW]
        line = [bin.confidence for bin in many], [bin.accuracy.value for bin in many]
        above.plot(*line, color=colour, marker=marker, markersize=4.5, label=name)
        for bin in each.bins:
            alpha = 1.0 if bin.num_samples >= FEW else 0.35
            above.plot([bin.confidence] * 2, [bin.accuracy.low, bin.accuracy.high], color=colour, linewidth=1.1, alpha=alpha)
            above.plot(bin.confidence, bin.accuracy.value, marker, color=colour, markersize=4.5, markeredgewidth=0, alpha=alpha)
        below.stairs(*_outline(each), color=colour, linewidth=1.5, fill=False, baseline=0.5)
        largest = max(largest, *(bin.num_samples for bin in each.bins))
    above.set(xlim=(0, 1), ylim=(0, 1.02), ylabel="accuracy")
    above.grid(color=FAINT)
    if rescaled is not None:
        above.legend(loc="lower right", bbox_to_anchor=(1, 0.1))
    below.set_yscale("log")
    below.set(xlabel="confidence: the probability of the most probable class", ylabel="samples", ylim=(0.5, 4 * largest))
    figure.align_ylabels()
    return figure


def _outline(found: Calibration) -> tuple[list[int], list[float]]:
    """Heights and edges of the histogram of the bins, the empty ones too."""
    width = found.bins[0].high - found.bins[0].low
    num_bins = round(1 / width)
    counts = {round(each.low / width): each.num_samples for each in found.bins}
    return [counts.get(i, 0) for i in range(num_bins)], [i / num_bins for i in range(num_bins + 1)]
