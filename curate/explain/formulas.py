"""The arithmetic of the textbooks, as numbers and as lines of text with the numbers put in.

Source: Dumoulin & Visin, A guide to convolution arithmetic for deep learning, arXiv:1603.07285.
"""

from collections.abc import Sequence

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
