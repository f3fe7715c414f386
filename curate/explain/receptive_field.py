"""Which pixels a unit of a layer can see in theory: along each side the first, the last, and how far its neighbour's are off.

A unit at place o of a map sees, along each side, the pixels first + o·jump … last + o·jump. How fields go through the
functions of a net is in `field_rules`.

Source: Araujo, Norris & Sim, Computing Receptive Fields of Convolutional Neural Networks, Distill 2019.
"""

import math
from dataclasses import dataclass

WHOLE = math.inf


@dataclass(frozen=True)
class Span:
    """What units see along one side: unit 0 the pixels first..last (which may lie outside the image), unit 1 `jump` further."""

    first: float = 0
    last: float = 0
    jump: float = 1

    @property
    def size(self) -> float:
        """Pixels that a unit sees; infinite where it sees the whole side."""
        return self.last - self.first + 1

    @property
    def start(self) -> float:
        """The middle of what unit 0 sees; pixel 0 has its middle at 0. Not a number where that is the whole side."""
        return (self.first + self.last) / 2 if self.size < WHOLE else math.nan

    def window(self, kernel: int, *, stride: float = 1, before: int = 0, dilation: int = 1) -> "Span":
        """After a layer that looks through windows."""
        reach = dilation * (kernel - 1)
        return Span(self.first - before * self.jump, self.last + (reach - before) * self.jump, self.jump * stride)

    def seen_by(self, unit: int, side: int) -> tuple[int, int]:
        """First pixel of an image with so many, and one past the last, that a unit sees."""
        if self.size == WHOLE:
            return 0, side
        first, last = math.floor(self.first + unit * self.jump), math.ceil(self.last + unit * self.jump)
        return min(max(first, 0), side), min(max(last + 1, 0), side)


@dataclass(frozen=True)
class Field:
    """The receptive field of the units of one tensor.

    Attributes:
        y, x: what they see along height and width.
        dims: where the places are in the tensor: (rows, columns); one dimension that holds both; or none, where there is
            only one place left.
    """

    y: Span = Span()
    x: Span = Span()
    dims: tuple[int, ...] = (2, 3)

    @property
    def is_whole(self) -> bool:
        """Whether a unit sees the whole image."""
        return self.y.size == WHOLE and self.x.size == WHOLE

    @property
    def is_map(self) -> bool:
        """Whether the places still form rows and columns."""
        return len(self.dims) == 2

    @property
    def size(self) -> tuple[float, float]:
        """(height, width) in pixels, infinite where it is the whole image."""
        return self.y.size, self.x.size

    def box(self, row: int, column: int, image_size: tuple[int, int]) -> tuple[int, int, int, int]:
        """(top, bottom, left, right) of what the unit at that place sees of the image, the ends one past the last pixel."""
        return *self.y.seen_by(row, image_size[0]), *self.x.seen_by(column, image_size[1])


def whole(field: Field, dims: tuple[int, ...] = ()) -> Field:
    """The field of units that see everything, in a tensor whose places are at `dims`."""
    return Field(Span(-WHOLE, WHOLE, field.y.jump), Span(-WHOLE, WHOLE, field.x.jump), dims)
