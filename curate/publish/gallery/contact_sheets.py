"""Pictures of the cards, many to a file: a site of 50,000 has some hundred files, and a screen of cards needs one to a few."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from curate.data.image_set import ImageSet
from curate.progress import Progress, silent
from curate.publish.shown import is_crisp, picture_of

MAX_SIDE = 160  # pixels; larger images are scaled down to this
PHOTO_SIDE = 224  # of the square in which a photograph stands
GROUND = (236, 236, 236)
CRISP_COLUMNS, COLUMNS = 8, 4  # tiles in a row, and rows, of a sheet: 16 to 150 kB in either case
JPEG_QUALITY = 85
STAGE = "gallery"


def write_sheets(image_set: ImageSet, rows: NDArray[np.int64], folder: Path, *, progress: Progress = silent) -> dict[str, Any]:
    """Writes the pictures of `rows` into `folder` and returns how to find them, as `data.js` tells it.

    Args:
        image_set: N samples. Photographs keep their aspect, on a ground of light grey.
        rows: (M,) positions among the N, in the order of the cards.
        folder: where `0.png, 1.png, …` go; there it must be, and empty.
        progress: called with the stage `gallery`.

    Returns:
        `columns` (a sheet has as many rows), `width` and `height` of a tile, `suffix` of the files, and `crisp`.
    """
    crisp = is_crisp(image_set)
    columns = CRISP_COLUMNS if crisp else COLUMNS
    per_sheet = columns * columns
    width, height = _tile_size(image_set)
    suffix = ".png" if crisp else ".jpg"
    for start in range(0, len(rows), per_sheet):
        progress(STAGE, start, len(rows))
        tiles = [picture_of(image_set, int(row), longest=max(width, height)) for row in rows[start : start + per_sheet]]
        mode = "L" if all(tile.mode == "L" for tile in tiles) else "RGB"
        size = (width * min(columns, len(tiles)), height * -(-len(tiles) // columns))
        sheet = Image.new(mode, size, GROUND if mode == "RGB" else GROUND[0])
        for place, tile in enumerate(tiles):
            left, top = place % columns * width, place // columns * height
            sheet.paste(tile, (left + (width - tile.width) // 2, top + (height - tile.height) // 2))
        sheet.save(folder / f"{start // per_sheet}{suffix}", **({"optimize": True} if crisp else {"quality": JPEG_QUALITY}))
    progress(STAGE, len(rows), len(rows))
    return {"columns": columns, "width": width, "height": height, "suffix": suffix, "crisp": crisp}


def _tile_size(image_set: ImageSet) -> tuple[int, int]:
    if image_set.pictures is not None:
        return PHOTO_SIDE, PHOTO_SIDE
    height, width = image_set.images.shape[2:]
    scale = min(1.0, MAX_SIDE / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))
