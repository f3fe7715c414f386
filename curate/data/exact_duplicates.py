"""Which images are equal, pixel for pixel."""

import hashlib

import numpy as np
from numpy.typing import NDArray

from curate.data.image_set import ImageSet

BLOCK = 4096
"""Images read at once, so that a memory map is never read whole."""


def duplicate_groups(images: NDArray[np.uint8]) -> NDArray[np.int64]:
    """A group id per image, the same for two images exactly when all their pixels are equal.

    Args:
        images: (N, C, H, W) uint8, an array or a memory map.

    Returns:
        (N,) int64, numbered 0, 1, 2, … in the order in which each group's first image comes; as many ids as distinct images.
    """
    groups = np.empty(len(images), dtype=np.int64)
    first_of: list[int] = []  # the first image of each group
    groups_of: dict[bytes, list[int]] = {}  # by digest; more than one only where digests collide
    for start in range(0, len(images), BLOCK):
        block = np.ascontiguousarray(images[start : start + BLOCK])
        for i, image in enumerate(block, start):
            alike = groups_of.setdefault(_digest(image), [])
            group = next((g for g in alike if np.array_equal(images[first_of[g]], image)), -1)
            if group < 0:
                group = len(first_of)
                first_of.append(i)
                alike.append(group)
            groups[i] = group
    return groups


def _digest(image: NDArray[np.uint8]) -> bytes:
    return hashlib.blake2b(image.data, digest_size=16).digest()


def exact_duplicates(image_set: ImageSet) -> NDArray[np.int64]:
    """(N,) int64 group of each sample: the same where two files have the same content, or two images the same pixels."""
    if image_set.pictures is None:
        return duplicate_groups(image_set.images)
    keys = image_set.pictures.facts["key"]
    _, first, inverse = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[inverse.ravel()].astype(np.int64)
