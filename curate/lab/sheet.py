"""Rows of small pictures as one sheet: drawn quickly however many they are, where an axes for each would take seconds."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from curate.lab.figure import DIVERGING, GREY, new_figure, styled
from curate.lab.figure_images import show_image

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CELL, GAP, HEAD = 112, 6, 16
"""Pixels of a cell of a sheet, between cells, and above a row for what its cells are called."""


@styled
def sheet_figure(
    image: NDArray[np.uint8],
    rows: Sequence[Sequence[NDArray[np.uint8]]],
    labels: Sequence[str],
    under: Sequence[Sequence[str]],
    *,
    title: str,
) -> "Figure":
    """The image, and beside it rows of pictures (h, w, 3) as one sheet, which is drawn quickly however many they are."""
    columns, step = max(len(row) for row in rows), CELL + HEAD + GAP
    sheet = np.full((len(rows) * step, columns * (CELL + GAP), 3), 255, np.uint8)
    for r, row in enumerate(rows):
        for c, cell in enumerate(row):
            top, left = r * step + HEAD, c * (CELL + GAP)
            sheet[top : top + CELL, left : left + CELL] = _fitted(cell)
    width = 1.8 + 1.12 * columns + 1.6
    height = 1.12 * step / (CELL + GAP) * len(rows) + 0.9
    figure, axes = new_figure(1, 2, width=width, height=height, width_ratios=(1.5, 1.12 * columns + 0.9), title=title)
    show_image(axes[0, 0], image, "image")
    axes[0, 0].set_anchor("N")
    place = axes[0, 1]
    place.imshow(sheet, interpolation="nearest")
    for r, names in enumerate(under):
        for c, text in enumerate(names):
            place.text(c * (CELL + GAP) + CELL / 2, r * step + HEAD - 2, text, ha="center", va="bottom", fontsize=6.5, color=GREY)
    place.set_xticks([])
    place.set_yticks([r * step + HEAD + CELL / 2 for r in range(len(rows))], labels, fontsize=7)
    place.tick_params(length=0)
    for spine in place.spines.values():
        spine.set_visible(False)
    return figure


def _fitted(cell: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The picture (h, w, 3) in CELL x CELL pixels, each of its own a square, in a thin frame."""
    from PIL import Image

    height, width = cell.shape[:2]
    way = Image.Resampling.NEAREST if max(height, width) <= CELL else Image.Resampling.BOX
    fitted = np.array(Image.fromarray(cell).resize((CELL, CELL), way))
    fitted[[0, -1]] = fitted[:, [0, -1]] = 217
    return fitted


def coloured(map_: Tensor, maps: Tensor) -> NDArray[np.uint8]:
    """A map (h, w) in colours, on the scale of all the maps of its layer: (h, w, 3)."""
    from matplotlib import colormaps

    cmap, low, high = scale_of(maps)
    values = ((map_.float().numpy() - low) / (high - low)).clip(0, 1)
    return np.round(255 * colormaps[cmap](values)[..., :3]).astype(np.uint8)


def scale_of(maps: Tensor) -> tuple[str, float, float]:
    """Colour map and its ends, the same kind in all figures: white is 0, red above, blue below; the 0.5 % largest values are cut."""
    largest = float(np.quantile(np.abs(maps.float().numpy()), 0.995)) or 1.0
    return DIVERGING, -largest, largest
