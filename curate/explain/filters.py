"""Learned filters of a convolution, scaled to be looked at."""

import torch
from torch import Tensor, nn

from curate.errors import DataError
from curate.explain.layers import conv_layers, find_layer


def layer_filters(net: nn.Module, layer: str) -> Tensor:
    """The weights (O, I, h, w) of the convolution `layer`, I being the input channels of one group.

    Raises:
        UnknownNameError: there is no such layer.
        DataError: it is no 2-D convolution.
    """
    module = find_layer(net, layer)
    if not isinstance(module, nn.Conv2d):
        raise DataError(f"layer '{layer}' is a {type(module).__name__}, which has no filters; convolutions: {', '.join(conv_layers(net))}")
    return module.weight.detach().float().cpu()


def normalised_filters(filters: Tensor, *, quantile: float = 1.0) -> Tensor:
    """Each filter divided by its largest absolute weight: (O, I, h, w) in [-1, 1], where 0 stays 0; a filter of zeros stays one.

    One scale per filter, because batch norm makes the size of a filter meaningless; the input channels of a filter share
    it, since their proportions mean something.

    Args:
        quantile: of the absolute weights, that becomes 1; what is larger is cut, so that a few weights do not hide the others.
    """
    largest = filters.abs().flatten(1).quantile(quantile, dim=1).view(-1, 1, 1, 1)
    return (filters / torch.where(largest > 0, largest, torch.ones_like(largest))).clamp(-1, 1)


def colour_filters(filters: Tensor) -> Tensor:
    """Filters of an RGB image as pictures: (O, 3, h, w) in [0, 1], where 0.5 (grey) is a weight of 0.

    Raises:
        DataError: they look at other than three channels.
    """
    if filters.shape[1] != 3:
        raise DataError(f"only filters of three input channels can be drawn in colour, these have {filters.shape[1]}")
    return 0.5 + 0.5 * normalised_filters(filters)


def strongest_filters(filters: Tensor, num: int) -> list[int]:
    """The `num` output channels whose filters have the largest weights in all (root of the sum of squares), in ascending order."""
    norms = filters.flatten(1).norm(dim=1)
    return sorted(norms.topk(min(num, len(filters))).indices.tolist())


def mosaic(kernels: Tensor, *, columns: int, zoom: int = 3) -> Tensor:
    """Kernels (I, h, w) side by side in one matrix, row after row, with lines of NaN between them; a weight takes zoom x zoom cells."""
    num, height, width = (len(kernels), *(zoom * side for side in kernels.shape[1:]))
    rows = -(-num // columns)
    sheet = torch.full((rows * (height + 1) - 1, columns * (width + 1) - 1), torch.nan)
    for i, kernel in enumerate(kernels):
        top, left = i // columns * (height + 1), i % columns * (width + 1)
        sheet[top : top + height, left : left + width] = kernel.repeat_interleave(zoom, 0).repeat_interleave(zoom, 1)
    return sheet
