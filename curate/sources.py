"""Where the images of a run come from: a source by name, arrays, or those that a run folder was made from."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from curate.data.image_set import ImageSet
from curate.data.load import load, reload
from curate.errors import DataError, RunError
from curate.judge.judgement import arrays_of
from curate.options import Source
from curate.progress import Progress, silent
from curate.run import Run

FIFTYONE = "fiftyone:"
ARRAYS = "arrays"


def load_source(source: str | Source, *, progress: Progress = silent, **options: Any) -> ImageSet:
    """The dataset `source`: a catalog name, a folder, a table, or `fiftyone:NAME` for an existing FiftyOne dataset.

    Args:
        source: its name or path; or a Source, which has the options.
        options: the fields of `curate.Source`, where `source` is a name.

    Raises:
        DataError: the data is not what it should be.
        FetchError: no source could deliver the dataset.
    """
    source = source if isinstance(source, Source) else Source(source, **options)
    if not source.name.startswith(FIFTYONE):
        return load(source, progress=progress)
    from curate.app.fiftyone_source import load_by_source
    from curate.data.label_files import relabelled

    image_set = load_by_source(replace(source, name=source.name.removeprefix(FIFTYONE)), progress=progress)
    labels, annotations, remarks = relabelled(
        source,
        image_set.labels,
        sample_ids=image_set.sample_ids,
        positions=np.arange(len(image_set)),
        class_names=image_set.class_names,
        splits=image_set.splits,
    )
    paths = {name: str(Path(path).absolute()) for name in ("labels", "corrections") if (path := getattr(source, name)) is not None}
    origin = {**image_set.origin, **paths, "remarks": [*image_set.origin["remarks"], *remarks]}
    return replace(image_set, labels=labels, annotations=annotations, origin=origin)


def from_arrays(
    images: ArrayLike, labels: ArrayLike, *, class_names: Sequence[str] | None = None, name: str = ARRAYS, splits: ArrayLike | None = None
) -> ImageSet:
    """An image set of arrays.

    Args:
        images: uint8 (N, H, W), (N, H, W, C) or (N, C, H, W) with C = 1 or 3.
        labels: (N,) integers in -1..K-1, -1 where unlabelled; or N class names.
        class_names: K names in the order of the label values; by default the numbers, or the names in alphabetical order.
        name: of the dataset; it begins the sample ids, `arrays/0`, `arrays/1`, …
        splits: (N,) `train`, `validation` or `test`; all `train` by default.

    Raises:
        DataError: another shape or type, or a label is out of range.
    """
    pixels = np.asarray(images)
    if pixels.dtype != np.uint8 or pixels.ndim not in (3, 4):
        raise DataError(
            f"images must be uint8 of shape (N, H, W), (N, H, W, C) or (N, C, H, W), found {pixels.dtype} {pixels.shape}; "
            "values from 0 to 1 become (255 * images).astype('uint8')"
        )
    if pixels.ndim == 3:
        pixels = pixels[:, None]  # (N, 1, H, W)
    elif pixels.shape[1] not in (1, 3) and pixels.shape[3] in (1, 3):
        pixels = np.ascontiguousarray(np.moveaxis(pixels, 3, 1))  # (N, C, H, W)
    given, names = np.asarray(labels), None if class_names is None else tuple(class_names)
    if given.dtype.kind in "UO":
        names = names or tuple(sorted({str(value) for value in given}))
        value_of = {label: value for value, label in enumerate(names)}
        strange = next((str(value) for value in given if str(value) not in value_of), None)
        if strange is not None:
            raise DataError(f"label '{strange}' is not one of the class_names {', '.join(names[:10])}")
        given = np.array([value_of[str(value)] for value in given], dtype=np.int64)
    if not np.issubdtype(given.dtype, np.integer):
        raise DataError(f"labels must be integers or class names of shape (N,), found {given.dtype} {given.shape}")
    names = names or tuple(map(str, range(int(given.max(initial=-1)) + 1)))
    parts = np.full(len(pixels), "train") if splits is None else np.asarray(splits).astype(str)
    ids = np.array([f"{name}/{i}" for i in range(len(pixels))])
    origin: dict[str, Any] = {"kind": ARRAYS, "source": name, "split": "all", "limit": None, "skipped": []}
    return ImageSet(name, pixels, given.astype(np.int64), ids, parts, names, None, origin)


def images_of(run: Run, *, root: Path | None = None, progress: Progress = silent) -> ImageSet:
    """The images that `run` was made from, under the labels that the run folder holds.

    Args:
        root: where the files are on this machine, if not where they were.

    Raises:
        RunError: the images are not the same any more.
    """
    dataset = run.meta["dataset"]
    origin = {**dataset["origin"], "labels": None, "corrections": None}  # the run folder has them
    if origin.get("kind") == ARRAYS:
        image_set = arrays_of(run)
    elif origin.get("kind") == "fiftyone":
        from curate.app.fiftyone_source import load_again

        image_set = load_again(origin, progress=progress)
    else:
        image_set = reload(origin, root=root, progress=progress)
    if image_set.images_hash != dataset["images_hash"]:
        raise RunError(
            f"run '{run.name}' was made from other images of {dataset['name']} (hash {dataset['images_hash'][:12]}, found "
            f"{image_set.images_hash[:12]}); restore the files, point to them with --root, or audit again under another --run name"
        )
    labels = run.load_array("labels.npy").astype(np.int64)
    return ImageSet(
        name=image_set.name,
        images=image_set.images,
        labels=labels,
        sample_ids=image_set.sample_ids,
        splits=image_set.splits,
        class_names=tuple(dataset["class_names"]),
        filepaths=image_set.filepaths,
        origin=dataset["origin"],
        pictures=image_set.pictures,
        groups=image_set.groups,
    )
