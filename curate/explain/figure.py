"""The look of every figure: one style, one palette, and the few pieces that all of them are made of.

Figures are matplotlib's own `Figure` on the Agg canvas. pyplot, with its global state and its windows, is never used.

    @styled
    def losses(values):
        figure, axes = new_figure(1, 1, title="Loss per epoch")
        axes[0, 0].plot(values, color=BLUE)
        return figure

    save(losses(values), Path("losses.png"))

Source of the palette: Okabe & Ito, Color Universal Design, 2008.
"""

import functools
import io
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from curate.errors import DataError, UsageError
from curate.run import write_atomically

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.cm import ScalarMappable
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
YELLOW, BLUE, VERMILION, PURPLE = "#F0E442", "#0072B2", "#D55E00", "#CC79A7"
PALETTE = (BLUE, ORANGE, GREEN, VERMILION, SKY, PURPLE, YELLOW, BLACK)
"""Colours of categories, in the order in which to take them: told apart with every kind of colour vision."""
GREY, FAINT = "#6B6B6B", "#D9D9D9"
"""Secondary text, and lines that only guide the eye."""
INTENSITY, SEQUENTIAL, DIVERGING = "gray", "viridis", "RdBu_r"
"""Colour maps: of pixels, of values that grow from nothing, and of values with a sign (white is 0)."""

DPI = 144
FORMATS = ("png", "svg", "pdf")
STYLE: dict[str, Any] = {
    "font.family": "DejaVu Sans",  # comes with matplotlib
    "font.size": 10,
    "axes.titlesize": 10,
    "axes.labelsize": 9,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.fontsize": 9,
    "legend.frameon": False,
    "figure.titlesize": 13,
    "figure.titleweight": "bold",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": GREY,
    "axes.titlepad": 6,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "grid.color": FAINT,
    "grid.linewidth": 0.6,
    "lines.linewidth": 1.8,
    "image.interpolation": "nearest",
    "svg.fonttype": "none",
}

P = ParamSpec("P")
R = TypeVar("R")


def styled(function: Callable[P, R]) -> Callable[P, R]:
    """`function`, with matplotlib in the style of this module while it draws; the process keeps its own settings."""

    @functools.wraps(function)
    def draw(*args: P.args, **kwargs: P.kwargs) -> R:
        import matplotlib
        from cycler import cycler  # matplotlib's own

        settings: dict[Any, Any] = {**STYLE, "axes.prop_cycle": cycler(color=PALETTE)}
        with matplotlib.rc_context(settings):
            return function(*args, **kwargs)

    return draw


@styled
def new_figure(
    rows: int = 1,
    columns: int = 1,
    *,
    width: float | None = None,
    height: float | None = None,
    title: str | None = None,
    **subplots: Any,
) -> tuple["Figure", NDArray]:
    """An empty figure and its axes.

    Args:
        rows, columns: of the grid of axes.
        width, height: of the whole in inches; by default 2.6 for each column, 2.6 for each row and a line for the title.
        title: above all axes.
        subplots: further options of matplotlib's `Figure.subplots`, such as `width_ratios` or `sharey`.

    Returns:
        The figure, and an array of axes (rows, columns), of this shape also where there is one only.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    size = (width or 2.6 * columns + 0.4, height or 2.6 * rows + (0.5 if title else 0.0))
    figure = Figure(figsize=size, dpi=DPI, layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.subplots(rows, columns, squeeze=False, **subplots)
    if title:
        figure.suptitle(title)
    return figure, axes


def displayable(image: Any) -> NDArray:
    """`image` as matplotlib's imshow takes it: (H, W), or (H, W, 3).

    Args:
        image: a tensor or array, (H, W), (1, H, W), (3, H, W) or (H, W, 3).

    Raises:
        DataError: another shape.
    """
    array = image.detach().cpu().numpy() if isinstance(image, torch.Tensor) else np.asarray(image)
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
    room = 0.28 if titles is not None else 0.06
    tall = max(shape[0] / shape[1] for shape in (displayable(image).shape for image in images))
    width = columns * (cell * min(1, 1 / tall) + 0.06) + (0.9 if bar else 0.2)
    height = rows * (cell * min(1, tall) + room) + (0.55 if title else 0.15)
    figure, axes = new_figure(rows, columns, width=max(width, 3.5), height=height, title=title)
    for i, place in enumerate(axes.flat):
        if i < len(images):
            drawn = show_image(place, images[i], titles[i] if titles is not None else None, cmap=cmap, vmin=vmin, vmax=vmax)
            place.title.set_fontsize(8)
        else:
            place.set_axis_off()
    if bar:
        add_bar(figure, drawn, axes, bar)
    return figure


@styled
def add_bar(figure: "Figure", drawn: "ScalarMappable", axes: Any, label: str) -> None:
    """A colour bar with `label` beside `axes` (one, or an array of them)."""
    bar = figure.colorbar(drawn, ax=axes, label=label, fraction=0.05, pad=0.03, shrink=0.85)
    bar.outline.set_visible(False)  # type: ignore[operator]


@styled
def to_bytes(figure: "Figure", suffix: str = "png", *, dpi: int = DPI) -> bytes:
    """`figure` as a file of one of FORMATS; the same figure gives the same bytes."""
    import matplotlib

    buffer = io.BytesIO()
    no_dates = {"png": {"Software": None}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}[suffix]
    with matplotlib.rc_context({"svg.hashsalt": "curate"}):
        figure.savefig(buffer, format=suffix, dpi=dpi, metadata=no_dates)
    return buffer.getvalue()


def to_png(figure: "Figure", *, dpi: int = DPI) -> bytes:
    """`figure` as a PNG file."""
    return to_bytes(figure, "png", dpi=dpi)


def save(figure: "Figure", path: Path, *, dpi: int = DPI) -> Path:
    """Writes `figure` to `path` as its ending says: .png, .svg or .pdf.

    Raises:
        UsageError: another ending.
        StorageError: the file cannot be written.
    """
    check_picture_path(path)
    return write_atomically(path, to_bytes(figure, path.suffix.lower().removeprefix("."), dpi=dpi))


def check_picture_path(path: Path) -> None:
    """Raises a UsageError where `save` could not write `path` for its ending: before the work, not after."""
    if path.suffix.lower().removeprefix(".") not in FORMATS:
        raise UsageError(f"a figure is written as {', '.join(f'.{suffix}' for suffix in FORMATS)}; '{path.name}' ends otherwise")
