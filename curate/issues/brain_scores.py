"""Uniqueness, hardness and mistakenness by the formulas of FiftyOne Brain, to hold beside ours."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from curate.row_blocks import row_blocks

WEIGHTS = (0.6, 0.3, 0.1)  # of three near neighbours
SMALL = 15_000
"""Up to here FiftyOne takes cosine distances to the second to fourth neighbour; above, distances of unit vectors to the first three."""


@dataclass(frozen=True)
class BrainScores:
    """Scores of N samples as FiftyOne Brain has them; unlike ours, high = remarkable.

    Attributes:
        uniqueness: (N,) float32 in [0, 1], 1 = the sample that is farthest from its neighbours.
        hardness: (N,) float32 in [0, log K], the entropy of the prediction.
        mistakenness: (N,) float32 in [0, 1], 1 = a sure prediction of another class than the given label; NaN where unlabelled.
    """

    uniqueness: NDArray[np.float32]
    hardness: NDArray[np.float32]
    mistakenness: NDArray[np.float32]


def brain_scores(labels: NDArray[np.int64], pred_probs: NDArray[np.floating], similarities: NDArray[np.floating]) -> BrainScores:
    """What `compute_uniqueness`, `compute_hardness` and `compute_mistakenness` (by logits) give, for all samples at once.

    FiftyOne computes the last two sample by sample, and wants logits in the database; their softmax is `pred_probs`.

    Args:
        labels: (N,) in -1..K-1.
        pred_probs: (N, K) out-of-fold, rows sum to 1; may be a memory map.
        similarities: (N, k), k >= 4, cosine similarities to the nearest neighbours among centred embeddings, most similar first.

    Source: fiftyone-brain 0.25 (Apache-2.0).
    """
    hardness, predicted = np.empty(len(labels)), np.empty(len(labels), dtype=np.int64)
    for start, block in row_blocks(pred_probs):
        probs = block.astype(np.float64)
        hardness[start : start + len(block)] = -np.sum(probs * np.log(np.where(probs > 0, probs, 1)), axis=1)
        predicted[start : start + len(block)] = block.argmax(axis=1)
    sign = np.where(predicted == labels, -1.0, 1.0)
    mistakenness = np.where(labels >= 0, (sign * np.exp(-hardness) + 1) / 2, np.nan)
    uniqueness = np.ones(len(labels))  # FiftyOne's answer for three samples and fewer
    if len(labels) > len(WEIGHTS):
        cosine = np.maximum(1 - similarities.astype(np.float64), 0)
        near = cosine[:, 1:4] if len(labels) <= SMALL else np.sqrt(2 * cosine[:, :3])
        distance = near @ np.array(WEIGHTS[: near.shape[1]])
        uniqueness = distance / max(distance.max(), np.finfo(np.float64).tiny)
    return BrainScores(uniqueness.astype(np.float32), hardness.astype(np.float32), mistakenness.astype(np.float32))
