"""Heat over an image, as pixels."""

import io

import numpy as np
from numpy.typing import NDArray

FOR, AGAINST = (178, 24, 43), (33, 102, 172)
"""Red speaks for, blue against: the two dark tones of matplotlib's `RdBu_r`, told apart with every kind of colour vision."""
LIGHTEST, DARKEST = 255, 110  # grey range that the image is printed in, so that heat shows on all of it


def overlay(image: NDArray[np.uint8], heat: NDArray[np.float32], *, side: int = 224) -> NDArray[np.uint8]:
    """The image in pale grey under its heat: (h, w, 3) uint8, enlarged to `side` pixels on the longer side, or as it is if larger.

    Pixels of the image stay squares; heat, which changes slowly, is interpolated. A grey image on a dark ground, such as a
    digit of MNIST, is printed as dark ink on white.

    Args:
        image: (C, H, W).
        heat: (H, W) in [-1, 1]; above 0 is red, below 0 blue, 0 leaves the grey as it is.
    """
    from PIL import Image

    height, width = heat.shape
    scale = max(1.0, side / max(height, width))
    size = (round(width * scale), round(height * scale))
    grey = image.mean(axis=0)
    if len(image) == 1 and _ground(grey) < 96:
        grey = 255 - grey
    paper = DARKEST + grey / 255 * (LIGHTEST - DARKEST)
    paper = np.asarray(Image.fromarray(paper.astype(np.float32)).resize(size, Image.Resampling.NEAREST))
    smooth = np.asarray(Image.fromarray(heat.astype(np.float32)).resize(size, Image.Resampling.BICUBIC)).clip(-1, 1)
    ink = np.where(smooth[..., None] > 0, FOR, AGAINST)
    strength = np.abs(smooth)[..., None]
    colour = (255 - strength * (255 - ink)) * paper[..., None] / 255
    return np.round(colour).clip(0, 255).astype(np.uint8)


def overlay_png(image: NDArray[np.uint8], heat: NDArray[np.float32], *, side: int = 224) -> bytes:
    """`overlay` as a PNG file."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(overlay(image, heat, side=side)).save(buffer, "PNG")
    return buffer.getvalue()


def _ground(grey: NDArray) -> float:
    """The median along the border of the image (H, W)."""
    return float(np.median(np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])))
