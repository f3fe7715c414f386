"""Label noise: how many given labels are wrong and of what kind, from probabilities and labels alone."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from curate.find.label_evidence import LabelEvidence
from curate.judge.probabilities import probability_blocks

CLEAR_SHARE = 0.2  # of the samples that are predicted to be of a class: those of the largest margin
LOWEST_RATE = 0.03  # of a systematic confusion
OUTSTANDING = 3.0  # how many times the rate of the usual pair it must have
FEWEST = 10  # samples of it among the clear ones
SMALLEST = 1e-7  # probability


@dataclass(frozen=True)
class Confusions:
    """How often clear samples of each class bear the label of each other class.

    Attributes:
        rates: (K, K), row = predicted class, column = given label: share of the clear samples, 0 on the diagonal.
        is_systematic: (K, K) bool; the rate is high, does not fall from the clearest samples to the less clear, and stands out.
        margin: (N,) float32, 0 and more: log probability of the predicted class less that of the best other class that is not
            systematically confused with it.
        num_predicted: (K,) labelled samples by predicted class.
    """

    rates: NDArray[np.float64]
    is_systematic: NDArray[np.bool_]
    margin: NDArray[np.float32]
    num_predicted: NDArray[np.int64]

    @property
    def num_errors(self) -> float:
        """Wrong labels that the systematic confusions make among all samples."""
        return float((np.where(self.is_systematic, self.rates, 0.0) * self.num_predicted[:, None]).sum())


def find_confusions(evidence: LabelEvidence, pred_probs: ArrayLike) -> Confusions:
    """Rates on clear samples, and which of them no difficulty of the pictures explains.

    A net that is trained on such labels is torn between the two classes on all samples of one, so that none of them would be clear by
    its own margin. So the margin leaves out what was found to be systematic, and the search is done again.

    Args:
        evidence: of N samples.
        pred_probs: (N, K); may be a memory map.
    """
    num_classes = np.shape(pred_probs)[1]
    found = np.zeros((num_classes, num_classes), dtype=bool)
    for last in (False, False, True):
        margin = predicted_margin(evidence, pred_probs, found)
        rates, steady, num_clear, num_predicted = _clear_rates(evidence, margin, num_classes)
        usual = np.median(steady[~np.eye(num_classes, dtype=bool)])
        now = (steady > max(LOWEST_RATE, OUTSTANDING * usual)) & (steady * num_clear[:, None] > FEWEST)
        if last or (now == found).all():
            break
        found = now
    return Confusions(rates, found, margin, num_predicted)


def predicted_margin(evidence: LabelEvidence, pred_probs: ArrayLike, left_out: NDArray[np.bool_]) -> NDArray[np.float32]:
    """(N,) the margin of `Confusions`, where `left_out` (K, K) has the classes that count for no rival of a predicted class."""
    margin = np.empty(len(evidence.labels), dtype=np.float32)
    for start, block in probability_blocks(pred_probs, len(margin)):
        rows = np.arange(len(block))
        top = evidence.predicted[start : start + len(block)]
        best = np.log(np.maximum(block[rows, top], SMALLEST))
        if left_out.any():
            block[left_out[top]] = 0
        block[rows, top] = 0
        margin[start : start + len(block)] = best - np.log(np.maximum(block.max(axis=1), SMALLEST))
    return np.maximum(margin, 0)


def _clear_rates(
    evidence: LabelEvidence, margin: NDArray[np.float32], num_classes: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """(K, K) rates on the clearest fifth of each class; the same less what they rise by in the next fifth; clear and all samples, (K,)."""
    rates, steady = (np.zeros((num_classes, num_classes)) for _ in range(2))
    num_clear, num_predicted = (np.zeros(num_classes, dtype=np.int64) for _ in range(2))
    labelled = np.flatnonzero(evidence.labels >= 0)
    order = labelled[np.lexsort((-margin[labelled], evidence.predicted[labelled]))]  # by predicted class, the clearest first
    starts = np.searchsorted(evidence.predicted[order], np.arange(num_classes + 1))
    for k in range(num_classes):
        members = order[starts[k] : starts[k + 1]]
        num_predicted[k] = len(members)
        num_clear[k] = size = int(CLEAR_SHARE * len(members))
        if size:
            first, second = (np.bincount(evidence.labels[part], minlength=num_classes) / size for part in np.split(members[: 2 * size], 2))
            rates[k], steady[k] = first, np.maximum(0, first - np.maximum(0, second - first))
    for matrix in (rates, steady):
        np.fill_diagonal(matrix, 0)
    return rates, steady, num_clear, num_predicted


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


SPREAD = 0.7  # share of the usual rate in that of a confusion that is not systematic
LEARNT = 0.75  # power of a systematic confusion's rate, in units of the usual one: the net has learnt some of it, and shows some itself
RARE_MISTAKE = 0.05  # chance of the net's mistake under which a label that it contradicts is clearly suspect
LOWEST_USUAL = 0.01  # of wrong labels per class, spread over the other classes


@dataclass(frozen=True)
class LabelNoise:
    """The noise of N labels over K classes.

    Attributes:
        confusions: pairs of classes that are mistaken systematically.
        curve: all other wrong labels; None where no sample is labelled.
        num_clear: labels that the net contradicts where it hardly errs.
    """

    confusions: Confusions
    curve: NoiseCurve | None
    num_clear: int

    @property
    def num_errors(self) -> float:
        """How many of the N labels are wrong."""
        return self.confusions.num_errors + (self.curve.num_errors if self.curve else 0.0)

    @property
    def rivals(self) -> NDArray[np.float64]:
        """(K, K), row = true class, column = given label: how likely this mistake is, in units of the usual one; 0 on the diagonal."""
        confusions = self.confusions
        others = ~np.eye(len(confusions.rates), dtype=bool)
        weight = (others & ~confusions.is_systematic) * confusions.num_predicted[:, None]
        usual = (confusions.rates * weight).sum() / max(1, weight.sum())
        usual = max(usual, LOWEST_USUAL / max(1, len(others) - 1))
        mixed = (1 - SPREAD) * confusions.rates + SPREAD * usual
        systematic = usual * np.maximum(1, confusions.rates / usual) ** LEARNT
        return np.where(confusions.is_systematic, systematic, mixed) * others / usual


def estimate_label_noise(evidence: LabelEvidence, pred_probs: ArrayLike) -> LabelNoise:
    """The noise that the labels have.

    Args:
        evidence: of N samples.
        pred_probs: (N, K) out-of-fold; may be a memory map.
    """
    confusions = find_confusions(evidence, pred_probs)
    labelled = np.flatnonzero(evidence.labels >= 0)
    if not len(labelled):
        return LabelNoise(confusions, None, 0)
    given, predicted = evidence.labels[labelled], evidence.predicted[labelled]
    disagrees = (given != predicted) & ~confusions.is_systematic[predicted, given]
    curve = fit_noise_curve(make_bins(confusions.margin[labelled], disagrees), np.shape(pred_probs)[1])
    is_sure = curve.mistakes_at(confusions.margin[labelled]) < RARE_MISTAKE
    return LabelNoise(confusions, curve, int((disagrees & is_sure).sum()))
