"""The picture of one sample as the page and the notebook show it: the original scaled down, with its own shape, and without metadata."""

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from curate.data.image_set import ImageSet

SIDE = 400  # pixels of the longer side
CRISP_SIDE = 64  # up to here pixels are kept exactly and enlarged as squares
JPEG_QUALITY = 80


@dataclass(frozen=True)
class Photograph:
    """An encoded picture; `suffix` is `.jpg` or `.png`."""

    content: bytes
    suffix: str
    width: int
    height: int


def photograph(image_set: ImageSet, row: int, side: int = SIDE) -> Photograph:
    """The picture at `row`: of its file where it can be read, else of its array; the longer side has at most `side` pixels."""
    picture = _from_file(image_set, row, side) or _from_array(image_set.images[row])
    picture.thumbnail((side, side), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    if max(picture.size) <= CRISP_SIDE:
        picture.save(buffer, "PNG", optimize=True)
        return Photograph(buffer.getvalue(), ".png", *picture.size)
    picture.save(buffer, "JPEG", quality=JPEG_QUALITY, optimize=True)
    return Photograph(buffer.getvalue(), ".jpg", *picture.size)


def _from_file(image_set: ImageSet, row: int, side: int) -> Image.Image | None:
    if image_set.filepaths is None:
        return None
    try:
        with Image.open(Path(str(image_set.filepaths[row]))) as file:
            file.draft("RGB", (2 * side, 2 * side))  # a JPEG is decoded no larger than that
            upright = ImageOps.exif_transpose(file)
            if upright.mode in ("RGBA", "LA", "PA") or "transparency" in upright.info:
                paper = Image.new("RGBA", upright.size, "white")
                paper.alpha_composite(upright.convert("RGBA"))
                upright = paper
            return upright.convert("L" if upright.mode in ("L", "1") else "RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None  # the array is what the audit saw


def _from_array(image: np.ndarray) -> Image.Image:
    pixels = image.transpose(1, 2, 0) if len(image) == 3 else image[0]  # (H, W, 3) or (H, W)
    return Image.fromarray(np.ascontiguousarray(pixels))
