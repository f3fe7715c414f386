"""From a cleaned table to the ImageSet that is trained on."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from curate.datasets.image_set import ImageSet
from curate.errors import DataError, UnknownNameError


def clean_image_set(image_set: ImageSet, cleaned: pd.DataFrame, *, splits: Sequence[str] = ("train", "validation")) -> ImageSet:
    """The images that are left, with their cleaned labels.

    Dropped samples are removed, relabelled ones carry the new label, abstained ones -1 (training ignores those). Samples of other
    splits stay as they are: by default test images, so that a model before and after is measured on the same ones.

    Args:
        image_set: the audited set.
        cleaned: from `apply_policy`, one row per sample, in any order.
        splits: where the policy is applied.

    Raises:
        DataError: `cleaned` lacks a sample or was made from other given labels, or nothing labelled of a class is left.
        UnknownNameError: a new label is not a class.
    """
    rows = cleaned.set_index("sample_id")
    missing = set(image_set.sample_ids.tolist()) - set(rows.index)
    if missing:
        raise DataError(f"the cleaned table lacks {len(missing)} samples, such as '{min(missing)}'; was it made from '{image_set.name}'?")
    rows = rows.loc[image_set.sample_ids]
    if (_values(rows["given_label"], image_set) != image_set.labels).any():
        raise DataError(f"the cleaned table was made from other given labels than those of '{image_set.name}'; run `curate clean` again")
    chosen = np.isin(image_set.splits, list(splits))
    labels = np.where(chosen, _values(rows["label"], image_set), image_set.labels)
    keep = ~(chosen & (rows["action"].to_numpy() == "drop"))
    lost = np.setdiff1d(image_set.labels[chosen & (image_set.labels >= 0)], labels[chosen & keep])
    if len(lost):
        raise DataError(
            f"cleaning leaves class '{image_set.class_names[lost[0]]}' without a labelled sample; review it, or choose another policy"
        )
    return image_set.with_labels(labels).subset(keep)


def _values(names: pd.Series, image_set: ImageSet) -> np.ndarray:
    """(N,) int64 label values of class names, -1 where null."""
    values = {name: value for value, name in enumerate(image_set.class_names)}
    strange = sorted(set(names.dropna()) - values.keys())
    if strange:
        raise UnknownNameError.of("class", strange[0], values)
    return np.array([values.get(name, -1) for name in names.astype(object)], dtype=np.int64)
