"""Which pixels each place of a layer's maps can see: its receptive field, cut at the border of the image."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from curate.lab.layers import feature_maps, maps_of_convolutions
from curate.lab.tracing import Record, trace


@dataclass(frozen=True)
class Visible:
    """What the places of (h, w) maps see of an image.

    Attributes:
        rows: (h, 2) int64, first row and one past the last, for each row of the maps.
        columns: (w, 2) int64, likewise.
        image_size: (H, W).
    """

    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    image_size: tuple[int, int]

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the largest field among all places, in pixels."""
        return int(np.diff(self.rows).max()), int(np.diff(self.columns).max())

    def patch(self, image: NDArray, place: tuple[int, int]) -> NDArray[np.float64]:
        """What the place (row, column) of the maps sees of `image` (C, H, W): (C, *size) float, NaN beyond the border."""
        (top, bottom), (left, right) = self.rows[place[0]], self.columns[place[1]]
        height, width = self.size
        out = np.full((len(image), height, width), np.nan)
        y = height - (bottom - top) if top == 0 else 0  # what is cut off at the top or left is missing there
        x = width - (right - left) if left == 0 else 0
        out[:, y : y + bottom - top, x : x + right - left] = image[:, top:bottom, left:right]
        return out


def visible(net: nn.Module, x: Tensor, layer: str) -> Visible:
    """What each place of the maps of `layer` sees of an image; the whole image where that cannot be told.

    Args:
        x: (1, C, H, W) float, some image on the device of the net.

    Raises:
        UnknownNameError, DataError: as `feature_maps`.
    """
    return _visible(trace(net, x)[0], feature_maps(net, x, layer), x, layer)


def last_local_layer(net: nn.Module, x: Tensor) -> str:
    """The last convolution, in the order of the forward pass, whose places do not see the whole image; the last of all where none is.

    Args:
        x: as in `visible`.

    Raises:
        DataError: the net has no convolutions.
    """
    records, maps = trace(net, x)[0], maps_of_convolutions(net, x)
    for layer in reversed(maps):
        seen = _visible(records, maps[layer], x, layer)
        if seen.size != seen.image_size:
            return layer
    return next(reversed(maps))


def _visible(records: Sequence[Record], maps: Tensor, x: Tensor, layer: str) -> Visible:
    within = [record for record in records if record.name == layer or record.name.startswith((f"{layer}.", f"{layer}/"))]
    field = within[-1].receptive_field if within else None
    sides = zip(maps.shape[2:], x.shape[2:], (field.y, field.x) if field else (None, None), strict=True)
    rows, columns = (
        np.array([span.seen_by(place, side) if span else (0, side) for place in range(places)]) for places, side, span in sides
    )
    return Visible(rows, columns, (x.shape[2], x.shape[3]))
