"""An existing FiftyOne dataset as an ImageSet, its pictures or what its detections hold; it is read, never changed."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from curate.app.database import connect, load_dataset, quiet_fiftyone
from curate.data.crops import Box, crop_files
from curate.data.decode import decode_images
from curate.data.image_set import SPLITS, ImageSet, not_chosen, select, split_named
from curate.data.listing import name_remarks
from curate.errors import DataError, UnknownNameError
from curate.options import Source
from curate.progress import Progress, silent
from curate.run import data_root
from curate.tables import plain


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

    Of a field of Detections every box is a sample: what is inside it, under its label. Boxes of one picture share a fold.

    Args:
        name: of a dataset in the user's FiftyOne database.
        field: its field of given labels, a Classification or Detections; may be left out where there is only one Classification, or no
            such and only one field of Detections.
        split: `all`, or one of the splits; a sample's split is its tag train, validation, test or the like, and train without one.
        limit: at most so many samples, as `curate.data.load` takes them.
        image_size: see `decode_images`.
        strict: stop at the first image that cannot be read, instead of leaving it out.
        progress: the stages of `decode_images`.

    Returns:
        An ImageSet of that name, its classes in Unicode's NFC form and without blanks around them; sample ids are
        `<name>/<id in FiftyOne>`, filepaths the files of the dataset. Samples without a label are unlabelled (-1). Of detections the ids
        are `<name>/<id of the sample>/<id of the detection>`, and the files are crops in the data folder; boxes too small to show
        anything are passed over, and counted.

    Raises:
        DatabaseError: no database.
        UnknownNameError: no dataset or field of that name.
        DataError: no images, no labels, or more than one field that could be meant.
    """
    connect()
    dataset = load_dataset(name)
    with quiet_fiftyone():
        if dataset.media_type != "image":
            raise DataError(f"the FiftyOne dataset '{name}' holds {dataset.media_type or 'no'} media, expected images")
        field = _label_field(dataset, field)
        found = _crops(dataset, field) if _is_detections(dataset, field) else _whole(dataset, field)
        names = [plain(label or "") or None for label in found.labels]
        class_names = _class_names(dataset, field, names)
    splits = np.array([_split_of(sample_tags) for sample_tags in found.tags])
    number = {label: value for value, label in enumerate(class_names)}
    labels = np.array([-1 if label is None else number[label] for label in names], dtype=np.int64)
    chosen = select(splits, split=split, limit=limit)
    paths, passed_over = list(found.paths), {}
    if found.boxes is not None:
        cut = crop_files([found.boxes[i] for i in chosen], data_root() / "crops", strict=strict, progress=progress)
        for i, file in zip(chosen, cut.files, strict=True):
            paths[i] = file or ""
        chosen, passed_over = np.array([i for i in chosen if paths[i]], dtype=np.int64), cut.passed_over
        if not len(chosen):
            told = ", ".join(f"{count} x {reason}" for reason, count in passed_over.items())
            raise DataError(f"no box of the field '{field}' of the FiftyOne dataset '{name}' can be cut out: {told}")
    files = [paths[i] for i in chosen]
    decoded = decode_images(files, image_size=image_size, skip_broken=not strict, cache=data_root() / "decoded", progress=progress)
    kept = chosen[decoded.kept]
    groups = None if found.boxes is None else np.unique([found.boxes[i].file for i in kept], return_inverse=True)[1].astype(np.int64)
    origin = {
        **Source(name, split=split, limit=limit, field=field, image_size=image_size, strict=strict).to_origin(),
        "kind": "fiftyone",
        "skipped": list(decoded.skipped),
        "passed_over": {**not_chosen(splits, split=split, limit=limit), **passed_over},
        "remarks": [*name_remarks(class_names), *decoded.remarks],
    }
    plain_name = re.sub(r"[^\w.-]+", "-", name).strip("-.") or "images"  # names of runs and files come from it
    return ImageSet(
        name=plain_name,
        images=decoded.images,
        labels=labels[kept],
        sample_ids=np.array([f"{name}/{found.ids[i]}" for i in kept]),
        splits=splits[kept],
        class_names=class_names,
        filepaths=np.array([str(Path(paths[i])) for i in kept]),
        origin=origin,
        pictures=decoded.pictures,
        groups=groups,
    )


@dataclass(frozen=True)
class _Found:
    """N pictures or boxes of a dataset, with the tags of their samples, and the box of each where they are boxes."""

    ids: Sequence[str]
    paths: Sequence[str]
    tags: Sequence[list[str]]
    labels: Sequence[str | None]
    boxes: Sequence[Box] | None = None


def _whole(dataset: Any, field: str) -> _Found:
    return _Found(*dataset.values(["id", "filepath", "tags", f"{field}.label"]))


def _crops(dataset: Any, field: str) -> _Found:
    """Every box of the field; two boxes of one id cannot be."""
    parts = [f"{field}.detections.{name}" for name in ("id", "label", "bounding_box")]
    rows = [
        (f"{sample_id}/{detection_id}", path, tags, label, Box(path, *box))
        for sample_id, path, tags, *detections in zip(*dataset.values(["id", "filepath", "tags", *parts]), strict=True)
        if detections[0]
        for detection_id, label, box in zip(*detections, strict=True)
    ]
    if not rows:
        raise DataError(f"field '{field}' of the FiftyOne dataset '{dataset.name}' has no detections; expected boxes with labels")
    ids, paths, tags, labels, boxes = zip(*rows, strict=True)
    return _Found(ids, paths, tags, labels, boxes)


def _is_detections(dataset: Any, field: str) -> bool:
    import fiftyone as fo

    return field in dataset.get_field_schema(ftype=fo.EmbeddedDocumentField, embedded_doc_type=fo.Detections)


def load_again(origin: dict[str, Any], *, progress: Progress = silent) -> ImageSet:
    """The image set whose `origin` this is, read again from the database."""
    return load_by_source(Source.of_origin(origin), progress=progress)


def load_by_source(source: Source, *, progress: Progress = silent) -> ImageSet:
    """The image set that `source` asks for; its name is that of the FiftyOne dataset alone. Errors as `load_fiftyone` has them."""
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

    classifications, detections = (
        list(dataset.get_field_schema(ftype=fo.EmbeddedDocumentField, embedded_doc_type=kind))
        for kind in (fo.Classification, fo.Detections)
    )
    if field is not None:
        if field not in (*classifications, *detections):
            said = f"field of classifications or detections of the FiftyOne dataset '{dataset.name}':"
            raise UnknownNameError.of(said, field, (*classifications, *detections))
        return field
    candidates = classifications or detections
    if len(candidates) != 1:
        found = (
            f"has {len(candidates)}: {', '.join(candidates)}; name one with --field"
            if candidates
            else "has none; add one with the given labels"
        )
        raise DataError(f"expected one field of classifications or detections, the FiftyOne dataset '{dataset.name}' {found}")
    return candidates[0]


def _class_names(dataset: Any, field: str, given: Sequence[str | None]) -> tuple[str, ...]:
    """The declared classes in their order where they cover the labels; else the labels that occur, sorted."""
    occurring = {label for label in given if label is not None}
    if not occurring:
        raise DataError(
            f"field '{field}' of the FiftyOne dataset '{dataset.name}' has no labels; expected a Classification per sample, or Detections"
        )
    for declared in (dataset.classes.get(field), dataset.default_classes):
        if declared and occurring <= (known := {plain(name): None for name in declared if plain(name)}).keys():
            return tuple(known)
    return tuple(sorted(occurring))


def _split_of(tags: list[str]) -> str:
    found = {split_named(tag) for tag in tags}
    return next((name for name in reversed(SPLITS) if name in found), "train")
