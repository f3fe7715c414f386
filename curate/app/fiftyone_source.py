"""An existing FiftyOne dataset as an ImageSet; it is read, never changed."""

import re
from pathlib import Path
from typing import Any

import numpy as np

from curate.app.database import connect, quiet_fiftyone
from curate.data.decode import decode_images
from curate.data.image_set import SPLITS, ImageSet, not_chosen, select, split_named
from curate.data.listing import name_remarks
from curate.errors import DataError, UnknownNameError
from curate.options import Source
from curate.progress import Progress, silent
from curate.run import data_root


def load_fiftyone(
    name: str,
    field: str | None = None,
    *,
    split: str = "all",
    limit: int | None = None,
    image_size: int | None = None,
    strict: bool = False,
    progress: Progress = silent,
) -> ImageSet:
    """The images and labels of the FiftyOne dataset `name`.

    Args:
        name: of a dataset in the user's FiftyOne database.
        field: its field of given labels, a Classification; may be left out where there is only one.
        split: `all`, or one of the splits; a sample's split is its tag train, validation, test or the like, and train without one.
        limit: at most so many samples, as `curate.data.load` takes them.
        image_size: see `decode_images`.
        strict: stop at the first image that cannot be read, instead of leaving it out.
        progress: the stages of `decode_images`.

    Returns:
        An ImageSet of that name; sample ids are `<name>/<id in FiftyOne>`, filepaths the files of the dataset. Samples without a
        label are unlabelled (-1).

    Raises:
        DatabaseError: no database.
        UnknownNameError: no dataset or field of that name.
        DataError: no images, no labels, or more than one field that could be meant.
    """
    connect()
    import fiftyone as fo

    with quiet_fiftyone():
        if not fo.dataset_exists(name):
            raise UnknownNameError.of("FiftyOne dataset", name, fo.list_datasets())
        dataset = fo.load_dataset(name)
        if dataset.media_type != "image":
            raise DataError(f"the FiftyOne dataset '{name}' holds {dataset.media_type or 'no'} media, expected images")
        field = _label_field(dataset, field)
        ids, paths, tags, given = dataset.values(["id", "filepath", "tags", f"{field}.label"])
        class_names = _class_names(dataset, field, given)
    splits = np.array([_split_of(sample_tags) for sample_tags in tags])
    number = {label: value for value, label in enumerate(class_names)}
    labels = np.array([-1 if label is None else number[label] for label in given], dtype=np.int64)
    chosen = select(splits, split=split, limit=limit)
    files = [paths[i] for i in chosen]
    decoded = decode_images(files, image_size=image_size, skip_broken=not strict, cache=data_root() / "decoded", progress=progress)
    kept = chosen[decoded.kept]
    origin = {
        **Source(name, split=split, limit=limit, field=field, image_size=image_size, strict=strict).to_origin(),
        "kind": "fiftyone",
        "skipped": list(decoded.skipped),
        "passed_over": not_chosen(splits, split=split, limit=limit),
        "remarks": name_remarks(class_names),
    }
    plain_name = re.sub(r"[^\w.-]+", "-", name).strip("-.") or "images"  # names of runs and files come from it
    return ImageSet(
        name=plain_name,
        images=decoded.images,
        labels=labels[kept],
        sample_ids=np.array([f"{name}/{ids[i]}" for i in kept]),
        splits=splits[kept],
        class_names=class_names,
        filepaths=np.array([str(Path(paths[i])) for i in kept]),
        origin=origin,
        pictures=decoded.pictures,
    )


def load_again(origin: dict[str, Any], *, progress: Progress = silent) -> ImageSet:
    """The image set whose `origin` this is, read again from the database."""
    source = Source.of_origin(origin)
    return load_fiftyone(
        source.name,
        source.field,
        split=source.split,
        limit=source.limit,
        image_size=source.image_size,
        strict=source.strict,
        progress=progress,
    )


def _label_field(dataset: Any, field: str | None) -> str:
    """The field of given labels."""
    import fiftyone as fo

    candidates = list(dataset.get_field_schema(ftype=fo.EmbeddedDocumentField, embedded_doc_type=fo.Classification))
    if field is not None:
        if field not in candidates:
            raise UnknownNameError.of(f"classification field of the FiftyOne dataset '{dataset.name}':", field, candidates)
        return field
    if len(candidates) != 1:
        found = (
            f"has {len(candidates)}: {', '.join(candidates)}; name one with --field"
            if candidates
            else "has none; add one with the given labels"
        )
        raise DataError(f"expected one classification field, the FiftyOne dataset '{dataset.name}' {found}")
    return candidates[0]


def _class_names(dataset: Any, field: str, given: list[str | None]) -> tuple[str, ...]:
    """The declared classes in their order where they cover the labels; else the labels that occur, sorted."""
    occurring = {label for label in given if label is not None}
    if not occurring:
        raise DataError(f"field '{field}' of the FiftyOne dataset '{dataset.name}' has no labels; expected a Classification per sample")
    for declared in (dataset.classes.get(field), dataset.default_classes):
        if declared and occurring <= set(declared):
            return tuple(declared)
    return tuple(sorted(occurring))


def _split_of(tags: list[str]) -> str:
    found = {split_named(tag) for tag in tags}
    return next((name for name in reversed(SPLITS) if name in found), "train")
