"""Convolution of a batch as one matrix product: how libraries made it fast, and what a layer's weights are as a matrix.

Source: Chellapilla, Puri & Simard, High Performance Convolutional Neural Networks for Document Processing, 2006.
"""

from torch import Tensor

from curate.errors import DataError
from curate.lab.convolution import check_fit, pad


def im2col(x: Tensor, kernel: tuple[int, int], *, stride: int = 1, dilation: int = 1) -> Tensor:
    """Every patch that the kernel covers, as a column: (B, C, H, W) -> (B, C·h·w, L) for L places of a kernel (h, w).

    Rows are ordered by channel, then row, then column of the kernel; columns by row, then column of the result.

    Raises:
        DataError: x is no batch of images, or the kernel is larger than they are.
        UsageError: stride or dilation is below 1.
    """
    if x.ndim != 4:
        raise DataError(f"expected images (B, C, H, W), found {tuple(x.shape)}")
    check_fit((int(x.shape[2]), int(x.shape[3])), kernel, dilation=dilation, stride=stride)
    height, width = (dilation * (taps - 1) + 1 for taps in kernel)
    patches = x.unfold(2, height, stride).unfold(3, width, stride)  # (B, C, h', w', height, width), no copy
    patches = patches[..., ::dilation, ::dilation]  # (B, C, h', w', h, w)
    return patches.permute(0, 1, 4, 5, 2, 3).reshape(len(x), x.shape[1] * kernel[0] * kernel[1], -1)


def convolve_unrolled(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    *,
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
    groups: int = 1,
    padding_mode: str = "zeros",
) -> Tensor:
    """What `torch.nn.Conv2d` computes, as one matrix product for each group.

    Args:
        x: (B, C, H, W).
        weight: (O, C / groups, h, w), as a Conv2d has it.
        bias: (O,).
        padding: pixels on each side.
        padding_mode: zeros, reflect, replicate or circular.

    Returns:
        (B, O, h', w').

    Raises:
        DataError: the shapes do not fit together.
        UsageError: stride or dilation is below 1.
    """
    if x.ndim != 4 or weight.ndim != 4 or x.shape[1] != weight.shape[1] * groups or len(weight) % groups:
        raise DataError(f"images {tuple(x.shape)} do not fit weights {tuple(weight.shape)} in {groups} groups")
    height, width = int(weight.shape[2]), int(weight.shape[3])
    padded = pad(x, (padding, padding, padding, padding), padding_mode)
    columns = im2col(padded, (height, width), stride=stride, dilation=dilation)  # (B, C·h·w, L)
    columns = columns.unflatten(1, (groups, -1))  # (B, G, C/G·h·w, L)
    matrix = weight.reshape(groups, len(weight) // groups, -1)  # (G, O/G, C/G·h·w)
    result = (matrix @ columns).flatten(1, 2)  # (B, O, L)
    if bias is not None:
        result = result + bias[:, None]
    rows = (padded.shape[2] - dilation * (height - 1) - 1) // stride + 1
    return result.unflatten(2, (rows, -1))
