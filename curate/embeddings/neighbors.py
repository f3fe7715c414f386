"""Nearest neighbours by cosine similarity: exact, and for large sets approximate."""

import numpy as np
import torch
from numpy.typing import NDArray

from curate.embeddings.approximate import approximate_neighbors
from curate.embeddings.top import GROUP, top
from curate.errors import DataError
from curate.progress import Progress, silent

ROWS = 512  # a block of similarities stays near the processor's caches


EXACT_UP_TO = 100_000
"""Samples up to which neighbours are exact: the time of that grows with the square of their number."""


def find_neighbors(
    embeddings: NDArray[np.floating], *, k: int = 10, progress: Progress = silent
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """What `nearest_neighbors` returns; of more than `EXACT_UP_TO` samples what `approximate_neighbors` finds of it, in linear time.

    Args:
        embeddings: (N, D), finite; may be a memory map.
        k: neighbours per sample; N - 1 where there are no more.
        progress: called with stage `neighbors`, in samples.

    Raises:
        DataError: as `nearest_neighbors`.
    """
    if len(embeddings) > EXACT_UP_TO:
        return approximate_neighbors(embeddings, k=k, progress=progress)
    return nearest_neighbors(embeddings, k=k, progress=progress)


def nearest_neighbors(
    embeddings: NDArray[np.floating], *, k: int = 10, device: str = "cpu", progress: Progress = silent
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The `k` most similar other samples of each sample.

    Args:
        embeddings: (N, D), finite. An all-zero row has similarity 0 to everything.
        k: neighbours per sample; N - 1 where there are no more.
        device: where torch computes, `cpu` or `cuda`.
        progress: called with stage `neighbors`, in samples.

    Returns:
        Indices (N, k) int64, most similar first, never the sample itself; similarities (N, k) float32 in [-1, 1].

    Raises:
        DataError: `embeddings` is not (N, D) with N >= 2, or not finite; names the first such row.
    """
    if embeddings.ndim != 2 or len(embeddings) < 2:
        raise DataError(f"embeddings must be (N, D) with at least 2 samples, found shape {embeddings.shape}")
    finite = np.isfinite(embeddings).all(axis=1)
    if not finite.all():
        raise DataError(f"row {int((~finite).argmax())} of embeddings is not finite; did the training diverge?")
    num_samples = len(embeddings)
    k = min(k, num_samples - 1)
    unit = torch.nn.functional.normalize(torch.from_numpy(np.array(embeddings, dtype=np.float32)).to(device), dim=1)
    columns = -(-num_samples // GROUP) * GROUP
    padded = torch.nn.functional.pad(unit, (0, 0, 0, columns - num_samples)).T.contiguous()  # (D, columns)
    indices = np.empty((num_samples, k), dtype=np.int64)
    similarities = np.empty((num_samples, k), dtype=np.float32)
    block = torch.empty((ROWS, columns), device=device)
    for start in range(0, num_samples, ROWS):
        stop = min(start + ROWS, num_samples)
        block_similarities = torch.mm(unit[start:stop], padded, out=block[: stop - start])  # (B, columns)
        block_similarities[:, num_samples:] = -torch.inf
        block_similarities[torch.arange(stop - start), torch.arange(start, stop)] = -torch.inf
        values, found = top(block_similarities, k)
        indices[start:stop] = found.cpu().numpy()
        similarities[start:stop] = values.clamp(-1, 1).cpu().numpy()
        progress("neighbors", stop, num_samples)
    return indices, similarities
