"""One image file: its header, and its pixels at the size and mode that a dataset has."""

import os
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from curate.data.pictures import DEEP, check_can_end, quiet_pillow, read, unreadable
from curate.data.working_copies import centre_square

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["Header", "quiet_pillow", "read_header", "read_pixels"]
GREY = ("1", "L", "LA", "La", *DEEP)


class Header(NamedTuple):
    """What a file says of its image before any pixel is decoded; the later images of an MPO are previews, and do not count."""

    width: int
    height: int
    is_grey: bool
    num_pages: int = 1


def read_header(path: str) -> Header:
    """Size and kind of the image.

    Raises:
        DataError: the file is missing, is no image, or has more pixels than Pillow takes for safe.
    """
    from PIL import Image

    check_can_end(path)
    try:
        with Image.open(path) as image:
            if image.mode == "F":
                raise ValueError("its pixels are floating-point numbers of unknown range; save it with 8 or 16 bits")
            return Header(image.width, image.height, image.mode in GREY, _num_pages(image))
    except Exception as error:  # a damaged file makes Pillow raise errors of nearly any type
        raise unreadable(path, error, empty=os.path.exists(path) and not os.path.getsize(path)) from error


def _num_pages(image: "Image.Image") -> int:
    """Pages of a TIFF, frames of an animation; 1 where only the first can be read."""
    try:
        return 1 if image.format == "MPO" else getattr(image, "n_frames", 1)
    except Exception:  # damaged after the first
        return 1


def read_pixels(path: str, *, mode: str | None = None, size: int | None = None) -> NDArray[np.uint8]:
    """The image upright, on white where it is transparent: (C, H, W) uint8, or (C, size, size).

    Args:
        path: the file.
        mode: `L` or `RGB`; by default that of the file.
        size: side of the square that the middle of the image is scaled to; by default the whole image at its own size.

    Raises:
        DataError: the file is missing, is no image, or is truncated.
    """
    decoded = read(path, short_side=size)
    image = decoded.image if size is None else centre_square(decoded.image, size)
    mode = mode or ("L" if decoded.is_grey else "RGB")
    image = image if image.mode == mode else image.convert(mode)
    return np.array(image).reshape(image.height, image.width, len(mode)).transpose(2, 0, 1)  # (C, H, W)
