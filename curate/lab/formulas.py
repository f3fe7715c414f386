"""The arithmetic of the textbooks, as numbers, as lines of text, and for one call of a layer's function.

Source: Dumoulin & Visin, A guide to convolution arithmetic for deep learning, arXiv:1603.07285.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from curate.lab.receptive_field import windows

Padding = int | tuple[int, int]
"""Pixels on each side, or (before, after)."""


def output_size(size: int, kernel: int, *, stride: int = 1, padding: Padding = 0, dilation: int = 1, ceil: bool = False) -> int:
    """How many places a window of `kernel` taps has along a side of `size` pixels; below 1 where it does not fit.

    Args:
        ceil: windows that begin inside the image and end beyond the padding count too (`ceil_mode` of torch's pooling).
    """
    before, after = _both(padding)
    room = size + before + after - dilation * (kernel - 1) - 1
    if not ceil:
        return room // stride + 1
    places = -(-room // stride) + 1
    return places - 1 if (places - 1) * stride >= size + before else places


def size_formula(size: int, kernel: int, *, stride: int = 1, padding: Padding = 0, dilation: int = 1, ceil: bool = False) -> str:
    """`(227 + 2·0 − 11)/4 + 1 = 55`; with ⌊ ⌋ or ⌈ ⌉ where the division leaves a rest."""
    before, after = _both(padding)
    border = f"2·{before}" if before == after else f"{before} + {after}"
    taken = f"{kernel}" if dilation == 1 else f"{dilation}·({kernel} − 1) − 1"
    division = f"({size:,} + {border} − {taken})/{stride}"
    if (size + before + after - dilation * (kernel - 1) - 1) % stride:
        division = f"⌈{division}⌉" if ceil else f"⌊{division}⌋"
    places = output_size(size, kernel, stride=stride, padding=padding, dilation=dilation, ceil=ceil)
    return f"{division} + 1 = {places:,}"


def sides_formula(formulas: Sequence[str]) -> str:
    """The formulas of height and width in one line: once where they are the same."""
    return formulas[0] if len(set(formulas)) == 1 else "; ".join(formulas)


def shape_text(shape: Sequence[int]) -> str:
    """`96×55×55`."""
    return "×".join(str(side) for side in shape)


def convolution_parameters(kernel: tuple[int, int], in_channels: int, out_channels: int, *, groups: int, bias: bool) -> tuple[int, str]:
    """The number and `11·11·3·96 + 96 = 34,944`."""
    total = kernel[0] * kernel[1] * (in_channels // groups) * out_channels + (out_channels if bias else 0)
    each = f"{in_channels:,}" if groups == 1 else f"({in_channels:,}/{groups:,})"
    return total, f"{kernel[0]}·{kernel[1]}·{each}·{out_channels:,}{f' + {out_channels:,}' if bias else ''} = {total:,}"


def convolution_multiply_adds(
    kernel: tuple[int, int], in_channels: int, out_channels: int, sides: tuple[int, int], *, groups: int
) -> tuple[int, str]:
    """The number and `11·11·3·96·55·55 = 105,415,200`: every weight once at every place."""
    total = kernel[0] * kernel[1] * (in_channels // groups) * out_channels * sides[0] * sides[1]
    each = f"{in_channels:,}" if groups == 1 else f"({in_channels:,}/{groups:,})"
    return total, f"{kernel[0]}·{kernel[1]}·{each}·{out_channels:,}·{sides[0]}·{sides[1]} = {total:,}"


def linear_parameters(in_features: int, out_features: int, *, bias: bool) -> tuple[int, str]:
    """The number and `9,216·4,096 + 4,096 = 37,752,832`."""
    total = in_features * out_features + (out_features if bias else 0)
    return total, f"{in_features:,}·{out_features:,}{f' + {out_features:,}' if bias else ''} = {total:,}"


def linear_multiply_adds(in_features: int, out_features: int, times: int) -> tuple[int, str]:
    """The number and `9,216·4,096 = 37,748,736`; with a factor where the layer is applied at several places."""
    total = in_features * out_features * times
    return total, f"{in_features:,}·{out_features:,}{f'·{times:,}' if times > 1 else ''} = {total:,}"


def _both(padding: Padding) -> tuple[int, int]:
    return (padding, padding) if isinstance(padding, int) else padding


Count = tuple[int, str]
"""A number, and the formula that ends with it."""


@dataclass(frozen=True)
class Worked:
    """Formulas of one call; '' or None where the textbooks have none.

    Attributes:
        size: of the sides of its output.
        parameters: how many it has.
        multiply_adds: how many it computes for one image.
    """

    size: str = ""
    parameters: Count | None = None
    multiply_adds: Count | None = None


def work_out(name: str, options: Mapping[str, Any], in_shape: Sequence[int], out_shape: Sequence[int]) -> Worked | None:
    """The formulas of a call of the torch function `name`; None where there are none.

    Args:
        options: its arguments by name.
        in_shape, out_shape: of its first input and its output, with the batch.
    """
    if name == "conv2d":
        weight, groups, bias = options["weight"].shape, options.get("groups", 1), options.get("bias") is not None
        kernel, in_channels, out_channels = (int(weight[2]), int(weight[3])), int(weight[1]) * groups, int(weight[0])
        return Worked(
            _sizes(options, in_shape),
            convolution_parameters(kernel, in_channels, out_channels, groups=groups, bias=bias),
            convolution_multiply_adds(kernel, in_channels, out_channels, (out_shape[-2], out_shape[-1]), groups=groups),
        )
    if name in ("max_pool2d", "avg_pool2d"):
        return Worked(_sizes(options, in_shape))
    if name == "linear":
        out_features, in_features = (int(side) for side in options["weight"].shape)
        return Worked(
            parameters=linear_parameters(in_features, out_features, bias=options.get("bias") is not None),
            multiply_adds=linear_multiply_adds(in_features, out_features, math.prod(out_shape[1:-1])),
        )
    if name in ("batch_norm", "layer_norm", "group_norm") and options.get("weight") is not None:
        each = options["weight"].numel()
        return Worked(parameters=(2 * each, f"2·{each:,} = {2 * each:,}") if options.get("bias") is not None else None)
    if name in ("flatten", "view", "reshape") and len(in_shape) > 2 and len(out_shape) == 2:
        return Worked("·".join(f"{side:,}" for side in in_shape[1:]) + f" = {out_shape[-1]:,}")
    return None


def _sizes(options: Mapping[str, Any], in_shape: Sequence[int]) -> str:
    return sides_formula(
        [
            size_formula(size, w.kernel, stride=w.stride, padding=(w.before, w.after), dilation=w.dilation, ceil=w.ceil)
            for size, w in zip(in_shape[-2:], windows(options), strict=True)
        ]
    )
