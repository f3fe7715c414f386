"""Where the images of a run come from: a source by name, or those that a run folder was made from."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from curate.datasets.image_set import ImageSet
from curate.datasets.load import load, reload
from curate.errors import RunError
from curate.progress import Progress, silent
from curate.run import Run, data_root

FIFTYONE = "fiftyone:"


def load_source(
    source: str,
    *,
    root: Path | None = None,
    split: str = "all",
    limit: int | None = None,
    labels: Path | None = None,
    skip_broken: bool = False,
    image_size: int | None = None,
    field: str | None = None,
    progress: Progress = silent,
) -> ImageSet:
    """The dataset `source`: a catalog name, a folder, a manifest, or `fiftyone:NAME` for an existing FiftyOne dataset.

    Args:
        field: the classification field of a FiftyOne dataset.
        root, split, limit, labels, skip_broken, image_size: as in `curate.datasets.load.load`.

    Raises:
        DataError: the data is not what it should be.
        FetchError: no source could deliver the dataset.
    """
    if not source.startswith(FIFTYONE):
        return load(
            source, root=root, split=split, limit=limit, labels=labels, skip_broken=skip_broken, image_size=image_size, progress=progress
        )
    from curate.app.source import load_fiftyone
    from curate.datasets.label_files import read_given

    image_set = load_fiftyone(
        source.removeprefix(FIFTYONE), field, split=split, limit=limit, image_size=image_size, skip_broken=skip_broken, progress=progress
    )
    if labels is None:
        return image_set
    replaced, annotations = read_given(
        labels,
        sample_ids=image_set.sample_ids,
        positions=np.arange(len(image_set)),
        class_names=image_set.class_names,
        given=image_set.labels,
        splits=image_set.splits,
    )
    origin = {**image_set.origin, "labels": str(labels.absolute())}
    return replace(image_set, labels=replaced, annotations=annotations, origin=origin)


def images_of(run: Run, *, root: Path | None = None, progress: Progress = silent) -> ImageSet:
    """The images that `run` was made from, under the labels that the run folder holds.

    Args:
        root: where the files are on this machine, if not where they were.

    Raises:
        RunError: the images are not the same any more.
    """
    dataset = run.meta["dataset"]
    origin = {**dataset["origin"], "labels": None}  # the run folder has them
    if origin.get("kind") == "fiftyone":
        from curate.app.source import load_fiftyone

        options = {key: origin[key] for key in ("field", "split", "limit", "image_size", "skip_broken") if key in origin}
        image_set = load_fiftyone(origin["source"], progress=progress, **options)
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
    )


def run_path(name: str) -> Path:
    """The folder of the run called `name`; a path is taken as it is.

    Raises:
        RunError: a name with characters that make a bad folder name.
    """
    if "/" in name or name in (".", ".."):
        return Path(name)
    if not name or name.startswith(".") or any(c in '\\:*?"<>|' or not c.isprintable() for c in name):
        raise RunError(f"'{name}' cannot be the name of a run; use letters, digits, '-' and '_', or give a path with '/'")
    return data_root() / "runs" / name


def default_run_name(
    name: str, *, split: str = "all", preset: str = "default", limit: int | None = None, labels: Path | None = None
) -> str:
    """The name of a run: the dataset's, and what differs from a plain audit of it: `mnist`, `mnist-test`, `cifar10-quick`."""
    parts = [name]
    if split != "all":
        parts.append(split)
    if limit is not None:
        parts.append(str(limit))
    if labels is not None:
        parts.append(Path(labels).stem)
    if preset != "default":
        parts.append(preset)
    return "-".join(parts)
