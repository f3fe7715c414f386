"""Which fold holds a sample out: stratified, with exact duplicates together; and which samples may be learnt from."""

import numpy as np
from numpy.typing import NDArray

from curate.data.image_set import ImageSet
from curate.errors import DataError, UsageError


def assign_folds(
    labels: NDArray[np.int64],
    *,
    num_folds: int,
    seed: int,
    groups: NDArray[np.int64] | None = None,
    strata: NDArray[np.int64] | None = None,
    trainable: NDArray[np.bool_] | None = None,
    class_names: tuple[str, ...] | None = None,
    keep_rare: bool = False,
) -> NDArray[np.int16]:
    """The fold of every sample, so that each class is spread evenly and no group is divided.

    Args:
        labels: (N,) in -1..K-1; unlabelled samples (-1) are spread like a class of their own.
        num_folds: 2 or more.
        seed: of the shuffling.
        groups: (N,) group of each sample, such as exact duplicates; None = each sample is its own group.
        strata: (N,) further division, such as the split, that is spread evenly as well.
        trainable: (N,) samples that models may be trained on; each class that occurs needs `num_folds` groups of them.
        class_names: for the message.
        keep_rare: classes with fewer samples than folds are no error; in some folds nothing is learnt of them.

    Returns:
        (N,) int16 in 0..num_folds-1.

    Raises:
        UsageError: fewer than 2 folds.
        DataError: a class has fewer samples to train on than there are folds; the message names it. All that models may be trained on
            share a fold.
    """
    n = len(labels)
    if num_folds < 2:
        raise UsageError(f"cross-validation needs at least 2 folds, found {num_folds}")
    groups = np.arange(n) if groups is None else groups
    strata = np.zeros(n, np.int64) if strata is None else strata
    trainable = labels >= 0 if trainable is None else trainable & (labels >= 0)
    for label in () if keep_rare else np.unique(labels[labels >= 0]):
        count = len(np.unique(groups[trainable & (labels == label)]))
        if count < num_folds:
            name = class_names[label] if class_names else str(label)
            fewer_folds = f"use --folds {count}, " if count > 1 else ""
            raise DataError(
                f"class {name} has {count} distinct sample{'s' if count != 1 else ''} to train on, fewer than the {num_folds} folds; "
                f"{fewer_folds}add samples, or leave the class out"
            )
    _, first, group_index = np.unique(groups, return_index=True, return_inverse=True)
    keys = np.stack([labels[first], strata[first]], axis=1)  # (G, 2): a group goes where its first sample belongs
    _, stratum = np.unique(keys, axis=0, return_inverse=True)
    generator = np.random.default_rng(seed)
    shuffled = generator.permutation(len(first))
    order = shuffled[np.argsort(stratum.ravel()[shuffled], kind="stable")]  # shuffled inside each stratum
    fold_of_group = np.empty(len(first), np.int16)
    fold_of_group[order] = (np.arange(len(first)) + generator.integers(num_folds)) % num_folds  # dealt out in turn, class by class
    fold = fold_of_group[group_index]
    if trainable.any() and len(np.unique(fold[trainable])) == 1:  # whoever learns from the other folds has nothing to learn from
        raise DataError(
            f"the {trainable.sum():,} labelled pictures to learn from are all the same picture or of one group; add others, so that what "
            "was learnt from some can judge the rest"
        )
    return fold


def trainable_samples(image_set: ImageSet, *, pool_splits: bool) -> NDArray[np.bool_]:
    """(N,) which samples models may learn from: all but the test split, unless there is nothing else or it is pooled."""
    outside_test = image_set.splits != "test"
    return np.ones(len(image_set), bool) if pool_splits or not outside_test.any() else outside_test


def weak_classes(
    labels: NDArray[np.int64], groups: NDArray[np.int64], learnt: NDArray[np.bool_], *, num_classes: int, num_folds: int
) -> list[int]:
    """The classes with samples, but with fewer groups to learn from than there are folds.

    Args:
        labels: (N,) in -1..K-1.
        groups: (N,), equal for samples that share a fold.
        learnt: (N,) samples that may be learnt from.
        num_classes: K.
    """
    counts = [len(np.unique(groups[learnt & (labels == k)])) for k in range(num_classes)]
    return [k for k, count in enumerate(counts) if count < num_folds and (labels == k).any()]
