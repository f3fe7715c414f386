"""Convolution, bias, ReLU and 2x2 max pooling as one matrix product, for nets of few channels on a CPU.

LeNet-5 has 1, 6 and 16 channels, and a CPU computes 16 or 32 at a time: with one channel after the other, its pooling and ReLU
take longer than its multiplications. Here the four places of a pooling window (or the sixteen of 4x4 outputs) become rows of one
matrix, images lie side by side in its columns, and every step reads memory in long runs. The products with zeros that this adds
cost less on matrix units (AMX) than what it saves. The function is the same but for the rounding of sums.
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F


class Places:
    """Where the weights of a k x k convolution go in the matrix of `conv_relu_pool`.

    Args:
        out_channels, in_channels, kernel: of the convolution's weight (O, C, k, k).
        side: the input's pixels come divided into side x side phases: phase (y, x) has every pixel whose coordinates leave those
            remainders. 2 or 4; so many outputs, side x side, are computed from each block.
    """

    def __init__(self, out_channels: int, in_channels: int, kernel: int, side: int) -> None:
        self.side = side
        self.num_blocks = (kernel + side - 1 + side - 1) // side  # blocks of side x side pixels that the outputs of one block see
        half, reach, numel = side // 2, self.num_blocks * side, out_channels * in_channels * kernel**2
        window = [(y, x) for y in range(2) for x in range(2)]  # of pooling: its four places are the four quarters of the rows
        outputs = [(2 * by + py, 2 * bx + px) for py, px in window for by in range(half) for bx in range(half)]
        weights = torch.arange(numel).view(out_channels, in_channels, kernel, kernel)
        rows = [F.pad(weights, (x, reach - kernel - x, y, reach - kernel - y), value=numel) for y, x in outputs]
        b = self.num_blocks
        blocks = torch.stack(rows).view(len(rows), out_channels, in_channels, b, side, b, side)
        self.index = blocks.permute(0, 1, 4, 6, 2, 3, 5).reshape(len(rows) * out_channels, -1)  # (side^2 * O, side^2 * C * b * b)
        self.back = self.index.flatten().argsort(stable=True)[: len(rows) * numel].view(numel, len(rows)).T.contiguous()

    def matrix(self, weight: Tensor, dtype: torch.dtype) -> Tensor:
        return torch.cat([weight.flatten(), weight.new_zeros(1)]).to(dtype)[self.index]


def to_phases(x: Tensor, side: int, padding: tuple[int, int], dtype: torch.dtype) -> Tensor:
    """Images (B, C, H, W), zero-padded, as phases (side * side * C, H / side, W / side, B) of `dtype`."""
    batch, channels, height, width = x.shape
    columns = x.contiguous().to(dtype).view(batch, -1).T.contiguous().view(channels, height, width, batch)
    columns = F.pad(columns, (0, 0, padding[1], padding[1], padding[0], padding[0]))
    height, width = columns.shape[1:3]
    blocks = columns.view(channels, height // side, side, width // side, side, batch)
    return blocks.permute(2, 4, 0, 1, 3, 5).reshape(side * side * channels, height // side, width // side, batch)


def conv_relu_pool(phases: Tensor, weight: Tensor, bias: Tensor | None, places: Places) -> Tensor:
    """`max_pool2d(relu(conv2d(x)), 2)` of an x that comes in phases.

    Args:
        phases: (side^2 * C, h, w, B) as `to_phases` gives them, or as this function with the double side does.
        weight, bias: (O, C, k, k) and (O,).
        places: of that weight.

    Returns:
        (side^2 / 4 * O, h - b + 1, w - b + 1, B), b being `places.num_blocks`: the maps (O, ..., B) where side is 2, else their phases.
    """
    return _ConvReluPool.apply(phases, weight, bias, places)


class _ConvReluPool(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, phases: Tensor, weight: Tensor, bias: Tensor, places: Places) -> Tensor:  # type: ignore[override]
        b, batch = places.num_blocks, phases.shape[3]
        height, width = phases.shape[1] - b + 1, phases.shape[2] - b + 1
        windows = phases.unfold(1, b, 1).unfold(2, b, 1)  # (S, h, w, B, b, b), a view
        patches = windows.permute(0, 4, 5, 1, 2, 3).reshape(-1, height * width * batch)
        matrix = places.matrix(weight, phases.dtype)
        products = (matrix @ patches).view(4, -1, patches.shape[1])  # (4, side^2 / 4 * O, h * w * B)
        largest = torch.maximum(torch.maximum(products[0], products[1]), torch.maximum(products[2], products[3]))
        repeated = bias.to(phases.dtype).repeat(len(largest) // len(bias))
        out = (largest + repeated[:, None]).clamp_min_(0)
        ctx.save_for_backward(matrix, patches, products, largest, out)
        ctx.places, ctx.shapes = places, (phases.shape, weight.shape, bias.shape)
        return out.view(-1, height, width, batch)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        matrix, patches, products, largest, out = ctx.saved_tensors
        shape, weight_shape, bias_shape = ctx.shapes
        left = torch.ops.aten.threshold_backward(grad.reshape(out.shape), out, 0)
        grad_bias = left.sum(1).float().view(-1, *bias_shape).sum(0)
        given, is_largest = torch.empty_like(products), torch.empty_like(largest)
        for place in range(3):  # of equal values the first has the gradient, as in max_pool2d; what is left goes to the fourth
            torch.eq(products[place], largest, out=is_largest)
            torch.mul(left, is_largest, out=given[place])
            torch.sub(left, given[place], out=left if place < 2 else given[3])
        given = given.view(len(matrix), -1)
        grad_matrix = (given @ patches.T).float().flatten()
        grad_weight = grad_matrix[ctx.places.back].sum(0).view(weight_shape)
        if not ctx.needs_input_grad[0]:
            return None, grad_weight, grad_bias, None
        b = ctx.places.num_blocks
        grad_phases = given.new_zeros(shape)
        height, width = shape[1] - b + 1, shape[2] - b + 1
        parts = (matrix.T @ given).view(shape[0], b, b, height, width, shape[3])
        for y in range(b):
            for x in range(b):
                grad_phases[:, y : y + height, x : x + width] += parts[:, y, x]
        return grad_phases, grad_weight, grad_bias, None
