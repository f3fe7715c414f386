"""Known label noise: flips that are planted to measure how many of them an audit finds."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from curate.errors import DataError, UnknownNameError, UsageError

Kind = Literal["symmetric", "class-dependent"]

_PAIRS = {
    "mnist": [(2, 7), (3, 8), (5, 6), (6, 5), (7, 1)],
    "cifar10": [(9, 1), (2, 0), (4, 7), (3, 5), (5, 3)],  # truck, bird, deer, cat, dog -> automobile, airplane, horse, dog, cat
}


def plant_flips(
    labels: NDArray[np.int64],
    num_classes: int,
    *,
    rate: float,
    kind: Kind,
    seed: int,
    transition: NDArray[np.float64] | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """The labels with exactly round(rate * labelled) of them flipped, and which ones.

    Args:
        labels: (N,), values in 0..K-1, -1 = unlabelled; those stay.
        num_classes: K, 2 or more.
        rate: share of the labelled samples to flip, in [0, 1].
        kind: `symmetric` draws the new label uniformly from the other K-1 classes; `class-dependent` draws it from
            `transition`.
        seed: of the generator that chooses samples and new labels.
        transition: (K, K), row c = probabilities of the new label of a sample of class c that is flipped, diagonal 0; a row of
            zeros means that the class is never flipped. By default class c becomes c + 1, the last one 0 (pair flips).

    Returns:
        Noisy labels (N,) int64, and is_flipped (N,) bool; a flipped label always differs from the given one.

    Raises:
        UsageError: rate, kind, K or transition are out of range, or the classes that may flip have too few samples.
        DataError: a label is outside -1..K-1.

    Source: pair flips as in Han et al. 2018, arXiv:1804.06872; class-dependent noise as in Patrini et al. 2017,
    arXiv:1609.03683, but `rate` is the share of all samples, not that of the classes that flip.
    """
    if not 0 <= rate <= 1:
        raise UsageError(f"the rate of flips must be in [0, 1], found {rate}")
    if num_classes < 2:
        raise UsageError(f"flips need 2 or more classes, found {num_classes}")
    if len(labels) and (labels.min() < -1 or labels.max() >= num_classes):
        raise DataError(f"labels must be in -1..{num_classes - 1}, found {labels.min()}..{labels.max()}")
    matrix = _matrix(kind, num_classes, transition)
    may_flip = np.flatnonzero((labels >= 0) & (matrix.sum(axis=1) > 0)[labels])
    num_flips = round(rate * int((labels >= 0).sum()))
    if num_flips > len(may_flip):
        raise UsageError(
            f"a rate of {rate} asks for {num_flips} flips but only {len(may_flip)} samples are of a class that flips; lower the rate"
        )
    generator = np.random.default_rng(seed)
    chosen = np.sort(generator.choice(may_flip, num_flips, replace=False))
    cumulative = matrix.cumsum(axis=1)[labels[chosen]]  # (num_flips, K)
    draws = generator.random(num_flips) * cumulative[:, -1]
    noisy = labels.astype(np.int64, copy=True)
    noisy[chosen] = (cumulative <= draws[:, None]).sum(axis=1)
    is_flipped = np.zeros(len(labels), dtype=bool)
    is_flipped[chosen] = True
    return noisy, is_flipped


def similar_classes(name: str) -> NDArray[np.float64]:
    """The transition matrix (K, K) of the well-known look-alikes of a dataset, for `plant_flips`.

    MNIST: 2 to 7, 3 to 8, 5 and 6 to each other, 7 to 1. CIFAR-10: truck to automobile, bird to airplane, deer to horse, cat and
    dog to each other. The other classes never flip.

    Raises:
        UnknownNameError: no pairs are known for a dataset of that name.

    Source: Patrini et al. 2017, arXiv:1609.03683, section 5.
    """
    if name not in _PAIRS:
        raise UnknownNameError.of("set of similar classes", name, _PAIRS)
    matrix = np.zeros((10, 10))
    for given, flipped in _PAIRS[name]:
        matrix[given, flipped] = 1
    return matrix


def _matrix(kind: str, num_classes: int, transition: NDArray[np.float64] | None) -> NDArray[np.float64]:
    """(K, K), rows that sum to 1, or to 0 where a class never flips."""
    if kind not in ("symmetric", "class-dependent"):
        raise UnknownNameError.of("kind of noise", kind, ("symmetric", "class-dependent"))
    if kind == "symmetric":
        if transition is not None:
            raise UsageError("symmetric noise takes no transition matrix; ask for class-dependent noise")
        return (1 - np.eye(num_classes)) / (num_classes - 1)
    if transition is None:
        return np.roll(np.eye(num_classes), 1, axis=1)
    if transition.shape != (num_classes, num_classes):
        raise UsageError(f"the transition matrix must be {(num_classes, num_classes)}, found {transition.shape}")
    sums = transition.sum(axis=1)
    if (transition < 0).any() or np.diag(transition).any() or not np.all(np.isclose(sums, 1) | (sums == 0)):
        raise UsageError("rows of the transition matrix must be probabilities that sum to 1 (or all 0), with 0 on the diagonal")
    return transition
