"""ImageSet: images, given labels and ids in one order; what every step reads, and which samples of a dataset are read."""

import hashlib
import re
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from curate.data.annotations import Annotations
from curate.data.working_copies import Pictures
from curate.errors import DataError, UnknownNameError, UsageError
from curate.row_blocks import forget_pages

SPLITS = ("train", "validation", "test")
SPLIT_WORDS = {
    "train": ("train", "training", "trn"),
    "validation": ("validation", "val", "valid", "validate", "dev", "eval", "evaluation"),
    "test": ("test", "testing", "tst"),
}
"""What people call the splits, in folders, tables and tags."""


@dataclass(frozen=True)
class ImageSet:
    """An image-classification dataset in a fixed order.

    Attributes:
        name: short name, used for run folders and the FiftyOne dataset.
        images: (N, C, H, W) uint8; an array in memory, or a memory map where the set is large.
        labels: (N,) int64 in 0..K-1 as given; -1 where unlabelled.
        sample_ids: (N,) str, unique, such as `mnist/test/3520`; the index is that of the official file order.
        splits: (N,) str, each one of `train`, `validation`, `test`.
        class_names: K names, in the order of the label values.
        filepaths: (N,) str, the original file of each image, or None where the images come from one archive.
        origin: what `curate.data.load` needs to read the same set again (JSON-able).
        annotations: the labels of several annotators that `labels` are the majority of, where there are such.
        pictures: the photographs that `images` are small squares of; None where `images` are the very pixels.
        groups: (N,) int64, equal for samples that must share a fold (one product, patient, video, burst), -1 = in none; None where
            nobody named any.

    Raises:
        DataError: the arrays differ in length, or a value is out of range.
    """

    name: str
    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    sample_ids: NDArray[np.str_]
    splits: NDArray[np.str_]
    class_names: tuple[str, ...]
    filepaths: NDArray[np.str_] | None = None
    origin: dict = field(default_factory=dict)
    annotations: Annotations | None = None
    pictures: Pictures | None = None
    groups: NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        if self.images.ndim != 4 or self.images.dtype != np.uint8:
            raise DataError(f"images of '{self.name}' must be uint8 (N, C, H, W), found {self.images.dtype} {self.images.shape}")
        n = len(self.images)
        for what in ("labels", "sample_ids", "splits", "filepaths", "groups"):
            values = getattr(self, what)
            if values is not None and values.shape != (n,):
                raise DataError(f"{what} of '{self.name}' has shape {values.shape} but there are {n} images")
        if n == 0:
            raise DataError(f"'{self.name}' has no images")
        if self.labels.min() < -1 or self.labels.max() >= self.num_classes:
            wrong = self.labels[(self.labels < -1) | (self.labels >= self.num_classes)][0]
            raise DataError(f"label {wrong} of '{self.name}' is outside 0..{self.num_classes - 1} (-1 = unlabelled)")
        strange = sorted(set(np.unique(self.splits).tolist()) - set(SPLITS))
        if strange:
            raise DataError(f"split '{strange[0]}' of '{self.name}' is not one of {', '.join(SPLITS)}")
        if len(np.unique(self.sample_ids)) != n:
            raise DataError(f"the sample ids of '{self.name}' are not unique")

    def __len__(self) -> int:
        return len(self.images)

    @property
    def num_classes(self) -> int:
        """K."""
        return len(self.class_names)

    @cached_property
    def images_hash(self) -> str:
        """SHA-256 of the shape, the pixels and the sample ids: whether two sets hold the same samples."""
        digest = hashlib.sha256(repr(self.images.shape).encode())
        for start in range(0, len(self), 8192):  # in blocks, so that a memory map is never read whole
            digest.update(np.ascontiguousarray(self.images[start : start + 8192]).data)
            forget_pages(self.images)
        digest.update("\n".join(self.sample_ids.tolist()).encode())
        return digest.hexdigest()

    @cached_property
    def labels_hash(self) -> str:
        """SHA-256 of the given labels and the class names."""
        names = "\n".join(self.class_names).encode()
        return hashlib.sha256(np.ascontiguousarray(self.labels, dtype="<i8").tobytes() + names).hexdigest()

    def subset(self, indices: NDArray) -> "ImageSet":
        """The samples at `indices` (integer positions or a boolean mask), in that order."""
        filepaths = None if self.filepaths is None else self.filepaths[indices]
        return replace(
            self,
            images=self.images[indices],
            labels=self.labels[indices],
            sample_ids=self.sample_ids[indices],
            splits=self.splits[indices],
            filepaths=filepaths,
            annotations=None if self.annotations is None else self.annotations.subset(indices, len(self)),
            pictures=None if self.pictures is None else self.pictures.subset(indices),
            groups=None if self.groups is None else self.groups[indices],
        )

    def with_labels(self, labels: NDArray[np.int64]) -> "ImageSet":
        """The same images under other labels, (N,) int64 in -1..K-1."""
        return replace(self, labels=np.asarray(labels, dtype=np.int64))


def split_named(name: str) -> str | None:
    """The split that people mean by `name`: `train`, `Training`, `training_set`, `seg_train`, `test1`; None where it is none."""
    word = re.sub(r"^(seg|img|images)[_-]|([_-]?(set|images|data))?[_-]?\d*$", "", name.strip().lower())
    return next((split for split, words in SPLIT_WORDS.items() if word in words), None)


def select(splits: NDArray[np.str_], *, split: str = "all", limit: int | None = None) -> NDArray[np.int64]:
    """Positions of the samples to read, ascending.

    Args:
        splits: (N,), the split of each sample in dataset order.
        split: one of `train`, `validation`, `test`, or `all`.
        limit: that many samples, evenly spaced over the dataset order so that splits and classes keep their shares; all
            where there are fewer.

    Raises:
        UnknownNameError: no split has that name.
        DataError: the split has no samples.
        UsageError: `limit` is under 1.
    """
    if split not in ("all", *SPLITS):
        raise UnknownNameError.of("split", split, ("all", *SPLITS))
    if limit is not None and limit < 1:
        raise UsageError(f"the limit must be 1 or more, found {limit}")
    positions = np.arange(len(splits)) if split == "all" else np.flatnonzero(splits == split)
    if len(positions) == 0:
        raise DataError(f"there are no samples in split '{split}'; the splits are {', '.join(sorted(set(splits.tolist()))) or 'none'}")
    if limit is not None and limit < len(positions):
        positions = positions[np.linspace(0, len(positions) - 1, limit).round().astype(np.int64)]
    return positions


def not_chosen(splits: NDArray[np.str_], *, split: str, limit: int | None) -> dict[str, int]:
    """How many samples `select` leaves out, by the reason."""
    num = len(splits) if split == "all" else int((splits == split).sum())
    left_out = {f"not in the split {split}": len(splits) - num, f"beyond --limit {limit}": max(0, num - (limit or num))}
    return {reason: count for reason, count in left_out.items() if count}


def describe(image_set: ImageSet) -> dict:
    """The `dataset` section of `run.json`."""
    votes = image_set.annotations
    return {
        "name": image_set.name,
        "origin": image_set.origin,
        "images_hash": image_set.images_hash,
        "labels_hash": image_set.labels_hash,
        "num_samples": len(image_set),
        "class_names": image_set.class_names,
        "image_shape": image_set.images.shape[1:],
        "splits": {split: int((image_set.splits == split).sum()) for split in SPLITS if (image_set.splits == split).any()},
        **({} if votes is None else {"annotations": {"num_annotators": len(votes.names), "num_labels": len(votes.labels)}}),
    }


def intake(dataset: dict[str, Any]) -> dict[str, Any]:
    """What came of the files of a source, from the `dataset` section of a run: read, skipped and broken together are all that was there.

    Returns:
        `num_read`; and where there are such `passed_over` (number of files by reason), `left_out` (their names), `skipped` (what is wrong
        with each file that could not be read) and `remarks`.
    """
    origin = dataset.get("origin", {})
    found = {name: origin.get(name) for name in ("passed_over", "left_out", "skipped", "remarks")}
    return {"num_read": dataset["num_samples"], **{name: value for name, value in found.items() if value}}
