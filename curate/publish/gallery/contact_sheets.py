"""Pictures of the cards, many to a file: a site of 50,000 has some hundred files, and a screen of cards needs one to a few."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from curate.progress import Progress, silent

CRISP_SIDE = 64  # pixels; up to here pictures are kept exactly and enlarged pixel by pixel
MAX_SIDE = 160  # larger pictures are scaled down to this
CRISP_COLUMNS, COLUMNS = 8, 4  # tiles in a row, and rows, of a sheet: 16 to 150 kB in either case
JPEG_QUALITY = 85
STAGE = "gallery"


def write_sheets(images: NDArray[np.uint8], rows: NDArray[np.int64], folder: Path, *, progress: Progress = silent) -> dict[str, Any]:
    """Writes the pictures of `rows` into `folder` and returns how to find them, as `data.js` tells it.

    Args:
        images: (N, C, H, W); C = 1 is grey, 3 is colour, of any other C the first channel is shown as grey.
        rows: (M,) positions among the N, in the order of the cards.
        folder: where `0.png, 1.png, …` go; there it must be, and empty.
        progress: called with the stage `gallery`.

    Returns:
        `columns` (a sheet has as many rows), `width` and `height` of a tile, `suffix` of the files, and `crisp`.
    """
    crisp = max(images.shape[2:]) <= CRISP_SIDE
    columns = CRISP_COLUMNS if crisp else COLUMNS
    per_sheet = columns * columns
    width, height = _tile_size(images.shape[3], images.shape[2])
    suffix = ".png" if crisp else ".jpg"
    for start in range(0, len(rows), per_sheet):
        progress(STAGE, start, len(rows))
        tiles = [_tile(image, (width, height)) for image in images[rows[start : start + per_sheet]]]
        sheet = Image.new(tiles[0].mode, (width * min(columns, len(tiles)), height * -(-len(tiles) // columns)))
        for place, tile in enumerate(tiles):
            sheet.paste(tile, (place % columns * width, place // columns * height))
        sheet.save(folder / f"{start // per_sheet}{suffix}", **({"optimize": True} if crisp else {"quality": JPEG_QUALITY}))
    progress(STAGE, len(rows), len(rows))
    return {"columns": columns, "width": width, "height": height, "suffix": suffix, "crisp": crisp}


def _tile_size(width: int, height: int) -> tuple[int, int]:
    scale = min(1.0, MAX_SIDE / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def _tile(image: NDArray[np.uint8], size: tuple[int, int]) -> Image.Image:
    pixels = image.transpose(1, 2, 0) if len(image) == 3 else image[0]  # (H, W, 3) or (H, W)
    picture = Image.fromarray(np.ascontiguousarray(pixels))
    return picture if picture.size == size else picture.resize(size, Image.Resampling.LANCZOS)
