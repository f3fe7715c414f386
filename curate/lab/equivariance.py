"""What becomes of a shift: convolutions pass it on, which is measured here; that pooling forgets it measures `curate.lab.invariance`.

A map is equivariant where shifting the image by d pixels shifts the map by d / jump places and changes nothing else. Strides
keep that for multiples of their product only, and borders break it: so units whose receptive field reaches beyond what was
shifted are left out of the exact measure.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from curate.errors import DataError, UsageError
from curate.lab.figure import SEQUENTIAL, add_bar, new_figure, noted, styled
from curate.lab.figure_images import show_image
from curate.lab.invariance import relative_difference
from curate.lab.receptive_field import Field
from curate.lab.tracing import Record, trace

if TYPE_CHECKING:
    from matplotlib.figure import Figure

EXACT = 1e-4
"""Relative errors below come from rounding alone."""
MOST_ROWS = 28
"""Layers that a figure shows."""


@dataclass(frozen=True)
class LayerShift:
    """What shifts of the image do to one layer.

    Attributes:
        name: of the layer, or of the function between layers.
        jump: pixels of the image from one of its places to the next; None where it has no places.
        inside: for each shift, the relative error of units that see only what was shifted; NaN where there are none.
        all: the same over all units that both maps have. For a layer without places, how much its output changes.
    """

    name: str
    jump: float | None
    inside: NDArray[np.float64]
    all: NDArray[np.float64]

    def errors(self, shifts: Sequence[int], *, at_multiples: bool) -> list[float]:
        """The errors inside for shifts by multiples of the jump, which must be 0 but for rounding; or for all others."""
        jump = self.jump
        if jump is None:
            return []
        pairs = zip(shifts, self.inside.tolist(), strict=True)
        return [error for shift, error in pairs if (shift % jump == 0) == at_multiples and not math.isnan(error)]


def equivariance(net: nn.Module, image: Tensor, shifts: Sequence[int]) -> list[LayerShift]:
    """Compares the maps of the shifted image with the shifted maps of the image, for every layer.

    The image is shifted to the right; what leaves it comes in again on the left. Where a shift is no multiple of a layer's
    jump, its map is shifted by the nearest number of places.

    Args:
        net: any net; in evaluation mode meanwhile.
        image: (C, H, W) on the net's device, as the net takes it.
        shifts: in pixels, 0 or more and less than the width.

    Returns:
        One entry for each call of a layer or function whose receptive field is known. An error is the norm of the difference
        over the norm of the shifted map: 0 is exact, 1 as large as the map itself.

    Raises:
        UsageError: a shift is out of range.
    """
    width = int(image.shape[-1])
    for shift in shifts:
        if not 0 <= shift < width:
            raise UsageError(f"a shift must be 0 or more and less than the image's {width} pixels, found {shift}")
    still = [record for record in trace(net, image[None], keep_outputs=True)[0] if record.receptive_field is not None]
    inside, everywhere = np.full((2, len(still), len(shifts)), np.nan)
    for column, shift in enumerate(shifts):
        records = trace(net, image[None].roll(shift, -1), keep_outputs=True)[0]
        moved = [record for record in records if record.receptive_field is not None]
        for row, (before, after) in enumerate(zip(still, moved, strict=True)):
            inside[row, column], everywhere[row, column] = _errors(before, after, shift, width)
    return [LayerShift(r.name or r.kind, _jump(r.receptive_field), inside[i], everywhere[i]) for i, r in enumerate(still)]


def _errors(before: Record, after: Record, shift: int, width: int) -> tuple[float, float]:
    """The error of units inside, and of all, for one layer and one shift."""
    field = after.receptive_field
    if field is None or after.output is None or before.output is None:
        raise DataError("a comparison needs the outputs of both passes")
    a, b = after.output.cpu().numpy(), before.output.cpu().numpy()
    if not field.is_map:
        return np.nan, relative_difference(a, b)
    a, b = (np.moveaxis(maps, field.dims[1], -1) for maps in (a, b))  # (..., w)
    places, num = round(shift / field.x.jump), a.shape[-1]
    if places >= num:
        return np.nan, np.nan
    a, b = a[..., places:], b[..., : num - places]
    units = np.arange(places, num)
    sees_moved = (field.x.first + units * field.x.jump >= shift) & (field.x.last + units * field.x.jump <= width - 1)
    before_units = units - places
    saw_same = (field.x.first + before_units * field.x.jump >= 0) & (field.x.last + before_units * field.x.jump <= width - 1 - shift)
    kept = sees_moved & saw_same
    exact = relative_difference(a[..., kept], b[..., kept]) if kept.any() else np.nan
    return exact, relative_difference(a, b)


def _jump(field: Field | None) -> float | None:
    return field.x.jump if field is not None and field.is_map else None


def rows_to_draw(jumps: Sequence[float | None], most: int = MOST_ROWS) -> list[int]:
    """Which of the layers with these jumps to show, in order: all, or `most` of them.

    First come the first layer, and the last before each change of the jump; the rest is spread evenly over the others.
    """
    num = len(jumps)
    if num <= most:
        return list(range(num))
    kept = [0, *(i for i in range(num) if i == num - 1 or jumps[i] != jumps[i + 1])][:most]
    others = [i for i in range(num) if i not in kept]
    spread = np.linspace(0, len(others) - 1, most - len(kept)).round().astype(int)
    return sorted({*kept, *(others[i] for i in spread)})


@styled
def equivariance_figure(layers: Sequence[LayerShift], shifts: Sequence[int], *, title: str) -> "Figure":
    """One row for each layer, one column for each shift: 0 where the map was shifted and nothing else.

    Numbers are of units away from the border where there are any, else of all, those with a star. Of a deep net some layers are shown:
    see `rows_to_draw`.
    """
    num_layers = len(layers)
    layers = [layers[i] for i in rows_to_draw([layer.jump for layer in layers])]
    values = np.array([np.where(np.isnan(layer.inside), layer.all, layer.inside) for layer in layers])
    labels = [f"{layer.name}  ({'jump ' + format(layer.jump, 'g') if layer.jump else 'no places'})" for layer in layers]
    figure, axes = new_figure(1, 1, width=3.4 + 0.62 * len(shifts), height=1.6 + 0.3 * len(layers), title=title)
    place = axes[0, 0]
    drawn = show_image(place, np.minimum(values, 1), cmap=SEQUENTIAL, vmin=0, vmax=1)
    place.set_aspect("auto")
    for (row, column), value in np.ndenumerate(values):
        star = "" if np.isfinite(layers[row].inside[column]) else "*"
        text = "–" if np.isnan(value) else (f"0{star}" if value < EXACT else f"{value:.2f}{star}")
        place.text(column, row, text, ha="center", va="center", fontsize=8, color="black" if value > 0.6 else "white")
    place.set_xticks(range(len(shifts)), [str(shift) for shift in shifts])
    place.set_yticks(range(len(layers)), labels)
    place.set_xlabel("shift of the image, pixels")
    add_bar(figure, drawn, place, "relative error; 1: as large as the map")
    left_out = (
        f".\n{len(layers)} of {num_layers} layers: the last before each change of the jump, and some between"
        if len(layers) < num_layers
        else ""
    )
    return noted(
        figure,
        "0: the layer's map moves as the image does, and nothing else changes. Jump: pixels from one place of a map to the next.\n"
        "* no unit sees the moved part alone, so all count, also at the border. No places: how much the output changes" + left_out,
    )
