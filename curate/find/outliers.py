"""Outliers: samples that lie far from everything else."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FENCE = 1.5  # interquartile ranges above the upper quartile of log d: beyond it lies 1 of 300 normal values


@dataclass(frozen=True)
class Outliers:
    """What the distances to the nearest neighbours say about each sample.

    Attributes:
        outlier_score: (N,) float32 in [0, 1]; low = far from its neighbours, 0.37 = as far as is usual, 1 = equal to them.
        is_outlier_issue: (N,) bool.
    """

    outlier_score: NDArray[np.float32]
    is_outlier_issue: NDArray[np.bool_]


def find_outliers(similarities: NDArray[np.floating]) -> Outliers:
    """Scores and flags by the mean cosine distance d to the nearest neighbours.

    The score is cleanlab's, exp(-d / median d). Flagged is what lies beyond Tukey's fence of log d: distances in an embedding are
    skewed, so that the fence on d itself, Datalab's, flags 2 % of MNIST, mostly fine digits in an unusual hand; this one 0.2 %.

    Args:
        similarities: (N, k) cosine similarities to the k nearest neighbours.

    Source: Kuan & Mueller 2022, arXiv:2207.03061 (the score).
    """
    from cleanlab.internal.outlier import transform_distances_to_scores

    distance = np.maximum(1 - similarities.astype(np.float64), np.finfo(np.float32).eps).mean(axis=1)  # (N,)
    score = transform_distances_to_scores(distance, t=1, scaling_factor=float(np.median(distance)))
    lower, upper = np.percentile(np.log(distance), [25, 75])
    return Outliers(score.astype(np.float32), np.log(distance) > upper + FENCE * (upper - lower))


def unknown_outliers(num_samples: int) -> Outliers:
    """What is said where there are no embeddings: no scores, no flags."""
    return Outliers(np.full(num_samples, np.nan, dtype=np.float32), np.zeros(num_samples, dtype=bool))
