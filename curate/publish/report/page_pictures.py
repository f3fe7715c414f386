"""Pictures inside the page: thumbnails and contact sheets as data URIs, so that nothing is fetched from elsewhere."""

import base64
import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

MAX_SIDE = 96  # pixels; larger images are scaled down
CRISP_SIDE = 64  # up to here an image is stored losslessly and enlarged pixel by pixel
JPEG_QUALITY = 85


def thumbnail(image: NDArray[np.uint8], max_side: int = MAX_SIDE) -> str:
    """`image` as a data URI; its longer side is at most `max_side` pixels.

    Args:
        image: (C, H, W); C = 1 is grey, 3 is colour, of any other C the first channel is shown as grey.
        max_side: in pixels.

    Returns:
        PNG (exact pixels) up to 64 pixels a side, JPEG above.
    """
    return _data_uri(_picture(image, max_side))


def contact_sheet(images: NDArray[np.uint8], *, tile_side: int = 40, num_columns: int = 20) -> tuple[str, int, int]:
    """Many small pictures in one, row by row.

    Args:
        images: (M, C, H, W), M >= 1.
        tile_side: longest side of a tile in pixels; images are never enlarged.
        num_columns: tiles in a row.

    Returns:
        The sheet as a data URI, and width and height of one tile in pixels.
    """
    tiles = [_picture(image, tile_side) for image in images]
    width, height = tiles[0].size
    rows = -(-len(tiles) // num_columns)
    sheet = Image.new(tiles[0].mode, (width * min(num_columns, len(tiles)), height * rows))
    for position, tile in enumerate(tiles):
        sheet.paste(tile, (position % num_columns * width, position // num_columns * height))
    return _data_uri(sheet, lossless=sheet.mode == "L"), width, height


def is_crisp(shape: tuple[int, ...]) -> bool:
    """Whether images of `shape` (..., H, W) are so small that the page should show their pixels as squares."""
    return max(shape[-2:]) <= CRISP_SIDE


def _picture(image: NDArray[np.uint8], max_side: int) -> Image.Image:
    pixels = np.asarray(image)
    picture = Image.fromarray(np.ascontiguousarray(pixels.transpose(1, 2, 0)) if len(pixels) == 3 else np.ascontiguousarray(pixels[0]))
    if max(picture.size) > max_side:
        scale = max_side / max(picture.size)
        size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
        picture = picture.resize(size, Image.Resampling.LANCZOS)
    return picture


def _data_uri(picture: Image.Image, lossless: bool | None = None) -> str:
    if lossless is None:
        lossless = max(picture.size) <= CRISP_SIDE
    buffer = io.BytesIO()
    if lossless:
        picture.save(buffer, "PNG", optimize=True)
    else:
        picture.save(buffer, "JPEG", quality=JPEG_QUALITY)
    kind = "png" if lossless else "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(buffer.getvalue()).decode()}"
