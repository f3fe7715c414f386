"""What is in a picture, as a short text: the same picture is known again under another id."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from curate.data.image_set import ImageSet


def content_ids(image_set: ImageSet, rows: Iterable[int] | None = None) -> list[str]:
    """32 hexadecimal digits of each picture: of its file where there is one, else of its shape and pixels.

    Args:
        rows: positions; None = all.
    """
    return [_content_id(image_set, int(row)) for row in (range(len(image_set)) if rows is None else rows)]


def _content_id(image_set: ImageSet, row: int) -> str:
    if image_set.filepaths is not None:
        try:
            return hashlib.blake2b(Path(str(image_set.filepaths[row])).read_bytes(), digest_size=16).hexdigest()
        except OSError:
            pass  # the file is gone; the pixels are there
    image = np.ascontiguousarray(image_set.images[row])
    return hashlib.blake2b(repr(image.shape).encode() + image.tobytes(), digest_size=16).hexdigest()
