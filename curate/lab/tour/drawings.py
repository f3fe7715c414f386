"""Drawings of the tour about one image: its numbers, kernels on it, what lies beyond its border, and how a kernel walks."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from curate.lab.convolution import PADDINGS, convolve, pad
from curate.lab.figure import BLUE, DIVERGING, FAINT, GREY, INTENSITY, ORANGE, new_figure, styled
from curate.lab.figure_images import show_image, show_matrix
from curate.lab.formulas import size_formula
from curate.lab.kernels import make_kernel

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WINDOW = 14
"""Side of the part of an image whose numbers are written out."""
SHOWN_KERNELS = {
    "identity": "the image as it is",
    "box-blur": "the mean of nine pixels",
    "gaussian-blur": "the middle counts most",
    "sharpen": "differences made larger",
    "sobel-vertical": "upright edges",
    "sobel-horizontal": "level edges",
    "laplacian-8": "every edge",
    "own": "strokes that rise to the right",
}
OWN = np.array([[-1.0, -1, 2], [-1, 2, -1], [2, -1, -1]])
"""A matrix of one's own: a line from below left to above right."""
WALKS: dict[str, dict[str, Any]] = {
    "stride 1": {},
    "stride 2": {"stride": 2},
    "dilation 2": {"dilation": 2},
    "padding 1": {"padding": 1},
}
"""How a kernel of 3 x 3 goes over an image of 7 x 7."""
AROUND = {
    "zeros": "black all around",
    "reflect": "as in a mirror",
    "replicate": "the last pixel, on and on",
    "circular": "the image again",
}
BORDER = 5
"""Pixels that are added on each side where padding is drawn."""


def busiest_window(image: NDArray, side: int) -> tuple[int, int]:
    """Row and column of the upper left corner of the `side` x `side` window of `image` (H, W) in which the pixels differ most."""
    windows = np.lib.stride_tricks.sliding_window_view(image.astype(np.float64), (side, side))
    row, column = np.unravel_index(windows.std(axis=(2, 3)).argmax(), windows.shape[:2])
    return int(row), int(column)


@styled
def numbers_figure(image: NDArray[np.uint8]) -> "Figure":
    """The image (H, W), and the numbers of a part of it."""
    side = min(WINDOW, *image.shape)
    top, left = busiest_window(image, side)
    part = image[top : top + side, left : left + side]
    figure, axes = new_figure(1, 2, width=10.6, height=5.3, width_ratios=(1, 1.08))
    show_image(axes[0, 0], image, f"the image: {image.shape[0]} × {image.shape[1]} pixels", vmin=0, vmax=255)
    _frame(axes[0, 0], left, top, side, ORANGE)
    show_image(axes[0, 1], part, "the framed part as the computer has it: 0 is black, 255 is white", vmin=0, vmax=255)
    for (row, column), value in np.ndenumerate(part):
        colour = "white" if value < 128 else "black"
        axes[0, 1].text(column, row, str(value), ha="center", va="center", fontsize=8.5, color=colour)
    for spine in axes[0, 1].spines.values():
        spine.set(edgecolor=ORANGE, linewidth=2)
    return figure


@styled
def kernels_figure(image: NDArray[np.uint8]) -> "Figure":
    """Eight kernels, and under each what it makes of the image (H, W): red above 0, white 0, blue below; grey where it is an image."""
    kernels = [OWN if name == "own" else make_kernel(name) for name in SHOWN_KERNELS]
    figure, axes = new_figure(4, 4, width=10.6, height=10.4, height_ratios=(0.66, 1, 0.66, 1))
    figure.get_layout_engine().set(h_pad=0.1)  # type: ignore[union-attr, call-arg]
    for i, (name, kernel) in enumerate(zip(SHOWN_KERNELS, kernels, strict=True)):
        above, below = axes[2 * (i // 4), i % 4], axes[2 * (i // 4) + 1, i % 4]
        show_matrix(above, kernel, "own kernel" if name == "own" else name)
        above.title.set_fontweight("bold")
        draw_response(below, image, kernel, padding="zeros")
        below.set_xlabel(SHOWN_KERNELS[name], color=GREY)
    return figure


@styled
def borders_figure(image: NDArray[np.uint8]) -> "Figure":
    """The busiest part of the image (H, W) with each kind of padding around it; the frame is where the part ends."""
    side = min(WINDOW, *image.shape)
    top, left = busiest_window(image, side)
    part = image[top : top + side, left : left + side]
    kinds = PADDINGS[1:]
    figure, axes = new_figure(1, len(kinds), width=10.6, height=3.0)
    for place, kind in zip(axes[0], kinds, strict=True):
        show_image(place, pad(part, (BORDER,) * 4, kind), kind, vmin=0, vmax=255)
        place.title.set_fontweight("bold")
        _frame(place, BORDER, BORDER, side, ORANGE)
        place.set_xlabel(AROUND[kind], color=GREY)
    return figure


@styled
def walks_figure(image: NDArray[np.uint8]) -> "Figure":
    """Above, how a kernel of 3 x 3 walks over 7 x 7 pixels; below, what comes of it for the image (H, W) with upright edges."""
    figure, axes = new_figure(2, len(WALKS), width=10.6, height=5.9)
    for column, (name, options) in enumerate(WALKS.items()):
        above, below = axes[0, column], axes[1, column]
        _draw_walk(above, 7, 3, **options)
        above.set_title(name, fontweight="bold")
        above.set_xlabel(size_formula(7, 3, **options), color=GREY)
        stride, dilation = options.get("stride", 1), options.get("dilation", 1)
        padded = {"padding": "zeros", "mode": options["padding"]} if "padding" in options else {}
        shape = draw_response(below, image, make_kernel("sobel-vertical"), stride=stride, dilation=dilation, **padded)
        below.set_xlabel(f"{image.shape[0]} × {image.shape[1]} becomes {shape[0]} × {shape[1]}", color=GREY)
    return figure


def draw_response(axes: "Axes", image: NDArray[np.uint8], kernel: NDArray, **options) -> tuple[int, int]:  # type: ignore[no-untyped-def]
    """Draws what the kernel answers to the image (H, W), without turning it, and returns the shape; options as of `convolve`."""
    result = convolve(image / 255, kernel, **options)
    if kernel.sum() > 1e-9:
        show_image(axes, result, cmap=INTENSITY, vmin=0, vmax=1)
    else:
        largest = float(np.abs(result).max()) or 1.0
        show_image(axes, result, cmap=DIVERGING, vmin=-largest, vmax=largest)
    return int(result.shape[0]), int(result.shape[1])


def _draw_walk(axes: "Axes", size: int, kernel: int, *, stride: int = 1, dilation: int = 1, padding: int = 0) -> None:
    """Pixels as squares, padding as dashed ones; what the kernel covers at its first place (blue) and at its second (orange)."""
    from matplotlib.patches import Rectangle

    for row, column in np.ndindex(size + 2 * padding, size + 2 * padding):
        inside = padding <= row < size + padding and padding <= column < size + padding
        line: dict[str, Any] = (
            {"edgecolor": GREY, "linewidth": 0.8} if inside else {"edgecolor": GREY, "linewidth": 0.6, "linestyle": (0, (2, 2))}
        )
        axes.add_patch(Rectangle((column, row), 1, 1, facecolor=FAINT if inside else "none", alpha=0.7 if inside else 1, **line))
    reach = dilation * (kernel - 1) + 1
    for place, colour in enumerate((BLUE, ORANGE)):
        left = place * stride
        for row, column in np.ndindex(kernel, kernel):
            corner = (left + dilation * column + 0.14, dilation * row + 0.14) if place else (left + dilation * column, dilation * row)
            side = 0.72 if place else 1
            axes.add_patch(Rectangle(corner, side, side, facecolor="none" if place else colour, edgecolor=colour, linewidth=1.6))
        if place == 0:
            axes.annotate("", (stride + reach / 2, -0.35), (reach / 2, -0.35), arrowprops={"arrowstyle": "->", "color": GREY})
    axes.set_xlim(padding - 1.2, size + padding + 1.2)  # room for one pixel of padding in each drawing, so that all have one scale
    axes.set_ylim(size + padding + 1.2, padding - 1.8)
    axes.set_aspect("equal")
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)


def _frame(axes: "Axes", left: int, top: int, side: int, colour: str) -> None:
    from matplotlib.patches import Rectangle

    axes.add_patch(Rectangle((left - 0.5, top - 0.5), side, side, fill=False, edgecolor=colour, linewidth=2))
