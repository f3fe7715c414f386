"""A run as a FiftyOne dataset: built, marked as curate's, updated in place, never over somebody else's."""

import functools
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from curate.app import brain
from curate.app.appearance import set_look
from curate.app.database import DatabaseInfo, connect, database_errors, load_dataset, quiet_fiftyone
from curate.app.documents import write_documents
from curate.app.fields import BRAIN_FIELDS, INDEXES, OPTIONAL, THUMBNAIL, declare_fields, protect_given_label
from curate.app.media import image_files
from curate.app.ownership import MARK, check_is_ours, mark_of
from curate.app.review.store import ReviewStore
from curate.app.sample_columns import read_issue_table, sample_columns
from curate.app.samples import documents_are_sound, write_samples
from curate.app.views import save_more_views, save_views
from curate.data.image_set import ImageSet
from curate.errors import DatabaseError, RunError
from curate.files import is_running
from curate.find.self_estimate import estimate_sentences
from curate.progress import Progress, silent
from curate.review.journal import JOURNAL
from curate.run import MADE_AGAIN, Run

ESTIMATE = "curate_estimate"  # in `dataset.info`: how good the detection is by its own estimate
ASIDE = "curate-being-made-"  # and the process: the name of a dataset before it has its mark
STAGES = ("evaluation", "map", "views")  # the map may still be being made meanwhile


@dataclass(frozen=True)
class BuiltDataset:
    """The FiftyOne dataset of a run.

    Attributes:
        name: for `fo.load_dataset`.
        num_samples, num_issues: in the dataset; label issues.
        num_added, num_removed: against what was there before.
        database: where it lives.
        url_path: what follows the App's address, such as `/datasets/mnist`.
    """

    name: str
    num_samples: int
    num_issues: int
    num_added: int
    num_removed: int
    database: DatabaseInfo
    url_path: str


def build_dataset(
    run: Run,
    image_set: ImageSet,
    *,
    dataset_name: str | None = None,
    projection: Callable[[], NDArray[np.float32]] | None = None,
    progress: Progress = silent,
) -> BuiltDataset:
    """The persistent FiftyOne dataset of `run`, made or brought up to date.

    Samples are matched by `sample_id`; reviews, tags, further fields and saved views of the user stay. Whatever a killed call left
    is repaired by the next.

    Args:
        run: with `issues.parquet`, and with `embeddings.npy` and `projection.npy` where the judge has embeddings.
        image_set: the audited set, in the order of the run.
        dataset_name: default: see `default_name`.
        projection: gives the map (N, 2) when all samples are written, where it is still being made; default: that of the run.
        progress: stages `images`, `samples` and `browsing`.

    Raises:
        DatabaseError: no database; a dataset of that name that curate did not make; reviews of samples that the run does not have.
        RunError: a step is missing, or the run is of another image set.
        StorageError: the images cannot be written.
    """
    name = dataset_name or default_name(image_set, run.name)
    table = read_issue_table(run, image_set)
    embeddings = run.load_array("embeddings.npy") if run.has("embeddings.npy") else None
    if embeddings is not None:
        _check_rows("embeddings.npy", embeddings, run, image_set)
    if projection is None and embeddings is not None:
        points = run.load_array("projection.npy", verb="find")
        _check_rows("projection.npy", points, run, image_set)
        projection = functools.partial(np.asarray, points)
    database = connect()
    dataset, is_new = _open(name, image_set, run, is_default=dataset_name is None)
    files = image_files(image_set, progress)
    with quiet_fiftyone():
        declare_fields(dataset, [*table.columns, *([THUMBNAIL] if image_set.pictures is not None else [])])
        if embeddings is not None:
            brain.index_similarity(dataset)
        write = write_documents if documents_are_sound() else write_samples
    columns = sample_columns(table, image_set, files)
    gone = [spec.name for spec in (*OPTIONAL, *BRAIN_FIELDS) if spec.name not in columns and spec.name in dataset.get_field_schema()]
    columns |= {name: [None] * len(table) for name in gone}  # of an earlier audit
    added, removed = write(dataset, columns, embeddings, progress)
    has_unlabelled = bool((image_set.labels < 0).any())
    with quiet_fiftyone():
        dataset.reload()
        for done, stage in enumerate(STAGES):
            progress("browsing", done, len(STAGES), stage)
            if stage == "evaluation":
                if table["predicted_label"].notna().any():
                    brain.evaluate(dataset, image_set.class_names, has_unlabelled=has_unlabelled)
            elif stage == "map":
                if projection is None:
                    continue
                brain.save_map(dataset, dict(zip(image_set.sample_ids.tolist(), projection(), strict=True)))
            else:
                _finish(dataset, run, image_set, is_new=is_new)
        progress("browsing", len(STAGES), len(STAGES))
    return BuiltDataset(name, dataset.count(), int(table["is_label_issue"].sum()), added, removed, database, f"/datasets/{dataset.slug}")


def default_name(image_set: ImageSet, run_name: str | None = None) -> str:
    """The name of the FiftyOne dataset: that of the set for its plain audit, else that of the run, so that runs stay apart.

    `<name>-audit` where the set is itself a FiftyOne dataset, which is never changed.
    """
    if run_name not in (None, image_set.name):
        return run_name
    return f"{image_set.name}-audit" if image_set.origin.get("kind") == "fiftyone" else image_set.name


def _check_rows(name: str, array: NDArray[np.floating], run: Run, image_set: ImageSet) -> None:
    if len(array) != len(image_set):
        again = f"delete it and run {run.command('find')} again" if name == "projection.npy" else MADE_AGAIN
        raise RunError(f"{name} of {run.path} has {len(array)} rows but the dataset has {len(image_set)} images; {again}")


def _open(name: str, image_set: ImageSet, run: Run, *, is_default: bool) -> tuple[Any, bool]:
    """The dataset `name`, marked as curate's and as unfinished; and whether it has never been finished."""
    import fiftyone as fo

    mark = {**mark_of(run), "is_complete": False}
    images_hash = image_set.images_hash if is_default else None  # who gives a name means that dataset, whatever it holds
    if not check_is_ours(name, images_hash=images_hash, run_path=run.path):
        with quiet_fiftyone():
            for left in fo.list_datasets(f"{ASIDE}*"):  # of processes that were killed
                if not is_running(int(left.rpartition("-")[2])):
                    fo.delete_dataset(left)
            dataset = fo.Dataset(f"{ASIDE}{os.getpid()}", persistent=True, overwrite=True)
            dataset.info[MARK] = mark
            dataset.media_type = "image"
            dataset.save()
            try:
                dataset.name = name  # there from now on, and marked: a kill leaves either nothing of that name or ours
            except ValueError as error:
                fo.delete_dataset(dataset.name)
                raise DatabaseError(
                    f"FiftyOne cannot make a dataset named '{name}' ({error}); give another name with --dataset-name"
                ) from error
            return dataset, True
    dataset = load_dataset(name)
    old = dataset.info[MARK]
    _keep_reviews(dataset, image_set)
    with quiet_fiftyone():
        dataset.info[MARK] = mark
        dataset.save()
    return dataset, not old.get("is_complete")


def _keep_reviews(dataset: Any, image_set: ImageSet) -> None:
    """Raises DatabaseError where samples with reviews would be removed."""
    if not {"review", "sample_id"} <= set(dataset.get_field_schema()):  # made anew, or left by a killed process before it had samples
        return
    reviewed = set(dataset.exists("review.label").values("sample_id"))
    lost = reviewed - set(image_set.sample_ids.tolist()) - {None}
    if lost:
        raise DatabaseError(
            f"the FiftyOne dataset '{dataset.name}' has {len(lost)} reviewed samples that are not in this run, such as {min(lost)}; "
            "give this one another name with --dataset-name"
        )


def _finish(dataset: Any, run: Run, image_set: ImageSet, *, is_new: bool) -> None:
    """Views, look, provenance; the completion mark last."""
    dataset.default_classes = list(image_set.class_names)  # set_look gives each of them its colour
    save_views(dataset, has_test="test" in image_set.splits)
    save_more_views(dataset)
    set_look(dataset, is_new=is_new)
    for index in INDEXES:
        dataset.create_index(index)
    protect_given_label(dataset)
    ReviewStore(dataset, run.path / JOURNAL).sync()  # decisions outlive the database, and are held against what the audit says now
    brain.register_method(dataset, {"versions": run.meta.get("versions", {}), "settings": run.meta.get("config", {}), "run": run.name})
    estimate = estimate_of(run)
    dataset.description = " ".join(
        [f"Audit of the labels of '{image_set.name}' by curate, run '{run.name}'. Start with the saved view 'label issues'.", *estimate]
    )
    dataset.info[ESTIMATE] = expectation(run)
    dataset.info[MARK] = {**dataset.info[MARK], "is_complete": True}
    dataset.save()
    dataset.clear_cache()  # of brain results that were loaded before


def estimate_of(run: Run) -> list[str]:
    """What the audit says of itself, in sentences; none in runs of before there was an estimate."""
    path = run.path / "findings.json"
    findings = json.loads(path.read_text()) if path.is_file() else {}
    return estimate_sentences(findings["detection"]) if "detection" in findings else []


def expectation(run: Run) -> str:
    """What the audit expects, as a short list in Markdown for the panel; '' in runs of before there was an estimate."""
    path = run.path / "findings.json"
    detection = json.loads(path.read_text()).get("detection") if path.is_file() else None
    if not detection:
        return ""
    errors, precision, left = (detection.get(name) or {} for name in ("num_errors", "precision", "num_left"))
    lines = []
    if not detection.get("can_count", True):
        lines.append(f"we cannot tell how many labels are wrong: {detection.get('reason') or 'this judge is too weak'}")
        lines.append("the review and the random check tell")
    elif left.get("value") is None:
        lines.append("few labels are wrong; how many, only a review and the random check tell")
    else:
        lines.append(f"wrong labels in all: about {errors['value']:,.0f} ({errors['low']:,.0f} to {errors['high']:,.0f})")
        if precision.get("value") is not None:
            lines.append(f"of the suspects, {precision['value']:.0%} are wrong ({precision['low']:.0%} to {precision['high']:.0%})")
        lines.append(f"not among the suspects: about {left['value']:,.0f} ({left['low']:,.0f} to {left['high']:,.0f})")
    lines.append("mistakes that the model makes as the labels do cannot be seen")
    return "\n".join(["**What the audit expects**\n", *(f"- {line}" for line in lines)])


def build(
    run: Run,
    image_set: ImageSet,
    *,
    dataset_name: str | None = None,
    projection: Callable[[], NDArray[np.float32]] | None = None,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Makes the FiftyOne dataset of `run`, or brings it up to date, and returns where it is; `projection` as `build_dataset` takes it.

    Raises:
        DatabaseError: MongoDB cannot be used, or the dataset of that name was not made by curate.
        RunError: `find` has not been run.
    """
    if not run.can_be_written:  # on a read-only disk: nothing is noted there, so that the name is the one by default or the one given
        with database_errors():
            built = build_dataset(run, image_set, dataset_name=dataset_name, projection=projection, progress=progress)
    else:
        with run.step("app"), database_errors():
            built = build_dataset(run, image_set, dataset_name=dataset_name, projection=projection, progress=progress)
        run.update("fiftyone", dataset=built.name)
    return {"dataset_name": built.name, **built.database.told(), "num_samples": built.num_samples}
