"""Pooling: each window of a map as one number; and the picture of it."""

from typing import TYPE_CHECKING

import torch
from numpy.typing import NDArray
from torch import Tensor

from curate.errors import DataError, UnknownNameError, UsageError
from curate.lab.convolution import image_tensor
from curate.lab.figure import GREY, new_figure, styled
from curate.lab.figure_images import show_image
from curate.lab.formulas import sides_formula, size_formula

if TYPE_CHECKING:
    from matplotlib.figure import Figure

KINDS = ("max", "mean", "sum")


def pool(image: Tensor | NDArray, kind: str = "max", *, size: int = 2, stride: int | None = None) -> Tensor:
    """The maximum, mean or sum of every window of `size` x `size` pixels, each channel by itself.

    Args:
        image: (H, W) or (C, H, W).
        kind: `max`, `mean` or `sum`.
        stride: pixels from window to window; by default they lie side by side.

    Returns:
        (h', w') or (C, h', w'), float64.

    Raises:
        UnknownNameError: no pooling of that kind.
        UsageError: size or stride is below 1.
        DataError: the image has another shape, or is smaller than a window.
    """
    x = image_tensor(image)
    _check_kind(kind)
    step = size if stride is None else stride
    if size < 1 or step < 1:
        raise UsageError(f"pooling needs a window and a stride of 1 pixel or more, found {size} and {step}")
    if size > min(x.shape[-2:]):
        raise DataError(f"a window of {size}x{size} is larger than the image of {x.shape[-2]}x{x.shape[-1]}; take a smaller size")
    return _reduce(x.unfold(-2, size, step).unfold(-2, size, step).flatten(-2), kind)


def global_pool(image: Tensor | NDArray, kind: str = "mean") -> Tensor:
    """The maximum, mean or sum of the whole of each channel: a number, or (C,) for an image (C, H, W).

    Raises:
        UnknownNameError, DataError: as `pool`.
    """
    x = image_tensor(image)
    _check_kind(kind)
    return _reduce(x.flatten(-2), kind)


def _check_kind(kind: str) -> None:
    if kind not in KINDS:
        raise UnknownNameError.of("pooling", kind, KINDS)


def _reduce(x: Tensor, kind: str) -> Tensor:
    """`x` without its last dimension."""
    return x.amax(-1) if kind == "max" else x.mean(-1) if kind == "mean" else x.sum(-1)


@styled
def pooling_figure(image: Tensor | NDArray, *, size: int = 2, stride: int | None = None) -> "Figure":
    """The image beside its pooling by maximum, by mean and by sum; shapes and global values in the titles.

    Args:
        image: (H, W) or (C, H, W) with 1 or 3 channels, uint8 or floats in 0..1.
    """
    pixels = torch.as_tensor(image)
    x = image_tensor(image) / (255.0 if pixels.dtype == torch.uint8 else 1.0)
    step = size if stride is None else stride
    figure, axes = new_figure(
        1,
        4,
        width=10,
        height=1.4 + 2.3 * min(max(x.shape[-2] / x.shape[-1], 0.3), 1.6),
        title=f"Pooling, windows of {size} × {size}, stride {step}",
    )
    show_image(axes[0, 0], x, f"image\n{_by(x)}", vmin=0, vmax=1)
    for place, kind in zip(axes[0, 1:], KINDS, strict=True):
        pooled = pool(x, kind, size=size, stride=step)
        drawn = pooled / (size * size if kind == "sum" else 1)
        note = f"\ndrawn divided by {size * size}" if kind == "sum" else ""
        total = global_pool(x, kind)
        values = ", ".join(f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}" for value in total.flatten().tolist())
        show_image(place, drawn, f"{kind}\n{_by(pooled)}", vmin=0, vmax=1)
        place.set_xlabel(f"global {kind}: {values}{note}", fontsize=8)
    formula = sides_formula([size_formula(int(side), size, stride=step) for side in x.shape[-2:]])
    figure.supxlabel(f"{formula};   values for pixels from 0 to 1", fontsize=9, color=GREY)
    return figure


def _by(x: Tensor) -> str:
    return " × ".join(str(side) for side in x.shape)
