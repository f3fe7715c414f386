"""Where parameters, multiply-adds and memory of a model sit, as one picture."""

from typing import TYPE_CHECKING

from curate.lab.counted import Arithmetic, Layer
from curate.lab.figure import BLUE, FAINT, GREEN, GREY, ORANGE, PURPLE, SKY, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = {
    "convolutions": BLUE,
    "fully connected": ORANGE,
    "linear at every place": SKY,
    "attention": PURPLE,
    "normalisation": GREEN,
    "other": GREY,
    "unused here": FAINT,
}
MOST_ROWS = 48
MEASURES = {"parameters": "parameters", "multiply_adds": "multiply-adds", "activation_bytes": "memory of activations"}


@styled
def arithmetic_figure(made: Arithmetic, *, title: str) -> "Figure":
    """Three bar charts over the layers, from input (top) to output (bottom); the colour tells the kind of layer.

    Layers of models with many are put together by the parts of their names, block by block.
    """
    depth = next((d for d in (9, 4, 3, 2) if len(_rows(made, d)) <= MOST_ROWS), 1)
    rows = _rows(made, depth)
    figure, axes = new_figure(1, 3, width=11, height=1.7 + 0.21 * len(rows), title=title, sharey=True)
    used: dict[str, str] = {}
    for place, (what, label) in zip(axes[0], MEASURES.items(), strict=True):
        total = sum(made.parts(what).values())
        for row, layers in enumerate(rows.values()):
            left = 0
            for part, colour in COLOURS.items():
                value = sum(getattr(layer, what) for layer in layers if layer.part == part)
                if value:
                    place.barh(row, value, left=left, color=colour, height=0.75)
                    used[part] = colour
                left += value
            if left >= 0.01 * max(total, 1):
                place.text(left, row, f" {100 * left / total:.0f} %", va="center", fontsize=7.5, color=GREY)
        place.set_title(f"{label}: {amount(total, is_bytes=what == 'activation_bytes')}")
        place.set_xlim(0, place.get_xlim()[1] * 1.1)
        place.xaxis.set_major_formatter(lambda value, _, b=what == "activation_bytes": amount(value, is_bytes=b))
        place.xaxis.set_major_locator(_few_ticks())
        place.grid(axis="x")
        place.set_axisbelow(True)
        place.tick_params(left=False)
    axes[0, 0].set_yticks(range(len(rows)), list(rows), fontsize=8)
    axes[0, 0].set_ylim(len(rows) - 0.4, -0.6)
    from matplotlib.patches import Patch

    handles = [Patch(color=colour, label=part) for part, colour in COLOURS.items() if part in used]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles))
    return figure


def amount(value: float, *, is_bytes: bool = False) -> str:
    """`61.1 M`, `15.5 G`, or `4.6 MB` for bytes (of 1,000 as M)."""
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= limit:
            return f"{value / limit:.3g} {unit}{'B' if is_bytes else ''}"
    return f"{value:.0f}{' B' if is_bytes else ''}"


def _rows(made: Arithmetic, depth: int) -> dict[str, list[Layer]]:
    """Layers that have anything to show, by the first parts of their names."""
    rows: dict[str, list[Layer]] = {}
    for layer in made.layers:
        if any(getattr(layer, what) for what in MEASURES):
            rows.setdefault(".".join(layer.name.split("/")[0].split(".")[:depth]) or layer.name, []).append(layer)
    return rows


def _few_ticks() -> object:
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(4)
