"""What a picture is like, measured at bounded resolution: brightness, sharpness, entropy, a perceptual hash."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL import Image

FACTS = np.dtype(
    [
        ("key", "u1", (16,)),
        ("width", "<i4"),
        ("height", "<i4"),
        ("is_grey", "?"),
        ("brightness_perc_5", "<f4"),
        ("brightness_perc_99", "<f4"),
        ("brightness", "<f4"),
        ("entropy", "<f4"),
        ("blurriness", "<f4"),
        ("blurriness_grayscale_std", "<f4"),
        ("perceptual_hash", "<u8"),
    ]
)
"""One record per picture: its content key, the size of the original, and what was measured, in cleanvision's units."""
MEASURED = FACTS.names[4:10] if FACTS.names else ()
BLUR_SIDE = 64
"""The long side at which cleanvision looks for blur."""
MEASURED_SIDE = 256
"""The long side at which all else is measured."""
HASH_SIDE = 8
LUMINANCE = np.array([0.241, 0.691, 0.068], np.float32)


def measure(image: "Image.Image", *, key: bytes, width: int, height: int, is_grey: bool) -> NDArray:
    """The facts of one picture, a 0-dimensional array of FACTS.

    Args:
        image: RGB, of 256 pixels or more; more detail changes none of the verdicts.
        key: 16 bytes, see `curate.data.pictures.content_key`.
        width, height: of the original.
        is_grey: whether the original has no colours.

    Source: cleanvision 0.3 (Apache-2.0) for brightness, entropy and blur; imagehash's pHash for the hash: which of the 8 x 8 lowest
    frequencies of the grey picture at 32 x 32 are above their median.
    """
    from PIL import Image, ImageFilter, ImageStat

    facts = np.zeros((), FACTS)
    facts["key"] = np.frombuffer(key, np.uint8)
    facts["width"], facts["height"], facts["is_grey"] = width, height, is_grey
    if max(image.size) > MEASURED_SIDE:
        scale = MEASURED_SIDE / max(image.size)
        image = image.resize((max(round(image.width * scale), 1), max(round(image.height * scale), 1)), Image.Resampling.BILINEAR)
    rgb = np.asarray(image, dtype=np.float32)  # (H, W, 3)
    squares = (np.square(rgb) @ LUMINANCE).ravel()  # (H * W,)
    facts["brightness_perc_5"], facts["brightness_perc_99"] = _percentiles(squares, 0.05, 0.99) / 255
    facts["brightness"] = np.sqrt(np.square(rgb.mean(axis=(0, 1))) @ LUMINANCE) / 255
    grey = image.convert("L")
    facts["entropy"] = (grey if is_grey else image).entropy()
    ratio = max(max(image.size) / BLUR_SIDE, 1.0)
    small = image.resize((max(int(image.width // ratio), 1), max(int(image.height // ratio), 1))).convert("L")
    facts["blurriness"] = np.sqrt(ImageStat.Stat(small.filter(ImageFilter.FIND_EDGES)).var[0])
    facts["blurriness_grayscale_std"] = np.std(small.histogram())
    tiny = np.asarray(grey.resize((4 * HASH_SIDE, 4 * HASH_SIDE), Image.Resampling.LANCZOS), dtype=np.float32)
    lowest = (_COSINES @ tiny @ _COSINES.T)[:HASH_SIDE, :HASH_SIDE]
    facts["perceptual_hash"] = np.packbits((lowest > np.median(lowest)).ravel()).view(">u8")[0]
    return facts


def _percentiles(squares: NDArray[np.float32], *shares: float) -> NDArray[np.floating]:
    """Percentiles of the roots of `squares`, interpolated as numpy does, without sorting or taking all roots."""
    exact = np.array(shares) * (len(squares) - 1)
    low = exact.astype(np.int64)
    high = np.minimum(low + 1, len(squares) - 1)
    ranked = np.sqrt(np.partition(squares, np.unique([low, high]))[np.stack([low, high])].astype(np.float64))  # (2, shares)
    return ranked[0] + (exact - low) * (ranked[1] - ranked[0])


def _cosines(n: int) -> NDArray[np.float32]:
    k, x = np.arange(n)[:, None], np.arange(n)[None]
    return np.cos(np.pi * k * (2 * x + 1) / (2 * n)).astype(np.float32)


_COSINES = _cosines(4 * HASH_SIDE)
