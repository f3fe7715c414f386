"""Figures of a classifier on samples that it did not see, each with its 95 % interval.

An interval says what other samples of the same kind would give; that other nets would differ too is not in it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from curate.errors import DataError
from curate.intervals import Estimate, Z, bootstrap, wilson

SMALLEST_PROBABILITY = float(np.finfo(np.float32).eps)
"""What probabilities count as at least, so that one of 0 does not make the log loss infinite; scikit-learn does the same."""


@dataclass(frozen=True)
class Quality:
    """How well `num_samples` labelled samples are classified.

    Attributes:
        accuracy: share whose most probable class is the label; Wilson's interval.
        macro_f1: mean over the classes of the harmonic mean of precision and recall; bootstrap interval.
        log_loss: mean of -log p(label), 0 = sure and right; bootstrap interval.
    """

    num_samples: int
    accuracy: Estimate
    macro_f1: Estimate
    log_loss: Estimate


@dataclass(frozen=True)
class ClassQuality:
    """Of one class: `precision`, the share of right ones among those taken for it; `recall`, the share of its samples that was found."""

    class_name: str
    num_samples: int
    num_predicted: int
    precision: Estimate
    recall: Estimate


def quality(labels: NDArray[np.int64], pred_probs: NDArray[np.floating], *, seed: int = 0) -> Quality:
    """Accuracy, macro F1 and log loss.

    Args:
        labels: (N,) in -1..K-1; unlabelled samples are left out.
        pred_probs: (N, K), out-of-fold, rows sum to 1.
        seed: of the bootstrap.

    Raises:
        DataError: their lengths differ, a label is no class, or no sample is labelled.
    """
    given, probs = labelled(labels, pred_probs)
    num, num_classes = len(given), probs.shape[1]
    predicted = probs.argmax(axis=1)
    cells = given * num_classes + predicted
    losses = -np.log(np.maximum(probs[np.arange(num), given], SMALLEST_PROBABILITY, dtype=np.float64))

    def f1(positions: NDArray[np.int64]) -> float:
        return macro_f1(np.bincount(cells[positions], minlength=num_classes**2).reshape(num_classes, num_classes))

    return Quality(
        num_samples=num,
        accuracy=wilson(int((predicted == given).sum()), num),
        macro_f1=bootstrap(f1, num, bounds=(0, 1), seed=seed),
        log_loss=bootstrap(lambda positions: losses[positions].mean(), num, seed=seed),
    )


def confusion_matrix(labels: NDArray[np.int64], pred_probs: NDArray[np.floating]) -> NDArray[np.int64]:
    """(K, K): how many labelled samples of each given label (row) were taken for each class (column).

    Raises:
        DataError: as `quality`.
    """
    given, probs = labelled(labels, pred_probs)
    num_classes = probs.shape[1]
    return np.bincount(given * num_classes + probs.argmax(axis=1), minlength=num_classes**2).reshape(num_classes, num_classes)


def macro_f1(matrix: NDArray[np.int64]) -> float:
    """The mean F1 of the classes that occur in the confusion matrix (K, K), be it as a label or as a prediction."""
    both = matrix.sum(axis=0) + matrix.sum(axis=1)
    present = both > 0
    return float((2 * np.diag(matrix)[present] / both[present]).mean())


def class_qualities(matrix: NDArray[np.int64], class_names: Sequence[str]) -> list[ClassQuality]:
    """Precision and recall of each class, with Wilson's intervals.

    Args:
        matrix: (K, K) from `confusion_matrix`.
        class_names: K names.
    """
    right, given, predicted = np.diag(matrix).tolist(), matrix.sum(axis=1).tolist(), matrix.sum(axis=0).tolist()
    return [
        ClassQuality(name, given[k], predicted[k], precision=wilson(right[k], predicted[k]), recall=wilson(right[k], given[k]))
        for k, name in enumerate(class_names)
    ]


def accuracy_difference(is_right: ArrayLike, other_is_right: ArrayLike) -> Estimate:
    """The accuracy of another classifier less that of the first, on the same samples.

    Args:
        is_right, other_is_right: (N,) bool.

    Raises:
        DataError: the lengths differ, or there are no samples.

    Source of the interval, for pairs: Agresti & Min 2005, doi:10.1002/sim.1781.
    """
    first, second = np.asarray(is_right, dtype=bool), np.asarray(other_is_right, dtype=bool)
    num = len(first)
    if num == 0 or first.shape != second.shape:
        raise DataError(f"accuracies are compared on the same samples; found {first.shape} and {second.shape}")
    lost, won = int((first & ~second).sum()) + 0.5, int((second & ~first).sum()) + 0.5
    middle = (won - lost) / (num + 2)
    margin = Z * np.sqrt(won + lost - (won - lost) ** 2 / (num + 2)) / (num + 2)
    return Estimate((won - lost) / num, float(middle - margin), float(middle + margin))


def labelled(labels: NDArray[np.int64], pred_probs: NDArray[np.floating]) -> tuple[NDArray[np.int64], NDArray[np.floating]]:
    """Labels and probabilities of the labelled samples.

    Raises:
        DataError: their lengths differ, a label is no class, or no sample is labelled.
    """
    if pred_probs.ndim != 2 or labels.shape != pred_probs.shape[:1]:
        raise DataError(f"expected a row of probabilities for each label, found {pred_probs.shape} and {labels.shape}")
    chosen = labels >= 0
    if not chosen.any():
        raise DataError("none of the samples has a label, so there is nothing to measure against")
    if labels.max() >= pred_probs.shape[1]:
        raise DataError(f"label {labels.max()} is outside 0..{pred_probs.shape[1] - 1}, the classes of the probabilities")
    return labels[chosen], pred_probs[chosen]
