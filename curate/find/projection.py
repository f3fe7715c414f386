"""A 2-D map of the embeddings, on which similar images lie together."""

import contextlib
import warnings
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from curate.find.neighbors import EXACT_UP_TO, CellIndex, nearest_neighbors
from curate.row_blocks import row_blocks

FEWEST_FOR_UMAP = 50  # below this a neighbour graph says nothing that PCA does not
NUM_NEIGHBORS = 10
NUM_FITTED = 50_000  # samples of a large set that the map is fitted on
NUM_ANCHORS = 3  # fitted samples that another one is placed by
NUM_EPOCHS = 100  # keeps 2.1 of 10 neighbours on the MNIST map, 200 epochs 2.3 in twice the time


def project(
    embeddings: NDArray[np.floating], neighbors: tuple[NDArray[np.int64], NDArray[np.float32]] | None = None, *, seed: int = 0
) -> NDArray[np.float32]:
    """A map (N, 2) by UMAP on the cosine neighbour graph, or by PCA under 50 samples.

    Of more than `EXACT_UP_TO` samples the map is fitted on `NUM_FITTED`, drawn at random; each of the others is placed among the fitted
    samples that it is most similar to. UMAP itself would take ten times the memory, and more than ten times the time for ten times the
    samples.

    Args:
        embeddings: (N, D), finite; may be a memory map.
        neighbors: indices (N, k) and similarities (N, k) from `find_neighbors`; found here if not given.
        seed: the same seed gives the same map on the same machine and versions, for which umap must stay in one thread.

    Source: McInnes, Healy & Melville 2018, arXiv:1802.03426.
    """
    if len(embeddings) > EXACT_UP_TO:
        return _project_large(embeddings, seed)
    if len(embeddings) < FEWEST_FOR_UMAP:
        return _pca(embeddings)
    indices, similarities = neighbors if neighbors is not None else nearest_neighbors(embeddings, k=NUM_NEIGHBORS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # umap and numba warn about what is meant here: one job, no search index
        return (
            load_umap()
            .UMAP(
                n_neighbors=indices.shape[1] + 1,
                metric="cosine",
                init="pca",
                n_epochs=NUM_EPOCHS,
                random_state=seed,
                n_jobs=1,
                precomputed_knn=_with_self(indices, similarities),
                force_approximation_algorithm=True,  # else small sets ignore the neighbours that are given
            )
            .fit_transform(np.asarray(embeddings, dtype=np.float32))
        )


def load_umap() -> ModuleType:
    """The package umap, whose compiled functions are kept on disk: umap itself has numba compile most of them anew in each process.

    They lie where numba puts such files: beside umap, or in the user's cache folder where that cannot be written.
    """
    import umap
    from numba.core.dispatcher import Dispatcher
    from umap import layouts, umap_

    for function in (*vars(layouts).values(), *vars(umap_).values()):
        if isinstance(function, Dispatcher):
            with contextlib.suppress(RuntimeError):  # no folder can be written: it is compiled each time
                function.enable_caching()
    return umap


def _project_large(embeddings: NDArray[np.floating], seed: int) -> NDArray[np.float32]:
    """The map (N, 2) of a sample, and all others at the mean of the places of their nearest in it, weighted by 1 / distance."""
    fitted = np.sort(np.random.default_rng(seed).permutation(len(embeddings))[:NUM_FITTED])
    anchors = np.array(embeddings[fitted], dtype=np.float32)
    places = project(anchors, seed=seed)
    index = CellIndex(anchors, seed=seed)
    points = np.empty((len(embeddings), 2), dtype=np.float32)
    for start, block in row_blocks(embeddings, block_bytes=4 << 20):
        nearest, similarities = index.search(block, NUM_ANCHORS)
        weights = 1 / np.maximum(1 - similarities, 1e-6)[:, :, None]  # (B, k, 1)
        points[start : start + len(block)] = (places[nearest] * weights).sum(axis=1) / weights.sum(axis=1)
    points[fitted] = places
    return points


def _with_self(indices: NDArray[np.int64], similarities: NDArray[np.float32]) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Neighbour indices and distances (N, k + 1) as umap wants them: each sample is its own first neighbour."""
    own = np.arange(len(indices), dtype=np.int32)[:, None]
    distances = np.maximum(1 - similarities, 0)
    return np.hstack([own, indices.astype(np.int32)]), np.hstack([np.zeros_like(distances[:, :1]), distances])


def _pca(embeddings: NDArray[np.floating]) -> NDArray[np.float32]:
    """The first two principal components (N, 2); zeros where there are fewer."""
    centred = np.asarray(embeddings, dtype=np.float64) - np.mean(embeddings, axis=0)
    left, scale, _ = np.linalg.svd(centred, full_matrices=False)
    found = np.zeros((len(embeddings), 2), dtype=np.float32)
    width = min(2, len(scale))
    found[:, :width] = left[:, :width] * scale[:width]
    return found
