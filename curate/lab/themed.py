"""Figures inside a page: drawn as SVG, in the page's own colours and letters, so that they follow light and dark."""

import re
from typing import TYPE_CHECKING

from markupsafe import Markup, escape

from curate.lab.figure import BLACK, BLUE, FAINT, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILION, YELLOW, to_bytes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

VARIABLES = {
    BLUE: "--c0",
    ORANGE: "--c1",
    GREEN: "--c2",
    PURPLE: "--c3",
    SKY: "--c4",
    VERMILION: "--c5",
    YELLOW: "--c7",
    BLACK: "--ink",
    GREY: "--muted",
    FAINT: "--line",
    "#ffffff": "--bg",
}
"""The variable of `report.css` that stands for each colour of `curate.lab.figure`."""


def themed_svg(figure: "Figure", label: str) -> Markup:
    """`figure` as an SVG element for a page with `report.css`.

    Args:
        label: what it shows, for those who cannot see it.
    """
    svg = to_bytes(figure, "svg").decode()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<(metadata|style)\b.*?</\1>", "", svg, flags=re.DOTALL)
    svg = re.sub(r' (width|height)="[\d.]+pt"', "", svg, count=2)
    svg = re.sub(r"<g id=\"[^\"]*\"", "<g", svg)  # the same names are in every figure
    svg = svg.replace("'DejaVu Sans'", "system-ui, sans-serif")
    for colour, variable in VARIABLES.items():
        svg = re.sub(re.escape(colour), f"var({variable})", svg, flags=re.IGNORECASE)
    return Markup(svg.replace("<svg", f'<svg class="drawn" role="img" aria-label="{escape(label)}"', 1))
