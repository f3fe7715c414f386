"""Pooling: each window of a map as one number; and the picture of it."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from curate.errors import DataError, UnknownNameError, UsageError
from curate.lab.convolution import Pixels, image_array, is_readable, like, plain_array
from curate.lab.figure import GREY, new_figure, styled
from curate.lab.figure_images import frame, show_image, show_numbers
from curate.lab.formulas import sides_formula, size_formula

if TYPE_CHECKING:
    from matplotlib.figure import Figure

REDUCE: dict[str, Any] = {"max": np.max, "mean": np.mean, "sum": np.sum}
KINDS = tuple(REDUCE)


def pool(image: "Pixels", kind: str = "max", *, size: int = 2, stride: int | None = None) -> Any:
    """The maximum, mean or sum of every window of `size` x `size` pixels, each channel by itself.

    Args:
        image: (H, W) or (C, H, W).
        kind: `max`, `mean` or `sum`.
        stride: pixels from window to window; by default they lie side by side.

    Returns:
        (h', w') or (C, h', w'), float64; a tensor where the image is one.

    Raises:
        UnknownNameError: no pooling of that kind.
        UsageError: size or stride is below 1.
        DataError: the image has another shape, or is smaller than a window.
    """
    x = image_array(image)
    _check_kind(kind)
    step = size if stride is None else stride
    if size < 1 or step < 1:
        raise UsageError(f"pooling needs a window and a stride of 1 pixel or more, found {size} and {step}")
    if size > min(x.shape[-2:]):
        raise DataError(f"a window of {size}x{size} is larger than the image of {x.shape[-2]}x{x.shape[-1]}; take a smaller size")
    windows = np.lib.stride_tricks.sliding_window_view(x, (size, size), axis=(-2, -1))[..., ::step, ::step, :, :]
    return like(image, REDUCE[kind](windows, axis=(-2, -1)))


def global_pool(image: "Pixels", kind: str = "mean") -> Any:
    """The maximum, mean or sum of the whole of each channel: a number, or (C,) for an image (C, H, W).

    Raises:
        UnknownNameError, DataError: as `pool`.
    """
    x = image_array(image)
    _check_kind(kind)
    return like(image, np.asarray(REDUCE[kind](x, axis=(-2, -1))))


def _check_kind(kind: str) -> None:
    if kind not in KINDS:
        raise UnknownNameError.of("pooling", kind, KINDS)


MOST_CHARACTERS = 24
"""Of global values in the line of their name."""


@styled
def pooling_figure(image: "Pixels", *, size: int = 2, stride: int | None = None) -> "Figure":
    """The image beside its pooling by maximum, by mean and by sum; shapes and global values in the titles.

    Args:
        image: (H, W) or (C, H, W) with 1 or 3 channels, uint8 or floats in 0..1.
    """
    pixels = plain_array(image)
    step = size if stride is None else stride
    formula = sides_formula([size_formula(int(side), size, stride=step) for side in pixels.shape[-2:]])
    title = f"Pooling, windows of {size} × {size}, stride {step}"
    if is_readable(pixels):
        figure = _numbers_figure(pixels.reshape(pixels.shape[-2:]), size, step, title)
        figure.supxlabel(formula, fontsize=9, color=GREY)
        return figure
    top = 255.0 if pixels.dtype == np.uint8 else 1.0
    x = image_array(image)
    height = 1.4 + 2.3 * min(max(x.shape[-2] / x.shape[-1], 0.3), 1.6)
    figure, axes = new_figure(1, 4, width=10, height=height, title=title)
    show_image(axes[0, 0], x / top, f"image\n{_by(x)}", vmin=0, vmax=1)
    for place, kind in zip(axes[0, 1:], KINDS, strict=True):
        pooled = pool(x, kind, size=size, stride=step)
        drawn = pooled / top / (size * size if kind == "sum" else 1)
        note = f"\ndrawn divided by {size * size}: as the mean" if kind == "sum" else ""
        values = ", ".join(_short(value) for value in np.atleast_1d(global_pool(x, kind)).tolist())
        show_image(place, drawn, f"{kind}\n{_by(pooled)}", vmin=0, vmax=1)
        gap = "\n" if len(values) > MOST_CHARACTERS else " "
        place.set_xlabel(f"global {kind}:{gap}{values}{note}", fontsize=8)
    figure.supxlabel(f"{formula};   values for pixels from 0 to {top:g}", fontsize=9, color=GREY)
    return figure


def _numbers_figure(matrix: NDArray, size: int, step: int, title: str) -> "Figure":
    """The image and its three poolings as numbers; the first window is framed, and what comes of it."""
    pooled = {kind: pool(matrix, kind, size=size, stride=step) for kind in KINDS}
    cell = min(0.62, 4.2 / max(matrix.shape))
    ratios = [cell * max(side.shape[1], 1.8) + 0.25 for side in (matrix, *pooled.values())]
    height = cell * len(matrix) + 1.85
    figure, axes = new_figure(1, 4, width=max(8.5, sum(ratios) + 1.4), height=height, width_ratios=ratios, title=title)
    show_numbers(axes[0, 0], matrix, f"image\n{_by(matrix)}")
    frame(axes[0, 0], (size, size))
    axes[0, 0].set_xlabel("orange: the first window", color=GREY)
    for place, (kind, result) in zip(axes[0, 1:], pooled.items(), strict=True):
        show_numbers(place, result, f"{kind}\n{_by(result)}")
        frame(place, (1, 1))
        place.set_xlabel(f"global {kind}: {_short(float(global_pool(matrix, kind)))}", fontsize=8, color=GREY)
    return figure


def _short(value: float) -> str:
    """`22,577`, `0.1132`, `15`."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def _by(x: NDArray) -> str:
    return " × ".join(str(side) for side in x.shape)
