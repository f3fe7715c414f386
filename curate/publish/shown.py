"""The picture of a sample as people see it: the photograph with its aspect, or the very pixels of a small image."""

import numpy as np
from PIL import Image

from curate.data.image_set import ImageSet

CRISP_SIDE = 64
"""Pixels; up to here images are kept exactly and enlarged pixel by pixel."""


def picture_of(image_set: ImageSet, position: int, *, longest: int | None = None) -> Image.Image:
    """The picture of a sample, RGB or grey.

    Args:
        longest: pixels of its longer side at most; None = as the set has it.
    """
    if image_set.pictures is not None:
        picture = image_set.pictures.image(position)
    else:
        pixels = np.asarray(image_set.images[position])  # (C, H, W)
        picture = Image.fromarray(np.ascontiguousarray(pixels.transpose(1, 2, 0)) if len(pixels) == 3 else np.ascontiguousarray(pixels[0]))
    if longest is None or max(picture.size) <= longest:
        return picture
    scale = longest / max(picture.size)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    return picture.resize(size, Image.Resampling.LANCZOS)


def is_crisp(image_set: ImageSet) -> bool:
    """Whether the images are so small that pages should show their pixels as squares."""
    return image_set.pictures is None and max(image_set.images.shape[2:]) <= CRISP_SIDE
