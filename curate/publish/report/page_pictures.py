"""Pictures inside the page: thumbnails and contact sheets as data URIs, so that nothing is fetched from elsewhere."""

import base64
import io
from collections.abc import Sequence

from PIL import Image

from curate.data.image_set import ImageSet
from curate.publish.shown import CRISP_SIDE, picture_of

MAX_SIDE = 256  # pixels of the longer side; larger pictures are scaled down
SMALL_SIDE = 144  # of those that are not the suspects
JPEG_QUALITY = 80


def thumbnail(image_set: ImageSet, position: int, max_side: int = MAX_SIDE) -> str:
    """The picture of a sample as a data URI; its longer side is at most `max_side` pixels.

    Returns:
        PNG (exact pixels) up to 64 pixels a side, JPEG above.
    """
    return _data_uri(picture_of(image_set, position, longest=max_side))


def contact_sheet(image_set: ImageSet, positions: Sequence[int], *, tile_side: int = 40, num_columns: int = 20) -> tuple[str, int, int]:
    """Many small pictures in one, row by row, each in the middle of its tile.

    Args:
        positions: M samples, M >= 1.
        tile_side: longest side of a tile in pixels; images are never enlarged.
        num_columns: tiles in a row.

    Returns:
        The sheet as a data URI, and width and height of one tile in pixels.
    """
    tiles = [picture_of(image_set, position, longest=tile_side) for position in positions]
    width, height = max(tile.width for tile in tiles), max(tile.height for tile in tiles)
    rows = -(-len(tiles) // num_columns)
    mode = "L" if all(tile.mode == "L" for tile in tiles) else "RGB"
    sheet = Image.new(mode, (width * min(num_columns, len(tiles)), height * rows))
    for place, tile in enumerate(tiles):
        left, top = place % num_columns * width, place // num_columns * height
        sheet.paste(tile, (left + (width - tile.width) // 2, top + (height - tile.height) // 2))
    return _data_uri(sheet, lossless=sheet.mode == "L"), width, height


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
