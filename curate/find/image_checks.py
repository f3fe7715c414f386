"""What is wrong with the pictures themselves: dark, light, blurry, empty, of odd size or shape, the same by perceptual hash."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from curate.progress import Progress, silent

CHECKS = ("dark", "light", "blurry", "low_information", "odd_size", "odd_aspect_ratio")
BLOCK = 512
HASH_SIDE = 8  # bits: cleanvision's


@dataclass(frozen=True)
class ImageChecks:
    """What the pictures of N samples are like.

    Attributes:
        scores: (N,) float32 in [0, 1] by check; low = bad.
        is_issue: (N,) bool by check.
        hash_set: (N,) int64, counted from 0 in dataset order, shared by pictures of one perceptual hash; -1 = none.
    """

    scores: dict[str, NDArray[np.float32]]
    is_issue: dict[str, NDArray[np.bool_]]
    hash_set: NDArray[np.int64]

    def columns(self) -> dict[str, NDArray]:
        """As columns of the issue table: `dark_score`, `is_dark_issue`, … and `hash_set`, `is_hash_duplicate_issue`."""
        found: dict[str, NDArray] = {}
        for check in self.scores:
            found |= {f"{check}_score": self.scores[check], f"is_{check}_issue": self.is_issue[check]}
        return found | {"hash_set": self.hash_set, "is_hash_duplicate_issue": self.hash_set >= 0}


def check_images(
    picture: Callable[[int], NDArray[np.uint8]], num_samples: int, *, num_threads: int = 2, progress: Progress = silent
) -> ImageChecks:
    """The checks of cleanvision, with its scores and its thresholds, and the sets of its near duplicates.

    They were made for photographs: of drawings and small grey pictures such as MNIST nearly all are `low_information`.

    Args:
        picture: the i-th picture, (1, H, W) or (3, H, W) uint8, each of any size; called from several threads.
        num_samples: N.
        num_threads: that read and measure.
        progress: called with stage `image checks`, in samples.

    Source: cleanvision 0.3 (Apache-2.0): percentiles of brightness, entropy, variance of edges, interquartile fence of the size.
    """
    import pandas as pd
    from cleanvision.issue_managers.image_property_issue_manager import ImagePropertyIssueManager

    manager = ImagePropertyIssueManager()
    measured: list[dict[str, Any]] = []
    with ThreadPoolExecutor(num_threads) as pool:
        for start in range(0, num_samples, BLOCK):
            stop = min(start + BLOCK, num_samples)
            measured += pool.map(lambda i: _measure(picture(i), manager.image_properties), range(start, stop))
            progress("image checks", stop, num_samples)
    hashes = np.array([each.pop("hash") for each in measured])
    raw = pd.DataFrame(measured)
    manager.issues = pd.DataFrame(index=raw.index)
    manager.update_issues(raw, sorted(CHECKS))
    return ImageChecks(
        scores={check: manager.issues[f"{check}_score"].to_numpy(np.float32) for check in CHECKS},
        is_issue={check: manager.issues[f"is_{check}_issue"].to_numpy(bool) for check in CHECKS},
        hash_set=_sets(hashes),
    )


def _measure(pixels: NDArray[np.uint8], properties: dict[str, Any]) -> dict[str, Any]:
    import imagehash
    from PIL import Image

    image = Image.fromarray(pixels[0] if len(pixels) == 1 else np.ascontiguousarray(pixels.transpose(1, 2, 0)))
    values: dict[str, Any] = {"hash": str(imagehash.phash(image, hash_size=HASH_SIDE))}
    for check in CHECKS:
        if check != "light":  # the same property as dark
            values |= properties[check].calculate(image)
    return values


def _sets(hashes: NDArray[np.str_]) -> NDArray[np.int64]:
    """(N,) sets of equal hashes, numbered in the order of their first members; -1 where no other is equal."""
    _, first, inverse, counts = np.unique(hashes, return_index=True, return_inverse=True, return_counts=True)
    shared = np.flatnonzero(counts > 1)
    number = np.full(len(counts), -1, dtype=np.int64)
    number[shared[np.argsort(first[shared])]] = np.arange(len(shared))
    return number[inverse]
