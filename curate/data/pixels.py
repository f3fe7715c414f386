"""One image file: its header, and its pixels at the size and mode that a dataset has."""

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from curate.errors import DataError

if TYPE_CHECKING:
    from PIL import Image

_GREY = ("1", "L", "LA", "La")


class Header(NamedTuple):
    """What a file says of its image before any pixel is decoded."""

    width: int
    height: int
    is_grey: bool


@contextmanager
def quiet_pillow() -> Iterator[None]:
    """Within, Pillow does not warn of damaged metadata, and takes an absurdly large image for an error."""
    from PIL import Image

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield


def read_header(path: str) -> Header:
    """Size and kind of the image.

    Raises:
        DataError: the file is missing, is no image, or has more pixels than Pillow takes for safe.
    """
    from PIL import Image

    try:
        with Image.open(path) as image:
            return Header(image.width, image.height, _is_grey(image))
    except Exception as error:  # a damaged file makes Pillow raise errors of nearly any type
        raise _unreadable(path, error) from error


def read_pixels(path: str, *, mode: str | None = None, size: int | None = None) -> NDArray[np.uint8]:
    """The image upright, on white where it is transparent: (C, H, W) uint8, or (C, size, size).

    Args:
        path: the file.
        mode: `L` or `RGB`; by default that of the file.
        size: side of the square into which the image is squeezed; by default it keeps its own sides.

    Raises:
        DataError: the file is missing, is no image, or is truncated.
    """
    from PIL import Image, ImageOps

    try:
        with Image.open(path) as opened:
            mode = mode or ("L" if _is_grey(opened) else "RGB")
            if size is not None:
                opened.draft(opened.mode, (2 * size, 2 * size))  # JPEG decodes to no more than is needed
            image = ImageOps.exif_transpose(opened)
            if image.mode.startswith("I"):  # 16 bits
                image = Image.fromarray((np.asarray(image).astype(np.int64) >> 8).clip(0, 255).astype(np.uint8))
            if image.has_transparency_data:
                image = image.convert("RGBA")
                image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
            image = image.convert(mode)
            if size is not None and image.size != (size, size):
                image = image.resize((size, size), Image.Resampling.BILINEAR)
        return np.array(image).reshape(image.height, image.width, len(mode)).transpose(2, 0, 1)  # (C, H, W)
    except Exception as error:  # as above
        raise _unreadable(path, error) from error


def _is_grey(image: "Image.Image") -> bool:
    if image.mode == "F":
        raise ValueError("its pixels are floating-point numbers of unknown range")
    return image.mode in _GREY or image.mode.startswith("I")


def _unreadable(path: str, error: Exception) -> DataError:
    if not os.path.exists(path):
        return DataError(f"image {path} is missing")
    reason = "no image that Pillow knows" if type(error).__name__ == "UnidentifiedImageError" else str(error) or type(error).__name__
    return DataError(f"image {path} cannot be read ({reason})")
