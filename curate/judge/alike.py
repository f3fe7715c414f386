"""Which pictures are alike: nearest neighbours by features, near duplicates that must share a fold, and the neighbours' opinion."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from curate.nearest import nearest_neighbors

NUM_NEIGHBORS = 20
CLOSE = 0.25
"""Near duplicates are closer than this part of the usual distance to the nearest neighbour …"""
LOCAL = 0.35
"""… and than this part of the distance to their own tenth neighbours, so that a dense class is not taken for one group."""
LARGEST_GROUP = 50
"""A larger set of near duplicates is no burst of one subject: a plain background, a scanner's blank page."""


@dataclass(frozen=True)
class Neighbors:
    """The nearest neighbours of N samples by the cosine of their features.

    Attributes:
        indices: (N, k) int64, the nearest first, without the sample itself.
        similarities: (N, k) float32.
    """

    indices: NDArray[np.int64]
    similarities: NDArray[np.float32]


def nearest(space: NDArray[np.float32], *, num_neighbors: int = NUM_NEIGHBORS, dimensions: int = 256) -> Neighbors:
    """The nearest neighbours, exactly.

    Args:
        space: (N, q), the strongest axes first; so many of them count.
        dimensions: axes that are compared.
    """
    return Neighbors(*nearest_neighbors(space[:, :dimensions], k=num_neighbors))


def near_duplicate_groups(neighbors: Neighbors, same: NDArray[np.int64] | None = None) -> NDArray[np.int64]:
    """(N,) int64: equal for pictures that are the same or nearly so; every other sample is a group of its own.

    Args:
        same: (N,), further groups, such as exact duplicates or those that the user named; negative = in none. They always stay together.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    n = len(neighbors.indices)
    first, second = np.empty(0, np.int64), np.empty(0, np.int64)
    if neighbors.indices.shape[1]:
        distances = np.maximum(1 - neighbors.similarities.astype(np.float64), 0)
        usual = float(np.median(distances[:, 0]))
        local = LOCAL * distances[:, min(9, distances.shape[1] - 1)]
        bound = np.minimum(CLOSE * usual, np.minimum(local[:, None], local[neighbors.indices]))
        first, column = np.nonzero((distances < bound) | (distances < 1e-6))
        second = neighbors.indices[first, column]
        component = _components(n, first, second, coo_array, connected_components)
        sizes = np.bincount(component)
        small = sizes[component[first]] <= LARGEST_GROUP
        first, second = first[small], second[small]
    if same is not None:
        members = np.flatnonzero(same >= 0)
        order = members[np.argsort(same[members], kind="stable")]
        together = same[order[1:]] == same[order[:-1]]
        first, second = np.concatenate([first, order[:-1][together]]), np.concatenate([second, order[1:][together]])
    return _components(n, first, second, coo_array, connected_components)


def neighbors_opinion(
    neighbors: Neighbors, labels: NDArray[np.int64], groups: NDArray[np.int64], *, num_classes: int, learnt: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """(N, K) float32: the share of each class among the nearest neighbours outside the sample's own group, the nearer the heavier.

    Classes are smoothed by their frequency, so that no class is ever impossible. A neighbour counts by the square of its similarity above
    that of the farthest, and more where its class is rare.
    """
    usable = learnt[neighbors.indices] & (groups[neighbors.indices] != groups[:, None])
    return class_shares(neighbors, labels, usable, num_classes=num_classes, learnt=learnt)


def class_shares(
    neighbors: Neighbors, labels: NDArray[np.int64], usable: NDArray[np.bool_], *, num_classes: int, learnt: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """(M, K) float32, rows sum to 1: the share of each class among the usable neighbours of M samples, see `neighbors_opinion`.

    Args:
        neighbors: of the M samples, by their positions among the N.
        labels: (N,).
        usable: (M, k) which neighbours count.
        learnt: (N,) samples whose classes tell how frequent each is.
    """
    n, k = neighbors.indices.shape
    prior = np.bincount(labels[learnt], minlength=num_classes) + 0.5
    prior = prior / prior.sum()
    counts = np.tile(prior.astype(np.float32), (n, 1))  # as one neighbour
    if not k:
        return counts
    given = labels[neighbors.indices]  # (M, k)
    gap = neighbors.similarities - neighbors.similarities[:, -1:]
    heavy = (0.1 + np.square(gap / np.maximum(gap[:, :1], 1e-6))) * usable
    rare = (prior * num_classes) ** -0.5
    np.add.at(counts, (np.repeat(np.arange(n), k), np.maximum(given, 0).ravel()), (heavy * rare[np.maximum(given, 0)]).ravel())
    return counts / counts.sum(axis=1, keepdims=True)


def _components(n, first, second, coo_array, connected_components) -> NDArray[np.int64]:  # type: ignore[no-untyped-def]
    graph = coo_array((np.ones(len(first), np.int8), (first, second)), shape=(n, n))
    return connected_components(graph, directed=False)[1].astype(np.int64)
