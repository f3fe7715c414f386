"""Drawings of the tour about layers as a whole: convolution as one matrix product, and what becomes of a shift."""

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from curate.lab.figure import BLUE, DIVERGING, ORANGE, add_bar, new_figure, styled
from curate.lab.figure_images import show_image, show_matrix
from curate.lab.invariance import relative_difference
from curate.lab.layers import feature_maps
from curate.lab.tour.drawings import busiest_window
from curate.lab.unrolled import convolve_unrolled, im2col

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SMALL, KERNEL = 4, 2
"""Sides of the image and of the kernel in the example that is written out."""

BORDER = 3
"""Columns of a map that are left out on each side when it is laid on another: their units may see what came in at the border."""


@styled
def small_product_figure(image: NDArray[np.uint8]) -> "Figure":
    """A convolution of 4 x 4 pixels of the image (H, W) with a kernel of 2 x 2, written out as a matrix product.

    Pixels are rounded to 0..9, so that the numbers can be checked in the head.
    """
    top, left = busiest_window(image, SMALL)
    part = torch.from_numpy(np.round(image[top : top + SMALL, left : left + SMALL] / 255 * 9)).double()
    kernel = torch.tensor([[1.0, 2.0], [-2.0, -1.0]], dtype=torch.float64)
    columns = im2col(part[None, None], (KERNEL, KERNEL))[0]  # (4, 9)
    row = kernel.flatten()[None]  # (1, 4)
    result = row @ columns  # (1, 9)
    figure, axes = new_figure(2, 3, width=10.6, height=4.6, width_ratios=(4, 9, 3), height_ratios=(4, 2.6))
    figure.get_layout_engine().set(w_pad=0.15, h_pad=0.08)  # type: ignore[union-attr, call-arg]
    show_matrix(axes[0, 0], part, "4 × 4 pixels", cmap="gray", vmin=-3, vmax=9)
    _outline(axes[0, 0], 0, 0, KERNEL, KERNEL, BLUE)
    _outline(axes[0, 0], 2, 2, KERNEL, KERNEL, ORANGE)
    show_matrix(axes[0, 1], columns, "each place of the kernel as a column", cmap="gray", vmin=-3, vmax=9)
    _outline(axes[0, 1], 0, 0, KERNEL * KERNEL, 1, BLUE)
    _outline(axes[0, 1], 0, 8, KERNEL * KERNEL, 1, ORANGE)
    show_matrix(axes[0, 2], kernel, "the kernel")
    show_matrix(axes[1, 0], row, "the kernel as a row …")
    show_matrix(axes[1, 1], result, "… times the columns")
    _outline(axes[1, 1], 0, 0, 1, 1, BLUE)
    _outline(axes[1, 1], 0, 8, 1, 1, ORANGE)
    show_matrix(axes[1, 2], result.reshape(3, 3), "the result, folded back")
    for place in axes.flat:
        for text in place.texts:
            text.set_fontsize(9.5)
    return figure


@styled
def layer_product_figure(net: nn.Module, x: Tensor, layer: nn.Conv2d, name: str) -> tuple["Figure", float]:
    """A whole layer for one image as weights x patches = maps, and the largest difference from torch's own convolution.

    Args:
        x: (1, C, H, W), what goes into `layer`.
    """
    with torch.no_grad():
        padding = int(layer.padding[0])
        padded = nn.functional.pad(x, (padding,) * 4)
        columns = im2col(padded, (layer.kernel_size[0], layer.kernel_size[1]))[0]  # (C·h·w, L)
        unrolled = convolve_unrolled(x, layer.weight, layer.bias, padding=padding)[0]
        difference = float((unrolled - feature_maps(net, x, name)[0]).abs().max())
    weights = layer.weight.detach().flatten(1)  # (O, C·h·w)
    figure, axes = new_figure(1, 3, width=10.6, height=3.4, width_ratios=(1.1, 3, 3))
    shown = (
        (weights, f"weights\n{_by(weights)}"),
        (columns, f"× patches of the image\n{_by(columns)}"),
        (unrolled.flatten(1), f"= maps (and a bias for each)\n{_by(unrolled.flatten(1))}"),
    )
    for place, (matrix, title) in zip(axes[0], shown, strict=True):
        largest = float(matrix.abs().max()) or 1.0
        show_image(place, matrix, title, cmap=DIVERGING, vmin=-largest, vmax=largest)
        place.set_aspect("auto")
    return figure, difference


@styled
def shift_figure(net: nn.Module, image: NDArray[np.uint8], x: Tensor, layer: str, shift: int) -> tuple["Figure", float]:
    """An image and its shifted copy, a map of each, and what is left when one map is laid on the other; with the relative error.

    Args:
        image, x: (H, W), and (1, 1, H, W) as the net takes it.
        shift: to the right; what leaves comes in again on the left. The layer has a stride of 1.
    """
    still, moved = (feature_maps(net, each, layer)[0] for each in (x, x.roll(shift, -1)))
    channel = int(still.flatten(1).std(1).argmax())
    a, b = still[channel], moved[channel]
    error = torch.full_like(b, torch.nan)
    error[:, shift:] = b[:, shift:] - a[:, : a.shape[1] - shift]
    largest = float(still[channel].abs().max()) or 1.0
    figure, axes = new_figure(1, 5, width=11.2, height=3.0)
    scale: dict[str, Any] = {"cmap": DIVERGING, "vmin": -largest, "vmax": largest}
    show_image(axes[0, 0], image, "the image", vmin=0, vmax=255)
    show_image(axes[0, 1], a, f"map {channel} of {layer}", **scale)
    show_image(axes[0, 2], np.roll(image, shift, 1), f"shifted by {shift} pixels", vmin=0, vmax=255)
    show_image(axes[0, 3], b, "its map", **scale)
    drawn = show_image(axes[0, 4], error, "second map less\nthe first, shifted", **scale)
    add_bar(figure, drawn, axes[0, 4], "output")
    inner = slice(BORDER, -BORDER)
    return figure, relative_difference(b[:, shift:][:, inner].numpy(), a[:, : a.shape[1] - shift][:, inner].numpy())


def _outline(axes, top: int, left: int, height: int, width: int, colour: str) -> None:  # type: ignore[no-untyped-def]
    from matplotlib.patches import Rectangle

    axes.add_patch(Rectangle((left - 0.5, top - 0.5), width, height, fill=False, edgecolor=colour, linewidth=2.4, clip_on=False, zorder=5))


def _by(x: Tensor) -> str:
    return " × ".join(f"{side:,}" for side in x.shape)
