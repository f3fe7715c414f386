"""Which images excite the channels of a layer most, and where in them."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from curate.errors import DataError, UsageError
from curate.lab.layers import feature_maps


@dataclass(frozen=True)
class Excitation:
    """The strongest answers of M channels of a layer, each from another image, strongest first.

    Attributes:
        layer: its name.
        values: (M, num) float32.
        indices: (M, num) int64, positions of the images in the order in which they were shown.
        places: (M, num, 2) int64, row and column in the maps.
    """

    layer: str
    values: NDArray[np.float32]
    indices: NDArray[np.int64]
    places: NDArray[np.int64]


def check_channels(layer: str, channels: Iterable[int], num_channels: int) -> None:
    """Raises a UsageError where `layer` has no channel of that number."""
    for channel in channels:
        if not 0 <= channel < num_channels:
            raise UsageError(f"layer '{layer}' has channels 0 to {num_channels - 1}, found {channel}")


def most_exciting(net: nn.Module, batches: Iterable[Tensor], layer: str, *, num: int = 9) -> Excitation:
    """The `num` images that excite each channel of `layer` most; an image counts with its strongest place.

    Only the best of each channel are kept from batch to batch, so that memory does not grow with the number of images.

    Args:
        batches: (B, C, H, W) float each, normalised, on the device of the net.
        num: images per channel; fewer where there are fewer.

    Raises:
        UnknownNameError, DataError: as `feature_maps`; or there are no images.
    """
    kept: list[Tensor] = []  # values, indices, places: (M, up to num)
    seen = 0
    for x in batches:
        maps = feature_maps(net, x, layer).float()  # (B, M, h, w)
        values, places = maps.flatten(2).max(dim=2)  # (B, M)
        indices = torch.arange(seen, seen + len(x), device=x.device)[:, None].expand_as(values)
        new = [values.T, indices.T, places.T]
        pool = [torch.cat(pair, dim=1) for pair in zip(kept, new, strict=True)] if kept else new
        best = pool[0].topk(min(num, pool[0].shape[1]), dim=1).indices
        kept = [part.gather(1, best) for part in pool]
        seen, width = seen + len(x), maps.shape[3]
    if not seen:
        raise DataError("there are no images to search for the ones that excite a channel")
    best_values, best_indices, best_places = (part.cpu().numpy() for part in kept)
    return Excitation(layer, best_values, best_indices, np.stack(np.divmod(best_places, width), axis=2))
