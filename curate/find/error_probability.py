"""The probability that a label is wrong: label channels of several sharpnesses, weighed by what is known of judges.

Labels and probabilities alone do not tell a judge's mistakes from wrong labels: the sharper its probabilities are taken to be, the fewer
mistakes it makes and the more labels are wrong. So a channel is fitted at each of several sharpnesses, and each is believed as far as
five things speak for it: how well it explains the labels; that a judge is right where it is surest (`SUREST`); that mistakes and wrong
labels are seldom many at once (`BOTH`), nor wrong labels by themselves (`MANY`); and that sharper channels fit a little too well
(`SHARPER`). Two independent judges measure the mistakes instead: where they contradict each other, one of them errs.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from curate.errors import DataError
from curate.find.label_channel import Channel, Habits, Rows, find_habits, fit_channel, label_sharpness, read_labels
from curate.judge.probabilities import checked_labels, checked_pred_probs, probability_blocks

SHARPNESSES = (0.7, 0.85, 1.0, 1.2, 1.45, 1.75, 2.1, 2.6, 3.2, 4.0, 5.0)  # in units of the one that fits the labels as they are
STEPS, STEPS_OF_MANY, MORE_STEPS = 12, 6, 5  # of the fit; with over 100 classes
NUM_WEIGHED = 4000  # samples that the channels are weighed by
NUM_FITTED, PER_CLASS, MOST_FITTED = 15_000, 60, 60_000  # samples that those which count are fitted to
MOST_VALUES = 30_000_000  # of probabilities of those samples, which lie in memory
NUM_STRATA = 8  # in which the weights of the channels are divided where samples are many; a channel stands for each
# set on small judges (regression, neighbours, a small net; 1,000 and 2,831 pictures of CIFAR-10 and MNIST, people's and planted noise), the
# four strangers' arrays and the tuning half of pipelines/detection_bench.py; MORE_OF_FEW and FEW with clean cells of both halves, too;
# EVIDENCE, BOTH, SHARPER and COMPLEMENTARY with nets and features on CIFAR-10N's aggregate labels, too
# samples of which the likelihood counts at most, since all judges fit worse than chance allows; fewer where a channel is fitted to few, of
# which it also tells less: these shares of them, and of them for each class
EVIDENCE, EVIDENCE_OF_ALL, EVIDENCE_OF_CLASS = 240.0, 0.25, 10.0
SUREST = 0.2  # share of samples, those of which a judge is surest
# their odds of a mistake, in units of chance and of the square of the odds of all, are not more on clean labels: with many samples a
# class, and what it is more with next to none and a single opinion; half of that with so many
MISTAKES_OF_SURE, MORE_OF_FEW, FEW = 0.15, 0.25, 60
SPREAD_OF_SURE = 0.4  # deviation of its logarithm
# how unlikely mistakes (in units of chance) and wrong labels are together, for each unit of the product of their rates, and as
# much again for each 3 x FEW / (samples a class), to a limit; where two opinions measure the mistakes, their rate counts squared
BOTH, BOTH_OF_FEW, BOTH_OF_TWO = 20.0, 5.0, 50.0
MANY, SPREAD_OF_MANY = 0.4, 0.05  # share of wrong labels from which on it is unlikely: people's worst labels of CIFAR-10 have as many
SHARPER = 0.35  # power of the sharpness by which it is the less likely: channels that explain more by wrong labels fit a little too well
# mistakes of the mean of several judges: disagreement times e to the power of -2.7 (what the mean gains over a judge / disagreement)
COMPLEMENTARY, SPREAD_OF_TWO = 2.7, 0.5
GRAIN = 0.002  # rates that differ by less are alike
MISFIT, MISFIT_OF_TWO = (0.7, 1.4), (0.8, 1.25)  # how far counts are off beyond the spread of the channels
NOTHING, NOTHING_OF_TWO = 0.25, 0.1  # of the labels that the judge contradicts, a share that may be right
ALL, ALL_OF_TWO = 1.0, 0.5  # of the labels that the judge contradicts, a share that may be wrong
TAILS = (0.025, 0.975)
FEWEST = 20  # labels
WEAKEST, BETTER_THAN_CHANCE = 1 / 3, 0.25  # share of labels that the judge agrees with; the same above chance


@dataclass(frozen=True)
class Errors:
    """The wrong labels of N samples, as far as they are known.

    Attributes:
        quality: (N,) float32, probability that the given label is right; NaN where unlabelled. It resolves what lies near 0, so that
            ranks are by it.
        sample: (M,) positions of labelled samples that stand for all.
        wrong: (C, M) probability that the label is wrong, by each channel.
        weight: (C,) of the channels, sum 1.
        agreement: share of the labels that the judge agrees with; NaN without labels.
        num_labelled: labels.
        num_opinions: independent judges.
        reason: why the wrong labels cannot be counted, None where they can.
    """

    quality: NDArray[np.float32]
    sample: NDArray[np.int64]
    wrong: NDArray[np.float32]
    weight: NDArray[np.float64]
    agreement: float
    num_labelled: int
    num_opinions: int
    reason: str | None

    @property
    def probability(self) -> NDArray[np.float32]:
        """(N,) in [0, 1], that the given label is wrong; NaN where unlabelled."""
        return 1 - self.quality


def as_opinions(pred_probs: ArrayLike | Sequence[ArrayLike]) -> list[NDArray[np.floating]]:
    """One (N, K) array or a sequence of several as a list of arrays; memory maps stay what they are.

    Raises:
        DataError: none at all, or their shapes differ.
    """
    several = isinstance(pred_probs, (list, tuple)) and len(pred_probs) > 0 and np.ndim(pred_probs[0]) == 2
    arrays = [np.asanyarray(one) for one in (pred_probs if several else [pred_probs])]  # type: ignore[union-attr]
    for array in arrays[1:]:
        if array.shape != arrays[0].shape:
            raise DataError(f"opinions must be of one shape, found {arrays[0].shape} and {array.shape}; are they of the same images?")
    return arrays


def mean_blocks(opinions: Sequence[NDArray[np.floating]], num_samples: int) -> Iterator[tuple[int, NDArray[np.floating]]]:
    """The mean of several (N, K) probabilities block by block, as `probability_blocks` gives those of one; the caller may write to it."""
    for start, block in probability_blocks(opinions[0], num_samples):
        others = [checked_pred_probs(one[start : start + len(block)]) for one in opinions[1:]]
        yield start, np.mean([block, *others], axis=0) if others else block


def estimate_errors(labels: ArrayLike, pred_probs: ArrayLike | Sequence[ArrayLike], *, seed: int = 0) -> Errors:
    """The probability of every label that it is wrong.

    Args:
        labels: (N,) integers in -1..K-1; -1 = unlabelled.
        pred_probs: (N, K) out-of-fold, rows sum to 1, or several such arrays of independent judges; they may be memory maps, which are
            read a block of rows at a time.
        seed: of the samples that the channels are fitted to.

    Raises:
        DataError: shapes differ, a row is no distribution, or a label is out of range.

    Sources: Jiang et al. 2022, arXiv:2106.13799 (the disagreement of two nets is their rate of mistakes); Dawid & Skene 1979 (a channel
    fitted by expectation maximisation).
    """
    opinions = as_opinions(pred_probs)
    num_samples = len(np.asarray(labels))
    first = next(iter(probability_blocks(opinions[0], num_samples)), None)
    num_classes = opinions[0].shape[1]
    given = checked_labels(labels, num_classes)
    quality = np.full(num_samples, np.nan, dtype=np.float32)
    labelled = np.flatnonzero(given >= 0)
    if first is None or not len(labelled):
        unknown = np.empty((1, 0), dtype=np.float32)
        return Errors(quality, labelled, unknown, np.ones(1), float("nan"), 0, len(opinions), "there are no labels")
    generator = np.random.default_rng(seed)
    num_fitted = min(len(labelled), MOST_FITTED, max(NUM_FITTED, PER_CLASS * num_classes), max(NUM_WEIGHED, MOST_VALUES // num_classes))
    fitted = np.sort(generator.permutation(labelled)[:num_fitted])
    probs, counts = _sample(opinions, given, fitted)
    habits = find_habits(probs)
    probs = habits.without(probs)
    part = np.arange(len(fitted)) if len(fitted) <= NUM_WEIGHED else np.sort(generator.choice(len(fitted), NUM_WEIGHED, replace=False))
    apart = _parts_apart(probs, given[fitted], part, generator)
    weight, channels, wrong = _weighed(Rows(probs[part], given[fitted[part]]), apart, counts, num_samples=len(labelled))
    rows = Rows(probs, given[fitted])
    mean = np.zeros(len(fitted))
    final: list[tuple[float, Channel]] = []
    shares = weight if len(part) == len(labelled) else _in_strata(weight)
    for index in np.flatnonzero(shares).tolist():
        share = float(shares[index])
        if len(part) == len(fitted):
            channel, of_sample = channels[index], 1 - wrong[index].astype(np.float64)
        else:
            channel, reading = fit_channel(rows, channels[index].sharpness, steps=MORE_STEPS, start=channels[index])
            of_sample = reading.quality
        mean += share * of_sample
        final.append((share, channel))
    if len(fitted) < len(labelled):
        _read_all(opinions, given, final, habits, quality)
    quality[fitted] = mean
    reason = _reason(counts, len(labelled))
    return Errors(quality, fitted[part], wrong, weight, counts.agreement, len(labelled), len(opinions), reason)


def _parts_apart(
    probs: NDArray[np.floating], labels: NDArray[np.int64], part: NDArray[np.int64], generator: np.random.Generator
) -> list[Rows]:
    """Samples to read with a channel that was not fitted to them: those beside `part`, or, where they are few, the two halves of `part`."""
    others = np.setdiff1d(np.arange(len(labels)), part, assume_unique=True)
    order = generator.permutation(part)
    halves = [others] if 2 * len(others) >= len(part) else [order[::2], order[1::2]]
    return [Rows(probs[half], labels[half]) for half in halves if len(half)]


def _likelihood_apart(apart: Sequence[Rows], channel: Channel, steps: int) -> float:
    """The mean log-likelihood of samples that the channel was not fitted to; of two halves each is read with what fits the other."""
    if len(apart) == 1:
        return read_labels(apart[0], channel).log_likelihood
    fitted = [fit_channel(half, channel.sharpness, steps=steps)[0] for half in apart]
    read = [len(half) * read_labels(half, other).log_likelihood for half, other in zip(apart, reversed(fitted), strict=True)]
    return sum(read) / sum(map(len, apart))


def _in_strata(weight: NDArray[np.float64]) -> NDArray[np.float64]:
    """(C,) the weights in steps of 1 / NUM_STRATA, most of them 0: the fewer channels, the faster many samples are read."""
    places = (np.arange(NUM_STRATA) + 0.5) / NUM_STRATA
    chosen = np.searchsorted(weight.cumsum(), places).clip(max=len(weight) - 1)
    return np.bincount(chosen, minlength=len(weight)) / NUM_STRATA


@dataclass(frozen=True)
class _Counts:
    """How judges and labels agree.

    Attributes:
        agreement: share of the labels that the judge, the mean of all, agrees with.
        by_chance: the same, if its predictions were shuffled.
        disagreement: how often two judges contradict each other, on average; None where there is one.
        gain: what the mean agrees more with the labels than the judges do on average.
    """

    agreement: float
    by_chance: float
    disagreement: float | None
    gain: float


def _sample(
    opinions: Sequence[NDArray[np.floating]], given: NDArray[np.int64], fitted: NDArray[np.int64]
) -> tuple[NDArray[np.floating], _Counts]:
    """The mean probabilities of the samples at `fitted`, and how all judges agree on all labelled samples."""
    num_classes = opinions[0].shape[1]
    parts: list[NDArray[np.floating]] = []
    hits, num_pairs, agreed = np.zeros(len(opinions) + 1), 0, 0
    predictions = np.zeros(num_classes)
    for start, block in probability_blocks(opinions[0], len(given)):
        others = [checked_pred_probs(one[start : start + len(block)]) for one in opinions[1:]]
        labels = given[start : start + len(block)]
        mean = np.mean([block, *others], axis=0) if others else block
        own = fitted[(fitted >= start) & (fitted < start + len(block))] - start
        parts.append(mean[own])
        at = labels >= 0
        predicted = [one.argmax(axis=1)[at] for one in (mean, block, *others)] if others else [block.argmax(axis=1)[at]] * 2
        hits += [int((one == labels[at]).sum()) for one in predicted]
        predictions += np.bincount(predicted[0], minlength=num_classes)
        for index, one in enumerate(predicted[1:]):
            for other in predicted[index + 2 :]:
                agreed, num_pairs = agreed + int((one == other).sum()), num_pairs + len(one)
    num = int((given >= 0).sum())
    shares = np.bincount(given[given >= 0], minlength=num_classes) / num
    disagreement = 1 - agreed / num_pairs if num_pairs else None
    by_chance = float((predictions / num * shares).sum())
    return np.concatenate(parts), _Counts(float(hits[0] / num), by_chance, disagreement, float((hits[0] - hits[1:].mean()) / num))


def _weighed(
    rows: Rows, apart: Sequence[Rows], counts: _Counts, *, num_samples: int
) -> tuple[NDArray[np.float64], list[Channel], NDArray[np.float32]]:
    """The weight of each sharpness, its channel, and the probabilities (C, M) of the samples of `rows` to be wrong."""
    usual, size = label_sharpness(rows), len(rows)
    steps = STEPS if rows.num_classes <= 100 else STEPS_OF_MANY
    channels, wrong = [], []
    figures = []
    for factor in SHARPNESSES:
        channel, reading = fit_channel(rows, factor * usual, steps=steps)
        mistake = 1 - reading.sureness.astype(np.float64)
        surest = np.sort(mistake)[: max(1, round(SUREST * size))]
        figures.append((_likelihood_apart(apart, channel, steps), mistake.mean(), surest.mean(), float((1 - reading.quality).mean())))
        channels.append(channel)
        wrong.append((1 - reading.quality).astype(np.float32))
    likelihood, mistakes, of_sure, errors = np.array(figures).T
    grain = GRAIN + 1 / size
    chance = 1 - 1 / rows.num_classes
    more = MORE_OF_FEW / (1 + num_samples / rows.num_classes / FEW) if counts.disagreement is None else 0.0
    excess = np.maximum(0, np.log((_odds(of_sure / chance) + grain) / ((MISTAKES_OF_SURE + more) * _odds(mistakes / chance) ** 2 + grain)))
    many = np.maximum(0, errors - MANY) / SPREAD_OF_MANY
    together = errors * mistakes / chance
    evidence = min(EVIDENCE, EVIDENCE_OF_ALL * size, EVIDENCE_OF_CLASS * size / rows.num_classes)
    logarithm = evidence * (likelihood - likelihood.max()) - SHARPER * np.log(SHARPNESSES)
    logarithm = logarithm - (excess / SPREAD_OF_SURE) ** 2 / 2 - many**2 / 2
    if counts.disagreement is None:
        logarithm = logarithm - BOTH * (1 + min(BOTH_OF_FEW, 3 * FEW * rows.num_classes / num_samples)) * together
    else:
        grain = 0.003 + 1 / num_samples
        complementary = min(max(counts.gain / max(counts.disagreement, 1e-4), -0.1), 0.8)
        measured = counts.disagreement * np.exp(-COMPLEMENTARY * complementary)
        off = np.log((mistakes + grain) / (measured + grain)) / SPREAD_OF_TWO
        logarithm = logarithm - BOTH_OF_TWO * together * mistakes / chance - off**2 / 2
    weight = np.exp(logarithm - logarithm.max())
    return weight / weight.sum(), channels, np.array(wrong)


def _odds(share: NDArray[np.float64]) -> NDArray[np.float64]:
    return share / np.maximum(1 - share, 1e-3)


def _read_all(
    opinions: Sequence[NDArray[np.floating]],
    given: NDArray[np.int64],
    channels: Sequence[tuple[float, Channel]],
    habits: Habits,
    quality: NDArray[np.float32],
) -> None:
    """Writes the quality of all labelled samples, a block of rows in memory at a time."""
    for start, block in mean_blocks(opinions, len(given)):
        labels = given[start : start + len(block)]
        at = np.flatnonzero(labels >= 0)
        if len(at):
            rows = Rows(habits.without(block if len(at) == len(block) else block[at]), labels[at])
            quality[start + at] = sum(share * read_labels(rows, channel).quality for share, channel in channels)


def _reason(counts: _Counts, num_labelled: int) -> str | None:
    """Why wrong labels cannot be told from this judge's mistakes; None where they can."""
    chance = counts.by_chance
    agrees = f"this judge agrees with {_percent(counts.agreement)} of the labels"
    if num_labelled < FEWEST:
        return f"{num_labelled} labels are too few to judge by"
    if counts.agreement - chance < 3 * np.sqrt(chance * (1 - chance) / num_labelled) + 0.02 * (1 - chance):
        told = f"{agrees}, hardly more than by chance ({_percent(chance)})"
        return f"{told}; where the probabilities are your own, are their rows in the order of the labels?"
    if counts.agreement < WEAKEST:
        return agrees
    if counts.agreement - chance < BETTER_THAN_CHANCE * (1 - chance):
        return f"{agrees}, where {_percent(chance)} is chance"
    return None


def _percent(share: float) -> str:
    """With a decimal where it is small: one class of 300 is not 0 %."""
    return f"{100 * share:.{0 if share >= 0.1 else 1}f} %"
