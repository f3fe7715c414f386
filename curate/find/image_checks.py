"""What is wrong with the pictures themselves: dark, light, blurry, empty, of odd size or shape, the same by perceptual hash."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from curate.data.image_set import ImageSet
from curate.data.picture_facts import FACTS, MEASURED, measure
from curate.data.pictures import Decoded, quiet_pillow, read
from curate.progress import Progress, silent

CHECKS = ("dark", "light", "blurry", "low_information", "odd_size", "odd_aspect_ratio")
BLOCK = 512


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


def check_images(facts: NDArray[np.void]) -> ImageChecks:
    """The checks of cleanvision, with its scores and its thresholds, and the sets of its near duplicates.

    They were made for photographs: of drawings and small grey pictures such as MNIST nearly all are `low_information`.

    Args:
        facts: (N,) of `curate.data.picture_facts.FACTS`.

    Source: cleanvision 0.3 (Apache-2.0): percentiles of brightness, entropy, variance of edges, interquartile fence of the size.
    """
    import pandas as pd
    from cleanvision.issue_managers.image_property_issue_manager import ImagePropertyIssueManager

    manager = ImagePropertyIssueManager()
    width, height = facts["width"].astype(float), facts["height"].astype(float)
    raw = pd.DataFrame({name: facts[name].astype(float) for name in MEASURED})
    raw["aspect_ratio"] = np.minimum(width / height, height / width)
    raw["size"] = np.sqrt(width * height)
    manager.issues = pd.DataFrame(index=raw.index)
    manager.update_issues(raw, sorted(CHECKS))
    return ImageChecks(
        scores={check: manager.issues[f"{check}_score"].to_numpy(np.float32) for check in CHECKS},
        is_issue={check: manager.issues[f"is_{check}_issue"].to_numpy(bool) for check in CHECKS},
        hash_set=_sets(facts["perceptual_hash"]),
    )


def facts_of(image_set: ImageSet, *, progress: Progress = silent) -> NDArray[np.void]:
    """(N,) facts of the pictures: those of the decoding pass where there was one, else measured on the images of the set.

    Args:
        progress: called with stage `image checks`, in samples.
    """
    if image_set.pictures is not None:
        return image_set.pictures.facts
    facts = np.zeros(len(image_set), FACTS)
    for i, decoded in enumerate(_small_pictures(image_set)):
        facts[i] = measure(decoded.image, key=bytes(16), width=decoded.width, height=decoded.height, is_grey=decoded.is_grey)
        if i % BLOCK == BLOCK - 1:
            progress("image checks", i + 1, len(image_set))
    progress("image checks", len(image_set), len(image_set))
    return facts


def _small_pictures(image_set: ImageSet) -> Iterator[Decoded]:
    """The pictures as they lie in their files; or as the set has them where there are none."""
    from PIL import Image

    if image_set.filepaths is not None:
        with quiet_pillow():
            for path in image_set.filepaths.tolist():
                yield read(path)
        return
    for pixels in image_set.images:
        is_grey = len(pixels) == 1
        image = Image.fromarray(pixels[0] if is_grey else np.ascontiguousarray(pixels.transpose(1, 2, 0))).convert("RGB")
        yield Decoded(image, image.width, image.height, is_grey)


def _sets(hashes: NDArray[np.uint64]) -> NDArray[np.int64]:
    """(N,) sets of equal hashes, numbered in the order of their first members; -1 where no other is equal."""
    _, first, inverse, counts = np.unique(hashes, return_index=True, return_inverse=True, return_counts=True)
    shared = np.flatnonzero(counts > 1)
    number = np.full(len(counts), -1, dtype=np.int64)
    number[shared[np.argsort(first[shared])]] = np.arange(len(shared))
    return number[inverse]
