"""Class imbalance: whether the rarest class is too rare."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RARE_SHARE = 0.1


@dataclass(frozen=True)
class Imbalance:
    """Outcome of `check_imbalance`: names and counts of the rarest and the most frequent class.

    `is_imbalance_issue`: the rarest class has under a tenth of an equal share of the labelled samples.
    """

    rarest_class: str
    rarest_count: int
    most_frequent_class: str
    most_frequent_count: int
    is_imbalance_issue: bool


def check_imbalance(labels: NDArray[np.int64], class_names: Sequence[str]) -> Imbalance:
    """The rarest class and whether that is an issue, by the rule of cleanlab's Datalab.

    Args:
        labels: (N,) in -1..K-1; unlabelled samples are left out.
        class_names: K names. A class without samples counts as rarest; the first of equals is named.
    """
    counts = np.bincount(labels[labels >= 0], minlength=len(class_names))
    rarest, most = int(counts.argmin()), int(counts.argmax())
    return Imbalance(
        rarest_class=str(class_names[rarest]),
        rarest_count=int(counts[rarest]),
        most_frequent_class=str(class_names[most]),
        most_frequent_count=int(counts[most]),
        is_imbalance_issue=bool(counts[rarest] < RARE_SHARE * counts.sum() / len(class_names)),
    )
