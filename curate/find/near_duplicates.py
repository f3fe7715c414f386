"""Near duplicates: sets of samples that are the same picture, or nearly so, and sets that leak from one split into another."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

THRESHOLD = 0.13  # of the median distance to the nearest neighbour; the value of cleanlab's Datalab
LOCAL_THRESHOLD = 0.4  # of the distance to the last neighbour, on both sides
EQUAL = 1e-6  # distances that float32 cannot tell from 0


@dataclass(frozen=True)
class NearDuplicates:
    """Near duplicates of N samples.

    Attributes:
        duplicate_score: (N,) float32 in [0, 1]; 0 = an exact duplicate exists, 0.63 = as far from the nearest as is usual.
        duplicate_set: (N,) int64, counted from 0 in dataset order; shared by near duplicates, -1 = none.
        is_duplicate_issue: (N,) bool, `duplicate_set` is not -1.
    """

    duplicate_score: NDArray[np.float32]
    duplicate_set: NDArray[np.int64]
    is_duplicate_issue: NDArray[np.bool_]


def find_near_duplicates(
    neighbor_indices: NDArray[np.int64], similarities: NDArray[np.floating], *, groups: NDArray[np.int64] | None = None
) -> NearDuplicates:
    """Sets of samples whose cosine distance is tiny for this dataset, and for their part of it.

    The first threshold alone (Datalab's) joins whole classes where an embedding is dense, such as the upright ones of MNIST: 6 % of the
    samples, 1,700 of them in one set. The second asks that two samples are much closer to each other than to their other neighbours.

    Args:
        neighbor_indices: (N, k) from `nearest_neighbors`.
        similarities: (N, k), most similar first.
        groups: (N,), equal where two samples are exact duplicates, negative = none; exact duplicates always share a set.

    Source: the first threshold and the score are those of cleanlab's Datalab (near_duplicate).
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    num_samples = len(neighbor_indices)
    distances = np.maximum(1 - similarities.astype(np.float64), 0)
    nearest = distances[:, 0]
    typical = max(float(np.median(nearest)), float(np.finfo(np.float32).eps))
    local = LOCAL_THRESHOLD * distances[:, -1]
    close = distances < np.minimum(THRESHOLD * typical, np.minimum(local[:, None], local[neighbor_indices]))
    rows, columns = np.nonzero(close | (distances < EQUAL))
    first, second = rows, neighbor_indices[rows, columns]
    score = 1 - np.exp(-nearest / typical)
    if groups is not None:
        _, ids, counts = np.unique(groups, return_inverse=True, return_counts=True)
        members = np.flatnonzero((counts[ids] > 1) & (groups >= 0))
        score[members] = 0
        order = members[np.argsort(ids[members], kind="stable")]
        same = ids[order[1:]] == ids[order[:-1]]
        first, second = np.concatenate([first, order[:-1][same]]), np.concatenate([second, order[1:][same]])
    graph = coo_array((np.ones(len(first), dtype=np.int8), (first, second)), shape=(num_samples, num_samples))
    component = connected_components(graph, directed=False)[1]
    in_set = np.bincount(component)[component] > 1
    duplicate_set = np.full(num_samples, -1, dtype=np.int64)
    duplicate_set[in_set] = _numbered(component[in_set])
    return NearDuplicates(score.astype(np.float32), duplicate_set, in_set)


def find_leaks(duplicate_set: NDArray[np.int64], splits: NDArray[np.str_]) -> NDArray[np.bool_]:
    """(N,) bool: the sample's duplicate set spans more than one split.

    Args:
        duplicate_set: (N,) from `find_near_duplicates`, -1 = none.
        splits: (N,) such as `train`.
    """
    in_set = duplicate_set >= 0
    _, split = np.unique(splits, return_inverse=True)
    num_sets = int(duplicate_set.max(initial=-1)) + 1
    lowest, highest = np.full(num_sets, len(splits)), np.full(num_sets, -1)
    np.minimum.at(lowest, duplicate_set[in_set], split[in_set])
    np.maximum.at(highest, duplicate_set[in_set], split[in_set])
    leaks = np.zeros(len(splits), dtype=bool)
    leaks[in_set] = (lowest != highest)[duplicate_set[in_set]]
    return leaks


def _numbered(values: NDArray[np.integer]) -> NDArray[np.int64]:
    """`values` replaced by 0, 1, … in the order of their first appearance."""
    _, first, inverse = np.unique(values, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[inverse]


def alone(num_samples: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Neighbours and similarities (N, 1) of samples without embeddings: each far from all, so that only exact duplicates are found."""
    return np.arange(num_samples)[:, None], np.full((num_samples, 1), -1, dtype=np.float32)
