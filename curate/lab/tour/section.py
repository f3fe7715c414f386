"""A section of the tour, and the figures on its page: SVG that follows light and dark, with numbers on pictures left as they are."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from curate.lab.themed import themed_svg

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PIXELS_PER_INCH = 100
"""How large a figure is at most on the page, so that letters have the same size in all."""
ALMOST = {"black": "#010101", "white": "#fefefe"}
"""Black and white that a page does not turn round in the dark."""


@dataclass(frozen=True)
class Picture:
    """A figure on the page.

    Attributes:
        svg: the element.
        caption: what to look for in it.
    """

    svg: Markup
    caption: str


@dataclass(frozen=True)
class Section:
    """One station of the tour.

    Attributes:
        key: its anchor.
        title: its heading.
        short: its name in the bar of links.
        words: two or three sentences.
        pictures: in their order.
        command: what to type to see it again, with other images or options.
        layers: rows of a table of layers.
        cards: samples as pictures, as `curate.publish.report.suspects` makes them.
    """

    key: str
    title: str
    short: str
    words: str
    pictures: tuple[Picture, ...]
    command: str
    layers: Sequence[dict[str, str]] = ()
    cards: Sequence[dict[str, Any]] = ()


def picture(figure: "Figure", caption: str) -> Picture:
    """`figure` for the page. Text inside an image keeps its colour, since the image does not change with the page."""
    from matplotlib.collections import QuadMesh

    for axes in figure.axes:
        for text in axes.texts if axes.images else ():
            text.set_color(ALMOST.get(str(text.get_color()), text.get_color()))
    for mesh in figure.findobj(QuadMesh):
        mesh.set_rasterized(True)  # the steps of a colour bar: some have the very colours that a page replaces
    width = round(PIXELS_PER_INCH * figure.get_figwidth())
    svg = str(themed_svg(figure, caption)).replace("<svg", f'<svg style="max-width:{width}px"', 1)
    return Picture(Markup(svg), caption)
