"""How often labels disagree with the net, from its surest samples to its least sure: noise told apart from difficulty."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

NUM_BINS = 100
TIE = (0.4, 0.05)  # log-odds that the net errs where its two best classes tie: its mean and deviation
BEND = (2.5, 1.0)  # of the fall of those log-odds over the margin divided by its largest: its mean and deviation
SHARED = 0.5  # of `ambiguous`: share of the net's mistakes on which the label makes the same one
AMONG_MISTAKES = 1.3  # of `ambiguous`: share of wrong labels among the samples that the net mistakes
THINNING = 1.4  # of `ambiguous`: power of the share of samples that are surer, with which it falls
STARTS = ((5.0, 2.0, 0.01, 0.0), (3.0, 3.0, 0.1, 0.1), (2.0, 5.0, 0.3, 0.1))
BOUNDS = ((-0.3, 1.0), (0.0, 300.0), (0.0, 60.0), (0.0, 0.9), (0.0, 0.9))


@dataclass(frozen=True)
class Bins:
    """Samples in order of their margin, the least sure first, in bins: mean margin over `scale`, number, and how many disagree."""

    margin: NDArray[np.float64]
    scale: float
    num_samples: NDArray[np.int64]
    num_disagree: NDArray[np.int64]

    @property
    def place(self) -> NDArray[np.float64]:
        """(B,) in (0, 1): the share of samples that are less sure."""
        return (self.num_samples.cumsum() - self.num_samples / 2) / self.num_samples.sum()


@dataclass(frozen=True)
class NoiseCurve:
    """A net's mistakes and wrong labels as they go with its margin.

    The net errs with the log-odds tie - slope m - bend m^2 of its margin m, which fall to nothing on sure samples. What is left there is
    noise: a `uniform` share of all labels, and an `ambiguous` one, which people make more of the less clear a picture is: it falls
    from `ambiguous` at the least sure sample to 0 at the surest, a little faster than linearly.

    Attributes:
        tie, slope, bend: of the net's mistakes, for margins divided by the largest.
        uniform, ambiguous: shares of wrong labels, in [0, 0.9].
        bins: what it was fitted to.
        num_classes: K.
    """

    tie: float
    slope: float
    bend: float
    uniform: float
    ambiguous: float
    bins: Bins
    num_classes: int

    @property
    def mistakes(self) -> NDArray[np.float64]:
        """(B,) the share of samples that the net mistakes."""
        return self.mistakes_at(self.bins.margin * self.bins.scale)

    def mistakes_at(self, margin: NDArray[np.floating]) -> NDArray[np.float64]:
        """(N,) the chance that the net mistakes a sample of this margin."""
        return _mistakes(np.array([self.tie, self.slope, self.bend]), margin / self.bins.scale)

    @property
    def num_uniform(self) -> float:
        return float(self.uniform * self.bins.num_samples.sum())

    @property
    def num_ambiguous(self) -> float:
        """Wrong labels of the second kind, those that the net shares included."""
        share = (1 - self.mistakes) * unclear(self.bins.place) + AMONG_MISTAKES * self.mistakes
        return float(self.ambiguous * (share * self.bins.num_samples).sum())

    @property
    def num_errors(self) -> float:
        return self.num_uniform + self.num_ambiguous


def unclear(place: NDArray[np.float64]) -> NDArray[np.float64]:
    """How much ambiguous noise there is at a place in the order of margins, from 1 at the least sure sample to 0 at the surest."""
    return (1 - place) ** THINNING


def make_bins(margin: NDArray[np.floating], disagrees: NDArray[np.bool_]) -> Bins:
    """At most `NUM_BINS` of them of like size.

    Args:
        margin: (N,) 0 and more, N >= 1.
        disagrees: (N,) whether the given label is another than the predicted.
    """
    parts = [part for part in np.array_split(np.argsort(margin, kind="stable"), NUM_BINS) if len(part)]
    means = np.array([margin[part].mean(dtype=np.float64) for part in parts])
    counts = np.array([[len(part), disagrees[part].sum()] for part in parts])
    scale = float(max(means.max(), 1e-9))
    return Bins(means / scale, scale, counts[:, 0], counts[:, 1])


def fit_noise_curve(bins: Bins, num_classes: int, *, tie: float = TIE[0], start: NoiseCurve | None = None) -> NoiseCurve:
    """The most probable curve.

    Disagreement alone cannot tell noise from difficulty; its shape can, as far as nets are alike in how their mistakes thin out. On 11
    kinds of labels of CIFAR-10 (clean, people's, symmetric and class-dependent) the mistakes of one kind of net were the same function of
    the place in the order of margins, whatever the noise; at a tie their log-odds were 0.45 to 0.5. Their fall bends by 1 to 5, which is
    expected too: few samples say little of it, and a bend that is taken too small takes noise for mistakes.

    Args:
        bins: from `make_bins`.
        num_classes: K.
        tie: what the log-odds at a tie are expected to be.
        start: a curve near the result, which saves time.
    """
    from scipy.optimize import minimize

    place, num, disagree = bins.place, bins.num_samples, bins.num_disagree

    def loss(values: NDArray[np.float64]) -> float:
        mistakes, (uniform, ambiguous) = _mistakes(values, bins.margin), values[3:]
        noise = np.minimum(uniform + ambiguous * unclear(place), 0.95)
        share = mistakes * (1 - SHARED * ambiguous - uniform / (num_classes - 1)) + (1 - mistakes) * noise
        share = np.clip(share, 1e-7, 1 - 1e-7)
        expected = ((values[0] - tie) / TIE[1]) ** 2 / 2 + ((values[2] - BEND[0]) / BEND[1]) ** 2 / 2
        return expected - float((disagree * np.log(share) + (num - disagree) * np.log1p(-share)).sum())

    starts = [(tie, *values) for values in STARTS]
    if start is not None:
        starts = [(tie, start.slope, start.bend, start.uniform, start.ambiguous)]
    best = min((minimize(loss, values, method="L-BFGS-B", bounds=BOUNDS) for values in starts), key=lambda result: result.fun)
    tied, slope, bend, uniform, ambiguous = best.x.tolist()
    return NoiseCurve(tied, slope, bend, uniform, ambiguous, bins, num_classes)


def redrawn(curve: NoiseCurve, generator: np.random.Generator, *, tie: float) -> NoiseCurve:
    """The curve of other data that might have come instead of these: every bin's number is drawn anew."""
    bins = curve.bins
    drawn = generator.binomial(bins.num_samples, bins.num_disagree / bins.num_samples)
    return fit_noise_curve(replace(bins, num_disagree=drawn), curve.num_classes, tie=tie, start=curve)


def _mistakes(values: NDArray[np.float64], margin: NDArray[np.floating]) -> NDArray[np.float64]:
    return 1 / (1 + np.exp(values[1] * margin + values[2] * margin**2 - values[0]))
