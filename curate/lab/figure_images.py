"""Images and matrices in a figure: one, with its numbers, or many side by side."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from curate.errors import DataError
from curate.lab.figure import DIVERGING, FAINT, GREY, INTENSITY, ORANGE, add_bar, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage


def displayable(image: Any) -> NDArray:
    """`image` as matplotlib's imshow takes it: (H, W), or (H, W, 3).

    Args:
        image: a tensor or array, (H, W), (1, H, W), (3, H, W) or (H, W, 3).

    Raises:
        DataError: another shape.
    """
    array = image.detach().cpu().numpy() if hasattr(image, "detach") else np.asarray(image)
    if array.ndim == 3 and array.shape[0] == 1:
        return array[0]
    if array.ndim == 3 and array.shape[0] == 3:
        return np.moveaxis(array, 0, 2)
    if array.ndim == 2 or (array.ndim == 3 and array.shape[2] == 3):
        return array
    raise DataError(f"an image to draw must be (H, W), (1, H, W) or (3, H, W), found {array.shape}")


@styled
def show_image(
    axes: "Axes",
    image: Any,
    title: str | None = None,
    *,
    cmap: str = INTENSITY,
    vmin: float | None = None,
    vmax: float | None = None,
    ticks: bool = False,
) -> "AxesImage":
    """Draws `image` (see `displayable`) pixel by pixel into `axes`, in a thin frame, and returns what a colour bar needs.

    Args:
        cmap: for one channel; colours are drawn as they are (uint8, or floats in 0..1).
        vmin, vmax: the values of both ends of the colour map; the image's own by default.
        ticks: number rows and columns.
    """
    drawn = axes.imshow(displayable(image), cmap=cmap, vmin=vmin, vmax=vmax, interpolation="nearest")
    if not ticks:
        axes.set_xticks([])
        axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set(visible=True, color=FAINT, linewidth=0.8)
    if title:
        axes.set_title(title)
    return drawn


@styled
def show_matrix(
    axes: "Axes",
    matrix: Any,
    title: str | None = None,
    *,
    cmap: str = DIVERGING,
    vmin: float | None = None,
    vmax: float | None = None,
    text: str | None = None,
) -> "AxesImage":
    """Draws `matrix` (H, W) as coloured cells, with their numbers where these can be read in 2 inches.

    Args:
        vmin, vmax: by default 0 is in the middle of the colour map.
        text: how numbers are written, such as `.2f`; by default all with as many decimals as three digits of the largest need.
    """
    array = displayable(matrix)
    largest = float(np.abs(array).max()) or 1.0
    drawn = show_image(axes, array, title, cmap=cmap, vmin=-largest if vmin is None else vmin, vmax=largest if vmax is None else vmax)
    text = text or _few_decimals(array)
    longest = max(len(number(float(value), text)) for value in (array.min(), array.max(), largest))
    size = min(11.0, 230 / (longest * max(array.shape)))
    if size >= 4.5:
        for (row, column), value in np.ndenumerate(array):
            red, green, blue, _ = drawn.to_rgba(np.array(value))
            colour = "black" if 0.299 * red + 0.587 * green + 0.114 * blue > 0.5 else "white"
            axes.text(column, row, number(float(value), text), ha="center", va="center", color=colour, fontsize=size)
    return drawn


@styled
def show_numbers(axes: "Axes", matrix: Any, title: str | None = None, *, border: tuple[int, int, int, int] = (0, 0, 0, 0)) -> "AxesImage":
    """Draws `matrix` (H, W) as a table of numbers on pale cells: red above 0, blue below, the larger the deeper.

    Args:
        border: rows above and below, columns left and right, that are padding: grey.
    """
    array = displayable(matrix)
    largest = 2.2 * (float(np.abs(array).max()) or 1.0)  # so that the deepest colour is still pale
    drawn = show_image(axes, array, title, cmap=DIVERGING, vmin=-largest, vmax=largest)
    top, bottom, left, right = border
    inside = np.zeros(array.shape, bool)
    inside[top : len(array) - bottom, left : array.shape[1] - right] = True
    text = _few_decimals(array)
    whole = np.isclose(array, np.round(array), atol=1e-9)
    texts = [number(float(value), ".0f" if is_whole else text) for value, is_whole in zip(array.flat, whole.flat, strict=True)]
    longest = max(map(len, texts))
    size = 12.0 if longest <= 3 else 36.0 / longest if longest < 9 else 4.0
    size = min(size, 150.0 / max(array.shape))
    for (row, column), value in zip(np.ndindex(array.shape), texts, strict=True):
        colour = "black" if inside[row, column] else GREY
        axes.text(column, row, value, ha="center", va="center", color=colour, fontsize=size)
    axes.set_xticks(np.arange(0.5, array.shape[1] - 1), minor=True)
    axes.set_yticks(np.arange(0.5, len(array) - 1), minor=True)
    axes.grid(which="minor", color=FAINT, linewidth=0.8, linestyle="-")
    axes.tick_params(which="minor", length=0)
    return drawn


def frame(axes: "Axes", size: tuple[int, int], *, at: tuple[int, int] = (0, 0), colour: str = ORANGE) -> None:
    """A frame around `size` (rows, columns) cells of a drawn matrix, from the cell `at` (row, column) on."""
    from matplotlib.patches import Rectangle

    corner = (at[1] - 0.5, at[0] - 0.5)
    axes.add_patch(Rectangle(corner, size[1], size[0], fill=False, edgecolor=colour, linewidth=2.6, clip_on=False, zorder=5))


def number(value: float, text: str) -> str:
    """`value` in the format `text`, with a real minus sign, and none before zeros."""
    plain = format(value, text)
    return plain.lstrip("-") if not plain.strip("-0.") else plain.replace("-", "−")


def _few_decimals(array: NDArray) -> str:
    """The format that writes whole numbers as such, and others so that the largest shows three digits."""
    if np.array_equal(array, np.round(array)):
        return ".0f"
    return f".{max(0, 2 - math.floor(math.log10(np.abs(array).max() or 1)))}f" if np.abs(array).max() >= 0.01 else ".1e"


@styled
def image_grid(
    images: Sequence[Any],
    titles: Sequence[str] | None = None,
    *,
    columns: int | None = None,
    title: str | None = None,
    cmap: str = INTENSITY,
    vmin: float | None = None,
    vmax: float | None = None,
    bar: str | None = None,
    cell: float = 1.5,
) -> "Figure":
    """Images side by side, row after row.

    Args:
        images: N images, see `displayable`.
        titles: N, one above each.
        columns: by default what comes nearest to twice as wide as high.
        title: above all.
        vmin, vmax: one scale for all images; each has its own without them.
        bar: label of a colour bar for all; needs vmin and vmax.
        cell: longer side of an image in inches.

    Raises:
        DataError: no images, another number of titles, or a bar without a scale.
    """
    if len(images) == 0 or (titles is not None and len(titles) != len(images)):
        raise DataError(f"a grid needs images and as many titles; found {len(images)} images and {len(titles or ())} titles")
    if bar and (vmin is None or vmax is None):
        raise DataError("a colour bar for all images needs one scale for all: give vmin and vmax")
    columns = min(columns or math.ceil(math.sqrt(2 * len(images))), len(images))
    rows = math.ceil(len(images) / columns)
    room = _room(titles)
    wide, high = _box([displayable(image).shape for image in images])
    width = columns * (cell * wide + 0.06) + (0.9 if bar else 0.2)
    height = rows * (cell * high + room) + (0.55 if title else 0.15)
    figure, axes = new_figure(width=max(width, 3.5), height=height, title=title)
    *_, drawn = show_tiles(axes[0, 0], images, titles, columns=columns, cmap=cmap, vmin=vmin, vmax=vmax, cell=cell)
    if bar:
        add_bar(figure, drawn, axes, bar)
    return figure


@styled
def show_tiles(
    axes: "Axes",
    images: Sequence[Any],
    titles: Sequence[str] | None = None,
    *,
    columns: int,
    labels: Sequence[str] = (),
    cmap: str = INTENSITY,
    vmin: float | None = None,
    vmax: float | None = None,
    cell: float = 1.5,
) -> list["AxesImage"]:
    """Draws images side by side, row after row, into one `axes`: axes for each would take ten times as long.

    Args:
        images: N images, see `displayable`; each is as large as fits its place.
        titles: N, one above each.
        labels: one for each row, left of it.
        vmin, vmax: one scale for all images; each has its own without them.
        cell: about how long the longer side of an image will be on the page, in inches: titles need their room.

    Returns:
        The N images as drawn; any of them is what a colour bar needs.
    """
    from matplotlib.collections import PatchCollection
    from matplotlib.patches import Rectangle

    arrays = [displayable(image) for image in images]
    wide, high = _box([array.shape for array in arrays])
    gap, room = 0.1 / cell, _room(titles) / cell
    rows = math.ceil(len(arrays) / columns)
    drawn, frames = [], []
    for i, array in enumerate(arrays):
        row, column = divmod(i, columns)
        middle, top = column * (wide + gap) + wide / 2, row * (high + room) + room
        pixel = min(wide / array.shape[1], high / array.shape[0])
        half, height = pixel * array.shape[1] / 2, pixel * array.shape[0]
        top += (high - height) / 2
        extent = (middle - half, middle + half, top + height, top)
        drawn.append(axes.imshow(array, cmap=cmap, vmin=vmin, vmax=vmax, interpolation="nearest", extent=extent))
        frames.append(Rectangle((middle - half, top), 2 * half, height))
        if titles is not None:
            axes.text(middle, top - 0.03 / cell, titles[i], ha="center", va="bottom", fontsize=8)
    behind = PatchCollection(frames, facecolor=GREY, edgecolor=FAINT, linewidth=1.4, zorder=-1)  # grey where a value is not a number
    axes.add_collection(behind)
    for row, label in enumerate(labels):
        middle = row * (high + room) + room + high / 2
        axes.text(-0.06 / cell, middle, label, ha="right", va="center", rotation="vertical", fontsize=8, color=GREY)
    axes.set(xlim=(-gap / 2, columns * (wide + gap) - gap / 2), ylim=(rows * (high + room) + gap / 4, 0), aspect="equal")
    axes.set_axis_off()
    return drawn


def _room(titles: Sequence[str] | None) -> float:
    """Inches above each row of images."""
    return 0.28 if titles is not None else 0.06


def _box(shapes: Sequence[tuple[int, ...]]) -> tuple[float, float]:
    """Width and height that images (H, W, …) need, where the longer side of the tallest is 1."""
    tall = max(shape[0] / shape[1] for shape in shapes)
    return min(1.0, 1 / tall), min(1.0, tall)
