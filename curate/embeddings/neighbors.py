"""Exact nearest neighbours by cosine similarity."""

import numpy as np
import torch
from numpy.typing import NDArray

from curate.errors import DataError
from curate.progress import Progress, silent

ROWS = 512  # a block of similarities stays near the processor's caches
GROUP = 32  # columns that share one maximum


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
    unit = torch.nn.functional.normalize(torch.from_numpy(np.ascontiguousarray(embeddings, dtype=np.float32)).to(device), dim=1)
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
        values, found = _top(block_similarities, k)
        indices[start:stop] = found.cpu().numpy()
        similarities[start:stop] = values.clamp(-1, 1).cpu().numpy()
        progress("neighbors", stop, num_samples)
    return indices, similarities


def _top(similarities: torch.Tensor, k: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The `k` largest of each row, and their columns.

    They lie in the k groups of neighbouring columns with the largest maxima, so one pass over the row and two short sorts do,
    where sorting the row itself takes several times as long.
    """
    rows, columns = similarities.shape
    groups = similarities.view(rows, columns // GROUP, GROUP)
    if groups.shape[1] <= k:
        return similarities.topk(k, dim=1)
    best = groups.amax(dim=2).topk(k, dim=1, sorted=False).indices  # (B, k) groups
    candidates = groups.gather(1, best[:, :, None].expand(-1, -1, GROUP)).flatten(1)  # (B, k * GROUP)
    values, place = candidates.topk(k, dim=1)
    found = best.gather(1, place // GROUP) * GROUP + place % GROUP
    return values, found
