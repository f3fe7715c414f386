"""The label channel: how a true class becomes a given label, fitted to probabilities and labels.

A judge's probabilities p say which class a picture shows; how sure they really are is one number, `sharpness`: the true class is
distributed as q, in proportion to p ** sharpness times a weight of each class. The given label is the true class but for three kinds of
mistakes: a share of each class that goes anywhere, pairs of classes that are mistaken for each other, and people who look no better than
the judge, whose label is drawn from h, in proportion to p ** (sharpness / 2).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

PART = 4096  # rows that are ranked at once
WIDTH = 12  # classes of a row that are looked at one by one: the most probable and the given one
SMALLEST = 1e-6  # probability
SOFTER = 0.5  # power of the doubt of people, in units of the judge's
MOST_DOUBTFUL = 0.5  # of all labels at most so many are given by people who look no better than the judge
PRIOR_TOTAL, PRIOR_CLASS, PRIOR_PAIR, PRIOR_DOUBT = 10.0, 20.0, 30.0, 20.0  # samples without a mistake that each rate is held against
PRIOR_WEIGHT = 10.0  # samples that the weight of a class is held against
STEP, BOUND = 0.7, 3.0  # of the logarithm of the weight of a class
SURE = 3  # power of how sure a judge is of a sample, by which it counts for the rates
START = (0.02, 0.1)  # rate of a class, share of doubtful labels
FLOOR_SHARE, FLOOR_BAND, FLOOR_QUANTILE = 0.05, 1.15, 0.005  # see `smoothing_floor`
COUNTED_SHARE, COUNTED_QUANTILE = 0.05, 0.05  # see `counted_step`
TAUGHT_LEAST, TAUGHT_BAND, TAUGHT_FEWEST = 0.01, (1.5, 0.01), 20  # see `taught_mistakes`


class Rows:
    """Log-probabilities of N labelled samples, of at most `WIDTH` classes each, the given one among them.

    Args:
        pred_probs: (N, K), rows sum to 1.
        labels: (N,) in 0..K-1.
    """

    def __init__(self, pred_probs: NDArray[np.floating], labels: NDArray[np.int64]) -> None:
        probs = pred_probs.astype(np.float32)
        self.labels, self.num_classes, self._rows = labels, probs.shape[1], np.arange(len(labels))
        self._classes: NDArray[np.int64] | None = None
        if self.num_classes <= WIDTH:
            self._given = labels
        else:
            parts = [most_probable(probs[start : start + PART]) for start in range(0, max(1, len(probs)), PART)]
            classes = np.concatenate(parts)
            shown = np.take_along_axis(probs, classes, axis=1)
            missing = np.flatnonzero((classes != labels[:, None]).all(axis=1))
            least = shown[missing].argmin(axis=1)
            classes[missing, least] = labels[missing]
            shown[missing, least] = probs[missing, labels[missing]]
            rest = np.maximum(1 - shown.sum(axis=1), 0) / (self.num_classes - WIDTH)
            self._log_rest = np.log(np.maximum(rest, SMALLEST / 10)).astype(np.float32)
            self._classes, self._given, probs = classes, (classes == labels[:, None]).argmax(axis=1), shown
        self._log_probs = np.log(np.maximum(probs, SMALLEST))

    def __len__(self) -> int:
        return len(self.labels)

    def softmax(self, power: float, log_weight: NDArray[np.floating] | None = None) -> NDArray[np.float32]:
        """(N, W) probabilities to a power, times a weight of each class; rows sum to 1, less the classes that are not looked at."""
        logits = np.float32(power) * self._log_probs
        if log_weight is not None:
            weight = log_weight.astype(np.float32)
            logits += weight if self._classes is None else weight[self._classes]
        largest = logits.max(axis=1)
        if self._classes is None:
            logits -= largest[:, None]
            np.exp(logits, out=logits)
            return logits / logits.sum(axis=1, keepdims=True)
        rest = np.float32(power) * self._log_rest
        largest = np.maximum(largest, rest)
        probs = np.exp(logits - largest[:, None])
        return probs / (probs.sum(axis=1) + (self.num_classes - WIDTH) * np.exp(rest - largest))[:, None]

    def of_given(self, values: NDArray) -> NDArray:
        """(N,) the column of the given label of (N, W)."""
        return values[self._rows, self._given]

    def without_given(self, values: NDArray) -> NDArray:
        """(N, W) with 0 at the given label, in place."""
        values[self._rows, self._given] = 0
        return values

    def per_class(self, values: NDArray) -> NDArray[np.float64]:
        """(K,) sums of (N, W) by class."""
        if self._classes is None:
            return values.sum(axis=0, dtype=np.float64)
        return np.bincount(self._classes.ravel(), values.ravel(), self.num_classes).astype(np.float64)

    def per_pair(self, values: NDArray) -> NDArray[np.float64]:
        """(K, K) sums of (N, W) by class and given label."""
        from scipy.sparse import csr_matrix

        if self._classes is None:
            given = csr_matrix((np.ones(len(self), np.float32), (self.labels, self._rows)), shape=(self.num_classes, len(self)))
            return np.asarray(given @ values).T.astype(np.float64)
        places = (self._classes * self.num_classes + self.labels[:, None]).ravel()
        counts = np.bincount(places, values.ravel(), self.num_classes**2).astype(np.float64)
        return counts.reshape(self.num_classes, self.num_classes)

    def at_pair(self, rates: NDArray[np.floating]) -> NDArray[np.float32]:
        """(N, W) of (K, K): the rate with which each class looked at turns into the given label."""
        rates = rates.astype(np.float32)
        return rates.T[self.labels] if self._classes is None else rates[self._classes, self.labels[:, None]]

    def at_class(self, values: NDArray[np.floating]) -> NDArray[np.float32]:
        """(N, W) or (W,) of (K,)."""
        values = values.astype(np.float32)
        return values if self._classes is None else values[self._classes]


def most_probable(pred_probs: NDArray[np.floating]) -> NDArray[np.int64]:
    """(N, WIDTH) the most probable classes of (N, K), in any order."""
    return np.argpartition(-pred_probs, WIDTH - 1, axis=1)[:, :WIDTH]


@dataclass(frozen=True)
class Habits:
    """What a judge's way of judging puts into its probabilities on top of what it sees.

    Attributes:
        step: of probabilities that are counted, as those of neighbours and of trees are; 0 = they are not. A class that none of 20
            trees votes for is not impossible.
        floor: probability that label smoothing, or uniform noise, adds to every class.
        taught: (P, 2) pairs of classes: where it sees the first, it gives the second a share too, since labels were mistaken so.
        ratio: (P,) of the second's probability to the first's.
    """

    floor: float
    taught: NDArray[np.int64]
    ratio: NDArray[np.float32]
    step: float = 0.0

    def without(self, pred_probs: NDArray[np.floating]) -> NDArray[np.float32]:
        """(N, K) what the judge sees; rows sum to 1."""
        probs = pred_probs.astype(np.float32)
        if self.step:  # one vote more, spread over all classes: Perks 1947, Journal of the Institute of Actuaries 73
            probs = (probs + np.float32(self.step / probs.shape[1])) / np.float32(1 + self.step)
        if not self.floor and not len(self.taught):
            return probs
        if self.floor:
            probs = np.maximum(probs - np.float32(self.floor), SMALLEST)
        before = probs.copy()
        for (seen, also), ratio in zip(self.taught, self.ratio, strict=True):
            taken = np.minimum(ratio * before[:, seen], probs[:, also])
            probs[:, also] -= taken
            probs[:, seen] += taken
        return probs / probs.sum(axis=1, keepdims=True)


def find_habits(pred_probs: NDArray[np.floating]) -> Habits:
    """The habits of a judge, from its probabilities alone.

    A share that nearly all samples of a class give to another class, the clearest too, is no doubt about the picture: a judge that is
    sure leaves next to nothing to any other class. It was taught by labels.

    Args:
        pred_probs: (N, K), N >= 1.
    """
    step = counted_step(pred_probs)
    floor = 0.0 if step else smoothing_floor(pred_probs)
    probs = Habits(floor, np.empty((0, 2), np.int64), np.empty(0, np.float32), step).without(pred_probs)
    predicted = probs.argmax(axis=1)
    pairs, ratios = [], []
    order = np.argsort(predicted, kind="stable")
    bounds = np.searchsorted(predicted[order], np.arange(probs.shape[1] + 1))
    for seen in range(probs.shape[1]):
        members = order[bounds[seen] : bounds[seen + 1]]
        if len(members) < TAUGHT_FEWEST:
            continue
        likely = np.flatnonzero(probs[members].mean(axis=0) > TAUGHT_LEAST)
        for also in likely[likely != seen]:
            low, middle = np.quantile(probs[members, also] / probs[members, seen], (0.1, 0.5))
            if low > TAUGHT_LEAST and middle < TAUGHT_BAND[0] * low + TAUGHT_BAND[1]:
                pairs.append((seen, int(also)))
                ratios.append(low)
    return Habits(floor, np.array(pairs, dtype=np.int64).reshape(-1, 2), np.array(ratios, dtype=np.float32), step)


def counted_step(pred_probs: NDArray[np.floating]) -> float:
    """What one vote weighs where probabilities are counted, by neighbours or trees, or rounded: many are 0, and the next is far from 0.

    Args:
        pred_probs: (N, K), N >= 1.

    Returns:
        A low quantile, over the rows with a 0, of the least probability that is not 0; 0 where such rows are few.
    """
    has_zero = (pred_probs <= 0).any(axis=1)
    if has_zero.mean() <= COUNTED_SHARE:
        return 0.0
    rows = pred_probs[has_zero]
    step = float(np.quantile(np.where(rows > 0, rows, np.inf).min(axis=1), COUNTED_QUANTILE))
    return step if SMALLEST < step < 0.5 else 0.0


def smoothing_floor(pred_probs: NDArray[np.floating]) -> float:
    """The probability that label smoothing adds to every class: a lowest value that many rows share; 0 where there is none.

    Args:
        pred_probs: (N, K), N >= 1.
    """
    lowest = pred_probs.min(axis=1)
    floor = float(np.quantile(lowest, FLOOR_QUANTILE))
    is_shared = (lowest < FLOOR_BAND * floor).mean() > FLOOR_SHARE
    return 0.97 * floor if floor > 10 * SMALLEST and is_shared and floor * pred_probs.shape[1] < 0.6 else 0.0


def label_sharpness(rows: Rows) -> float:
    """The power of the probabilities that fits the given labels best: temperature scaling, as if no label were wrong."""
    from scipy.optimize import minimize_scalar

    def loss(log_power: float) -> float:
        return -float(np.log(np.maximum(rows.of_given(rows.softmax(np.exp(log_power))), 1e-9)).mean(dtype=np.float64))

    return float(np.exp(minimize_scalar(loss, bounds=(-3.0, 3.0), method="bounded", options={"xatol": 0.02}).x))


@dataclass(frozen=True)
class Channel:
    """A fitted channel.

    Attributes:
        sharpness: power of the probabilities.
        log_weight: (K,) of the classes.
        rates: (K, K), row = true class, column = given label: chance of each mistake; 0 on the diagonal.
        class_rate: (K,) sums of its rows.
        doubtful: share of labels that are drawn from h.
    """

    sharpness: float
    log_weight: NDArray[np.float64]
    rates: NDArray[np.float64]
    class_rate: NDArray[np.float64]
    doubtful: float


@dataclass(frozen=True)
class Reading:
    """What a channel says of N labelled samples.

    Attributes:
        quality: (N,) float64, probability that the given label is right.
        sureness: (N,) float32, probability of the most probable true class, before the label is looked at.
        log_likelihood: mean over samples, of the given labels.
    """

    quality: NDArray[np.float64]
    sureness: NDArray[np.float32]
    log_likelihood: float


def fit_channel(rows: Rows, sharpness: float, *, steps: int, start: Channel | None = None) -> tuple[Channel, Reading]:
    """Expectation maximisation at a given sharpness, with rates that are held against none.

    What a sample adds to the rate of its own pair of classes is left out when the sample is read: with many classes of few samples each
    label would else be its own proof. A sample counts for the rates as far as the judge is sure of it: where it wavers between two classes,
    its own mistakes look like a pair of classes that people mistake for each other.

    Args:
        rows: N >= 1.
        steps: of the iteration.
        start: a channel near the result.
    """
    size = rows.num_classes
    if start is None:
        rate, doubtful = START
        start = Channel(sharpness, np.zeros(size), _off_diagonal(np.full((size, size), rate / (size - 1))), np.full(size, rate), doubtful)
    channel, own, least = start, None, None
    doubt = rows.softmax(SOFTER * sharpness)
    for _ in range(steps):
        parts = _parts(rows, channel, doubt, own, least)
        inverse = (1 / parts.total).astype(np.float32)[:, None]
        mistaken = parts.pairs * inverse  # (N, W) that the label is a mistake of a pair with this true class
        sure = (parts.probs.max(axis=1) ** SURE)[:, None]
        taught = mistaken * sure
        counts = _off_diagonal(rows.per_pair(taught))
        true = np.float32(channel.doubtful) * rows.of_given(doubt)[:, None] * parts.probs * inverse
        true = rows.without_given(true) + mistaken
        true[rows._rows, rows._given] = parts.right / parts.total  # (N, W) posterior of the true class
        num_true = rows.per_class(true)
        num_sure = rows.per_class(true * sure)
        by_class = counts.sum(axis=1)
        usual = by_class.sum() / (num_sure.sum() + PRIOR_TOTAL)
        class_rate = np.minimum((by_class + PRIOR_CLASS * usual) / (num_sure + PRIOR_CLASS), 0.9)
        against = num_sure + PRIOR_PAIR
        least = _off_diagonal(np.broadcast_to((PRIOR_PAIR * class_rate / (size - 1) / against)[:, None], (size, size)).copy())
        rates = counts / against[:, None] + least
        own = taught * rows.at_class(1 / against)
        exposed = float((true * (1 - doubt)).sum(dtype=np.float64))
        doubtful = min(MOST_DOUBTFUL, float((parts.doubtful / parts.total).sum()) / (exposed + PRIOR_DOUBT))
        expected = rows.per_class(parts.probs)
        log_weight = np.clip(channel.log_weight + STEP * np.log((num_true + PRIOR_WEIGHT) / (expected + PRIOR_WEIGHT)), -BOUND, BOUND)
        channel = Channel(sharpness, log_weight - log_weight.mean(), rates, class_rate, doubtful)
    return channel, _reading(_parts(rows, channel, doubt, own, least))


def read_labels(rows: Rows, channel: Channel) -> Reading:
    """What a channel says of samples that it was not fitted to."""
    return _reading(_parts(rows, channel, rows.softmax(SOFTER * channel.sharpness)))


@dataclass(frozen=True)
class _Parts:
    """The ways in which each given label can have come about: (N,) chances but `probs` and `pairs`, which are (N, W)."""

    probs: NDArray[np.float32]
    pairs: NDArray[np.float32]
    right: NDArray[np.float64]
    doubtful: NDArray[np.float64]
    total: NDArray[np.float64]


def _parts(
    rows: Rows,
    channel: Channel,
    doubt: NDArray[np.float32],
    own: NDArray[np.float32] | None = None,
    least: NDArray[np.float64] | None = None,
) -> _Parts:
    probs = rows.softmax(channel.sharpness, channel.log_weight)
    rates = rows.at_pair(channel.rates)
    if own is not None and least is not None:
        rates = np.maximum(rates - own, rows.at_pair(least))
    pairs = probs * rates
    given, doubt_of_given = rows.of_given(probs).astype(np.float64), rows.of_given(doubt).astype(np.float64)
    right = given * np.maximum(1e-9, 1 - channel.class_rate[rows.labels] - channel.doubtful * (1 - doubt_of_given))
    doubtful = channel.doubtful * doubt_of_given * (1 - given)
    elsewhere = np.maximum(0, 1 - probs.sum(axis=1, dtype=np.float64)) * channel.class_rate.mean() / max(1, rows.num_classes - 1)
    total = np.maximum(right + doubtful + pairs.sum(axis=1, dtype=np.float64) + elsewhere, 1e-30)
    return _Parts(probs, pairs, right, doubtful, total)


def _reading(parts: _Parts) -> Reading:
    return Reading(parts.right / parts.total, parts.probs.max(axis=1), float(np.log(np.maximum(parts.total, 1e-12)).mean()))


def _off_diagonal(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """`matrix` with 0 on its diagonal, in place."""
    np.fill_diagonal(matrix, 0)
    return matrix
