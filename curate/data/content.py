"""What is in a picture, as a short text: the same picture is known again under another id, in another run."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from curate.data.image_set import ImageSet
from curate.data.pictures import KEY_BYTES, content_key

CONTENTS = "contents.npy"
"""What a run folder keeps of sets whose sample ids may come to mean other pictures: (N, 16) uint8, see `contents_of`."""


def content_ids(image_set: ImageSet, rows: Iterable[int] | None = None) -> list[str]:
    """32 hexadecimal digits of each picture: of its file where there is one, else of its shape and pixels.

    Args:
        rows: positions; None = all.
    """
    return [_key(image_set, int(row)).hex() for row in (range(len(image_set)) if rows is None else rows)]


def contents_of(image_set: ImageSet) -> NDArray[np.uint8]:
    """(N, 16) uint8: the same for all samples, as bytes."""
    return np.frombuffer(b"".join(_key(image_set, row) for row in range(len(image_set))), np.uint8).reshape(-1, KEY_BYTES)


def by_sample(sample_ids: NDArray[np.str_], contents: NDArray[np.uint8]) -> dict[str, str]:
    """32 hexadecimal digits by sample id, from (N,) ids and (N, 16) contents as a run folder keeps them."""
    return {sample_id: content.tobytes().hex() for sample_id, content in zip(sample_ids.tolist(), contents, strict=True)}


def _key(image_set: ImageSet, row: int) -> bytes:
    if image_set.pictures is not None:  # read and digested once already
        return image_set.pictures.facts["key"][row].tobytes()
    if image_set.filepaths is not None:
        try:
            return content_key(Path(str(image_set.filepaths[row])).read_bytes())
        except OSError:
            pass  # the file is gone; the pixels are there
    image = np.ascontiguousarray(image_set.images[row])
    return content_key(repr(image.shape).encode() + image.tobytes())
