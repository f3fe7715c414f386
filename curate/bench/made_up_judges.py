"""Made-up judges: labels, true labels and the probabilities of two judges, for any number of classes, accuracy, calibration and noise."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

NOISES = ("none", "uniform", "pairs", "every other class", "one class", "class-dependent", "ambiguous", "mixed")
LOOKS = 0.8  # share of people's labels that are given by no more than a look; the others are right


@dataclass(frozen=True)
class Cell:
    """One cell of the grid.

    Attributes:
        num_classes: K.
        num_samples: N.
        accuracy: of each judge, on the true labels.
        confidence: power of the probabilities: over 1 = overconfident, under 1 = underconfident.
        smoothing: label smoothing: this share of every row is spread over all classes.
        noise: one of `NOISES`.
        rate: of the noise, in its own terms.
        imbalance: how many times as many samples the most frequent class has as the rarest.
        learnt: share of the noise that the judges give back, as nets do that were trained long on such labels.
        own: share of a judge's doubt that is its own; 0 = the true label is drawn from the probabilities, which are then calibrated.
        hard: whether no sample is very clear (margins follow a gamma distribution instead of an exponential one).
        seed: of everything.
    """

    num_classes: int = 10
    num_samples: int = 5000
    accuracy: float = 0.9
    confidence: float = 1.0
    smoothing: float = 0.0
    noise: str = "none"
    rate: float = 0.0
    imbalance: float = 1.0
    learnt: float = 0.5
    own: float = 0.5
    hard: bool = False
    seed: int = 0


@dataclass(frozen=True)
class MadeUp:
    """What a cell gives: `opinions` (N, K) float32 of two judges, the same one twice where `own` is 0; `labels` and `true` (N,)."""

    opinions: tuple[NDArray[np.float32], NDArray[np.float32]]
    labels: NDArray[np.int64]
    true: NDArray[np.int64]


def make_up(cell: Cell) -> MadeUp:
    """Labels and judges of a cell; the same for the same cell."""
    generator = np.random.default_rng(cell.seed)
    num, size = cell.num_samples, cell.num_classes
    shares = generator.permutation(cell.imbalance ** (-np.arange(size) / max(1, size - 1)))
    clear = generator.choice(size, size=num, p=shares / shares.sum())
    rows = np.arange(num)
    strength = generator.gamma(3, 1 / 3, size=num) if cell.hard else generator.exponential(1, size=num)
    shared, first, second = (generator.normal(size=(num, size)).astype(np.float32) for _ in range(3))
    place = generator.random(num)

    def logits(scale: float, of_judge: NDArray[np.float32]) -> NDArray[np.float32]:
        values = 1.5 * (np.sqrt(1 - cell.own) * shared + np.sqrt(cell.own) * of_judge)
        values[rows, clear] += np.float32(scale) * strength
        return values

    def truth(scale: float) -> tuple[NDArray[np.int64], float]:
        probs = _softmax(logits(scale, first))
        true = _drawn(probs, place) if cell.own == 0 else clear
        return true, float((probs.argmax(axis=1) == true).mean())

    low, high = 0.0, 400.0
    for _ in range(14):
        middle = (low + high) / 2 if high < 3 else np.sqrt((low + 0.3) * (high + 0.3)) - 0.3
        low, high = (middle, high) if truth(middle)[1] < cell.accuracy else (low, middle)
    true, scale = truth(high)[0], high
    transition = transition_of(cell.noise, cell.rate, size, generator)
    looks = None
    if cell.noise in ("ambiguous", "mixed"):
        doubt = generator.normal(size=(num, size)).astype(np.float32) if cell.own else first
        softness = _softness(logits(scale, doubt), true, cell.rate)
        looks = _softmax(softness * logits(scale, doubt))
        labels = np.where(generator.random(num) < LOOKS, _drawn(looks, generator.random(num)), true)
        if cell.noise == "mixed":
            flipped = generator.random(num) < cell.rate / 3
            labels[flipped] = (true[flipped] + generator.integers(1, size, flipped.sum())) % size
            labels[(generator.random(num) < cell.rate) & (true == 1)] = 0
    else:
        labels = _drawn(transition[true], generator.random(num)) if cell.rate else true.copy()
    opinions = []
    for of_judge in (first, second):
        probs = _softmax(logits(scale, of_judge))
        if cell.rate and cell.learnt:
            taught = probs @ transition if looks is None else (1 - LOOKS) * probs + LOOKS * _softmax(softness * logits(scale, of_judge))
            probs = (1 - cell.learnt) * probs + cell.learnt * taught
        if cell.confidence != 1:
            probs = _softmax(cell.confidence * np.log(np.maximum(probs, 1e-30)))
        opinions.append(((1 - cell.smoothing) * probs + cell.smoothing / size).astype(np.float32))
    return MadeUp((opinions[0], opinions[1]), labels.astype(np.int64), true.astype(np.int64))


def transition_of(noise: str, rate: float, size: int, generator: np.random.Generator) -> NDArray[np.float64]:
    """(K, K), row = true class, column = given label; the identity for noise that depends on the picture."""
    matrix = np.eye(size)
    classes = np.arange(size)
    if noise == "uniform":
        matrix = (1 - rate) * matrix + rate / (size - 1) * (1 - matrix)
    elif noise in ("pairs", "every other class", "one class"):
        noisy = classes if noise == "pairs" else classes[::2] if noise == "every other class" else classes[1:2]
        matrix[noisy, noisy] -= rate
        matrix[noisy, (noisy + 1) % size if noise != "one class" else 0] += rate
    elif noise == "class-dependent":
        for k in classes:
            share = min(0.6, rate * generator.gamma(2, 0.5))
            matrix[k, classes != k] = share * generator.dirichlet(np.full(size - 1, 0.5))
            matrix[k, k] = 1 - share
    return matrix


def _softness(logits: NDArray[np.float32], true: NDArray[np.int64], rate: float) -> float:
    """The power of people's doubt with which `rate` of the labels come out wrong."""
    low, high = 0.005, 8.0
    for _ in range(16):
        middle = float(np.sqrt(low * high))
        wrong = LOOKS * (1 - _softmax(middle * logits)[np.arange(len(true)), true]).mean()
        low, high = (middle, high) if wrong > rate else (low, middle)
    return middle


def _softmax(logits: NDArray) -> NDArray:
    probs = np.exp(logits - logits.max(axis=1, keepdims=True))
    return probs / probs.sum(axis=1, keepdims=True)


def _drawn(probs: NDArray, places: NDArray[np.float64]) -> NDArray[np.int64]:
    """(N,) a class of each row of (N, K), at a place in [0, 1) of its cumulative distribution."""
    return (probs.cumsum(axis=1) < places[:, None]).sum(axis=1).clip(max=probs.shape[1] - 1)
