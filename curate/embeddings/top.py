"""The largest of each row of similarities."""

import torch
from torch import Tensor

GROUP = 32  # columns that share one maximum


def top(similarities: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The `k` largest of each row, and their columns.

    They lie in the k groups of neighbouring columns with the largest maxima, so one pass over the row and two short sorts do,
    where sorting the row itself takes several times as long.

    Args:
        similarities: (B, M); fastest where M is a multiple of `GROUP`.
        k: at most M.
    """
    rows, columns = similarities.shape
    if columns % GROUP:
        similarities = torch.nn.functional.pad(similarities, (0, -columns % GROUP), value=-torch.inf)
    groups = similarities.view(rows, -1, GROUP)
    if groups.shape[1] <= k:
        return similarities.topk(k, dim=1)
    best = groups.amax(dim=2).topk(k, dim=1, sorted=False).indices  # (B, k) groups
    candidates = groups.gather(1, best[:, :, None].expand(-1, -1, GROUP)).flatten(1)  # (B, k * GROUP)
    values, place = candidates.topk(k, dim=1)
    found = best.gather(1, place // GROUP) * GROUP + place % GROUP
    return values, found
