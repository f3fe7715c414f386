"""load: any source as an ImageSet, and reload: the very same set again, also on another machine."""

from pathlib import Path

import numpy as np

from curate.datasets.catalog import catalog_entry
from curate.datasets.fetch import fetch
from curate.datasets.image_set import ImageSet
from curate.datasets.selection import select
from curate.progress import Progress, silent


def load(
    source: str,
    *,
    root: Path | None = None,
    split: str = "all",
    limit: int | None = None,
    labels: Path | None = None,
    skip_broken: bool = False,
    image_size: int | None = None,
    progress: Progress = silent,
) -> ImageSet:
    """The dataset `source` as an ImageSet (thin version: catalog names only)."""
    entry = catalog_entry(source)
    images, given, num_train = entry.read(fetch(source, root=root, progress=progress))
    splits = np.repeat(["train", "test"], [num_train, len(given) - num_train])
    index = np.concatenate([np.arange(num_train), np.arange(len(given) - num_train)])
    ids = np.char.add(np.char.add(f"{source}/", np.char.add(splits, "/")), index.astype(np.str_))
    keep = select(splits, split=split, limit=limit)
    origin = {"source": source, "split": split, "limit": limit}
    whole = ImageSet(source, images, given, ids, splits, entry.class_names, None, origin)
    return whole if len(keep) == len(whole) else whole.subset(keep)


def reload(origin: dict, *, root: Path | None = None, progress: Progress = silent) -> ImageSet:
    """The set that `origin` describes, read again."""
    return load(origin["source"], root=root, split=origin["split"], limit=origin["limit"], progress=progress)
