"""Exact nearest neighbours by cosine similarity: every pair of samples is compared once, and no row of similarities is sorted."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from curate.errors import DataError
from curate.progress import Progress, silent

GROUP = 32
"""Samples that share one maximum."""
BLOCK = 1024
"""Samples of a block, a multiple of GROUP: a tile of BLOCK x BLOCK similarities (4 MiB) stays in the cache of a core while it is read."""


def nearest_neighbors(
    embeddings: NDArray[np.floating], *, k: int = 10, device: str = "cpu", progress: Progress = silent
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The `k` most similar other samples of each sample.

    Similarities are computed tile by tile for one half of all pairs. Of a tile only maxima are kept, of `GROUP` samples each: by row for
    one side of the pairs, by column for the other. The k neighbours of a sample lie in the k groups with the largest maxima, whose
    similarities are computed again at the end, group by group. At most N * N / 32 bytes are held, 146 MiB for 70,000 samples. On a CPU
    each thread works on tiles of its own, so that none waits for another where other programs run, too.

    Args:
        embeddings: (N, D), finite. An all-zero row has similarity 0 to everything.
        k: neighbours per sample; N - 1 where there are no more.
        device: where torch computes, `cpu` or `cuda`.
        progress: called with stage `neighbors`, in samples.

    Returns:
        Indices (N, k) int64, most similar first, never the sample itself; similarities (N, k) float32 in [-1, 1]. Exact but for the
        rounding of float32.

    Raises:
        DataError: `embeddings` is not (N, D) with N >= 2, or not finite; names the first such row.
    """
    if embeddings.ndim != 2 or len(embeddings) < 2:
        raise DataError(f"embeddings must be (N, D) with at least 2 samples, found shape {embeddings.shape}")
    num_samples = len(embeddings)
    k = min(k, num_samples - 1)
    rows = torch.from_numpy(unit(embeddings))
    block = min(BLOCK, -(-num_samples // GROUP) * GROUP)
    rows = torch.nn.functional.pad(rows, (0, 0, 0, -num_samples % block)).to(device)
    best = _best_groups(rows, num_samples, k, block, progress)
    return _within(rows, best, num_samples, k, block)


def unit(vectors: NDArray[np.floating], start: int = 0) -> NDArray[np.float32]:
    """Rows of (M, D) at length 1, float32; rows of zeros stay.

    Raises:
        DataError: a row is not finite; counted from `start`.
    """
    rows = np.array(vectors, dtype=np.float32)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    finite = np.isfinite(lengths[:, 0])
    if not finite.all():
        raise DataError(f"row {start + int((~finite).argmax())} of embeddings is not finite; did the training diverge?")
    return np.divide(rows, lengths, out=rows, where=lengths > 0)


def _best_groups(rows: Tensor, num_samples: int, k: int, block: int, progress: Progress) -> Tensor:
    """(padded N, k or fewer) int64: the groups with the largest maxima of each sample, in no order.

    Group g of a block holds the samples g, g + block / GROUP, … of it: so maxima by row and by column are both taken across whole rows.
    """
    blocks = rows.split(block)
    per_block = block // GROUP
    by_column: list[list[Tensor]] = [[] for _ in blocks]  # of each block, (per_block, block) maxima over each block before it
    best = torch.empty((len(rows), min(k, len(rows) // GROUP)), dtype=torch.int64, device=rows.device)
    last = num_samples - (len(blocks) - 1) * block  # samples of the last block; the rest of it is padding
    own = threading.local()

    def maxima_of(first: int, second: int) -> tuple[Tensor, Tensor]:
        """Of one tile: (block, per_block) by row, and (per_block, block) by column."""
        if not hasattr(own, "tile"):
            own.tile = torch.empty((block, block), device=rows.device)
        tile = torch.mm(blocks[first], blocks[second].T, out=own.tile)
        if second == len(blocks) - 1:
            tile[:, last:] = -torch.inf
        if second == first:
            tile.fill_diagonal_(-torch.inf)
        return tile.view(block, GROUP, per_block).amax(dim=1), tile.view(GROUP, per_block, block).amax(dim=0)

    with _Workers(rows.device) as workers:
        for first in range(len(blocks)):
            pieces = [piece.T for piece in by_column[first]]
            by_column[first] = []
            for second, (rowwise, columnwise) in enumerate(workers.map(partial(maxima_of, first), range(first, len(blocks))), first):
                pieces.append(rowwise)
                if second > first:
                    by_column[second].append(columnwise)
            found = workers.map(lambda part: part.topk(best.shape[1], dim=1, sorted=False).indices, torch.cat(pieces, dim=1).chunk(8))
            best[first * block : (first + 1) * block] = torch.cat(list(found))
            done = 1 - (1 - (first + 1) / len(blocks)) ** 2  # later blocks have fewer tiles
            progress("neighbors", min(int(done * num_samples), num_samples - 1), num_samples)
    progress("neighbors", num_samples, num_samples)
    return best


Item = TypeVar("Item")
Result = TypeVar("Result")


class _Workers:
    """Context with as many threads as torch has on a CPU, each of which computes by itself; on a GPU there is one."""

    def __init__(self, device: torch.device) -> None:
        self.num_threads = torch.get_num_threads()
        self.pool = ThreadPoolExecutor(
            self.num_threads if device.type == "cpu" else 1, initializer=lambda: torch.set_num_threads(1) if device.type == "cpu" else None
        )

    def map(self, function: Callable[[Item], Result], items: Sequence[Item]) -> "list[Result]":
        return list(self.pool.map(function, items))

    def __enter__(self) -> "_Workers":
        return self

    def __exit__(self, *_: object) -> None:
        self.pool.shutdown()
        torch.set_num_threads(self.num_threads)  # the matrix library's own count is one for all threads


def _within(rows: Tensor, best: Tensor, num_samples: int, k: int, block: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The k nearest (N, k) among the members of the best groups of each sample, and their similarities."""
    per_block, num_best = block // GROUP, best.shape[1]
    members = torch.arange(len(rows), device=rows.device).view(-1, GROUP, per_block).transpose(1, 2).reshape(-1, GROUP)  # (groups, GROUP)
    wanted = best[:num_samples].flatten()
    order = wanted.argsort(stable=True)  # pairs of a sample and a group, group by group: each group is one product of matrices
    stops = [0, *torch.bincount(wanted, minlength=len(members)).cumsum(0).tolist()]
    found = torch.empty((len(wanted), GROUP), device=rows.device)

    def compare(groups: range) -> None:
        for group in groups:
            pairs = order[stops[group] : stops[group + 1]]
            found[pairs] = rows[pairs // num_best] @ rows[members[group]].T

    def select(samples: range) -> tuple[Tensor, Tensor]:
        part = slice(samples.start, samples.stop)
        similarities = found[num_best * samples.start : num_best * samples.stop].view(len(samples), -1)  # (B, num_best * GROUP)
        candidates = members[best[part]].flatten(1)
        own = torch.arange(samples.start, samples.stop, device=rows.device)[:, None]
        similarities[(candidates == own) | (candidates >= num_samples)] = -torch.inf
        values, place = similarities.topk(k, dim=1)
        return candidates.gather(1, place), values.clamp(-1, 1)

    with _Workers(rows.device) as workers:
        workers.map(compare, _parts(len(members), BLOCK // GROUP))
        indices, similarities = zip(*workers.map(select, _parts(num_samples, BLOCK)), strict=True)
    return torch.cat(indices).cpu().numpy(), torch.cat(similarities).cpu().numpy()


def _parts(total: int, size: int) -> list[range]:
    return [range(start, min(start + size, total)) for start in range(0, total, size)]
