"""The look of every figure: one style, one palette, and files; `curate.lab.figure_images` draws images and matrices.

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
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from numpy.typing import NDArray

from curate.errors import UsageError
from curate.files import write_atomically

if TYPE_CHECKING:
    from matplotlib.cm import ScalarMappable
    from matplotlib.figure import Figure

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
    "image.composite_image": False,  # in a drawing each image keeps its own pixels
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


@styled
def add_bar(figure: "Figure", drawn: "ScalarMappable", axes: Any, label: str) -> None:
    """A colour bar with `label` beside `axes` (one, or an array of them)."""
    bar = figure.colorbar(drawn, ax=axes, label=label, fraction=0.05, pad=0.03, shrink=0.85)
    bar.outline.set_visible(False)  # type: ignore[operator]


CHARACTERS_PER_INCH = 15
"""Of a note, at the width that most letters have; fewer than fit, so that none is cut."""


def noted(figure: "Figure", note: str) -> "Figure":
    """`figure` with a line of explanation below, or several where it is narrow, and some paper at its sides."""
    lines = (textwrap.fill(line, int(CHARACTERS_PER_INCH * figure.get_figwidth())) for line in f"{note}.".split("\n"))
    figure.supxlabel("\n".join(lines), fontsize=8, color=GREY)
    figure.get_layout_engine().set(rect=(0.012, 0.012, 0.976, 0.976))  # type: ignore[union-attr, call-arg]
    return figure


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
