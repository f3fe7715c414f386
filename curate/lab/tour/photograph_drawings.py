"""Drawings of the tour on a photograph: its colour channels, how they lie in memory, kernels on it, and 1x1 convolutions."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from curate.lab.convolution import convolve
from curate.lab.figure import BLUE, DIVERGING, GREEN, GREY, VERMILION, new_figure, styled
from curate.lab.figure_images import show_image
from curate.lab.kernels import make_kernel

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = (("red", VERMILION), ("green", GREEN), ("blue", BLUE))
SHRUNK = 4
"""Every so many pixels of a photograph are drawn, so that the page stays small."""
MIXES = {
    "brightness": (0.299, 0.587, 0.114),
    "warm against cold": (1.0, 0.0, -1.0),
    "green against the rest": (-0.5, 1.0, -0.5),
    "one channel alone": (0.0, 0.0, 1.0),
}
"""Weights of red, green and blue: what a 1x1 convolution with one filter learns, three numbers."""
ON_PHOTOGRAPH = ("box-blur", "sharpen", "sobel-vertical", "laplacian-8")


def small_photograph(photo: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(3, H, W), means of SHRUNK x SHRUNK pixels."""
    channels, height, width = photo.shape
    whole = photo[:, : height // SHRUNK * SHRUNK, : width // SHRUNK * SHRUNK]
    blocks = whole.reshape(channels, height // SHRUNK, SHRUNK, width // SHRUNK, SHRUNK)
    return blocks.mean(axis=(2, 4)).round().astype(np.uint8)


@styled
def channels_figure(photo: NDArray[np.uint8]) -> "Figure":
    """A photograph (3, H, W) and its three channels, bright where there is much of the colour."""
    figure, axes = new_figure(1, 4, width=10.6, height=2.5)
    show_image(axes[0, 0], photo, f"the photograph\n{' × '.join(map(str, photo.shape))}")
    for place, channel, (name, colour) in zip(axes[0, 1:], photo, COLOURS, strict=True):
        show_image(place, channel, f"how much {name}\n{channel.shape[0]} × {channel.shape[1]}", vmin=0, vmax=255)
        for spine in place.spines.values():
            spine.set(edgecolor=colour, linewidth=2)
    return figure


@styled
def layouts_figure(photo: NDArray[np.uint8]) -> "Figure":
    """The numbers of 2 x 2 pixels in the order in which they lie in memory, channel-first and channel-last."""
    from matplotlib.patches import Rectangle

    middle = photo.shape[1] // 2, photo.shape[2] // 2
    part = photo[:, middle[0] : middle[0] + 2, middle[1] : middle[1] + 2]  # (3, 2, 2)
    channel = np.arange(3)[:, None, None].repeat(2, 1).repeat(2, 2)
    rows = (
        ("channel-first\n(C, H, W): torch", part.ravel(), channel.ravel()),
        ("channel-last\n(H, W, C): files, TensorFlow", np.moveaxis(part, 0, 2).ravel(), np.moveaxis(channel, 0, 2).ravel()),
    )
    figure, axes = new_figure(1, 2, width=10.6, height=2.2, width_ratios=(1, 6))
    show_image(axes[0, 0], part, "2 × 2 pixels")
    place = axes[0, 1]
    for y, (name, values, which) in enumerate(rows):
        for x, (value, k) in enumerate(zip(values.tolist(), which.tolist(), strict=True)):
            place.add_patch(Rectangle((x, -y * 1.5), 0.94, 0.94, facecolor=COLOURS[k][1], alpha=0.25, edgecolor=COLOURS[k][1]))
            place.text(x + 0.47, -y * 1.5 + 0.47, str(value), ha="center", va="center", fontsize=10)
        place.text(-0.3, -y * 1.5 + 0.47, name, ha="right", va="center", fontsize=9, color=GREY)
    place.set_xlim(-3.6, 12.1)
    place.set_ylim(-1.7, 1.1)
    place.set_axis_off()
    return figure


@styled
def photograph_kernels_figure(photo: NDArray[np.uint8]) -> "Figure":
    """The brightness of a photograph, and what four kernels make of it: red above 0, white 0, blue below; grey where it is an image."""
    grey = np.tensordot(MIXES["brightness"], photo / 255, axes=1)  # (H, W)
    figure, axes = new_figure(1, 1 + len(ON_PHOTOGRAPH), width=11.2, height=2.1)
    show_image(axes[0, 0], grey, "brightness", vmin=0, vmax=1)
    for place, name in zip(axes[0, 1:], ON_PHOTOGRAPH, strict=True):
        kernel = make_kernel(name)
        result = convolve(grey, kernel, padding="reflect")
        if kernel.sum() > 1e-9:
            show_image(place, result, name, vmin=0, vmax=1)
        else:
            largest = float(np.quantile(np.abs(result), 0.995)) or 1.0
            show_image(place, result, name, cmap=DIVERGING, vmin=-largest, vmax=largest)
    return figure


@styled
def one_by_one_figure(photo: NDArray[np.uint8]) -> "Figure":
    """Four 1x1 filters on a photograph (3, H, W), each three numbers, and the map that each gives."""
    figure, axes = new_figure(1, 1 + len(MIXES), width=11.2, height=2.3)
    show_image(axes[0, 0], photo, "the photograph\n3 channels")
    for place, (name, weights) in zip(axes[0, 1:], MIXES.items(), strict=True):
        mixed = np.tensordot(weights, photo / 255, axes=1)
        largest = float(np.abs(mixed).max()) or 1.0
        show_image(place, mixed, f"{name}\none map", cmap=DIVERGING, vmin=-largest, vmax=largest)
        terms = [f"{weight:g}·{letter}" for weight, letter in zip(weights, "RGB", strict=True) if weight]
        place.set_xlabel(" + ".join(terms).replace("+ -", "− ").replace("-", "−"), fontsize=8, color=GREY)
    return figure
