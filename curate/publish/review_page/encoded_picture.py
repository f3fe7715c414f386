"""The picture of one sample as the page and the notebook carry it: encoded, scaled down, with its own shape, and without metadata."""

import io
from dataclasses import dataclass

from curate.data.image_set import ImageSet
from curate.publish.shown import CRISP_SIDE, picture_of

JPEG_QUALITY = 80


@dataclass(frozen=True)
class Photograph:
    """An encoded picture; `suffix` is `.jpg` or `.png`."""

    content: bytes
    suffix: str
    width: int
    height: int


def photograph(image_set: ImageSet, row: int, side: int) -> Photograph:
    """The picture at `row` as pages show it; the longer side has at most `side` pixels."""
    picture = picture_of(image_set, row, longest=side)
    buffer = io.BytesIO()
    if max(picture.size) <= CRISP_SIDE:
        picture.save(buffer, "PNG", optimize=True)
        return Photograph(buffer.getvalue(), ".png", *picture.size)
    picture.save(buffer, "JPEG", quality=JPEG_QUALITY, optimize=True)
    return Photograph(buffer.getvalue(), ".jpg", *picture.size)
