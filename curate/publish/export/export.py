"""export: a run's cleaned dataset, tables, corrected labels or FiftyOne dataset, for others."""

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from curate.data.image_set import SPLITS, ImageSet
from curate.errors import UnknownNameError, UsageError
from curate.find.saved_table import load_table
from curate.progress import Progress, silent
from curate.publish.export.card import Provenance, dataset_card
from curate.publish.export.corrected import corrections_of, is_corrections, write_corrections
from curate.publish.export.sample_table import export_table, is_table, write_table
from curate.publish.export.target import check_file, check_folder, new_folder
from curate.publish.export.tree import write_tree
from curate.review.clean import cleaned_table, given_labels, policy_of, warning
from curate.review.journal import JOURNAL, Decision, read_journal
from curate.review.verdicts import CONFLICT, standing_decisions, verdict_of, without_stale
from curate.run import Run

FORMATS = ("fiftyone", "folder", "csv", "parquet", "corrected")
FILES = {"csv": (".csv",), "parquet": (".parquet",), "corrected": (".csv", ".json")}
CORRECTIONS_FILE = "corrected.csv"


@dataclass(frozen=True)
class Cleaned:
    """What an export is made of: the policy that was taken, the export table, and each reviewer's decisions that still hold."""

    policy: str
    min_confidence: float | None
    table: pd.DataFrame
    standing: Mapping[str, Mapping[str, Decision]]


def export(
    run: Run,
    to: Path,
    images: Callable[[], ImageSet],
    *,
    format: str,
    policy: str | None = None,
    min_confidence: float | None = None,
    splits: Sequence[str] | None = None,
    with_media: bool = True,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Writes `run` to `to` in a format that others read, and returns what went into it.

    `folder` is an image tree of the cleaned dataset with a dataset card; `csv` and `parquet` have a row for every sample; `corrected`
    has one for every sample whose label changed or was judged, and `curate train NAME --labels FILE` takes it. For `fiftyone`, the
    run's FiftyOne dataset with all that was made in the App, options and place are checked here; `curate.Audit.export` writes it.

    Args:
        images: gives the images of the run, where the format needs them.
        to: a new or an empty folder, or a file; what an earlier export made there is replaced.
        format: one of `FORMATS`.
        policy: how labels are cleaned. Default: as `clean` did last, else `reviewed` where there are decisions, else `drop`.
        min_confidence: of the policy `relabel` only.
        splits: those to export; None = all.
        with_media: of `fiftyone`: copy the images, too.
        progress: stages `images` and `samples`.

    Raises:
        UnknownNameError: no such format, policy or split.
        UsageError: an option does not fit the format or the policy, or `to` holds other things.
        RunError: `find` has not been run, or the images are not the same any more.
        DataError: nothing is left to export, or a file is missing.
        StorageError: the disk is full or read-only.
    """
    if format not in FORMATS:
        raise UnknownNameError.of("format", format, FORMATS)
    if format == "fiftyone" and (policy, min_confidence, splits) != (None, None, None):
        raise UsageError(
            "a FiftyOne dataset goes out whole, with given labels and reviews; leave --policy, --min-confidence and --splits out"
        )
    if format != "fiftyone" and not with_media:
        raise UsageError(f"--no-media is for --format fiftyone, found {format}; for labels without images take csv or corrected")
    _check_target(run, to, format)
    if format == "fiftyone":
        return {"run": run.name, "format": format, "exported": to}
    cleaned = cleaned_for_export(run, policy=policy, min_confidence=min_confidence, splits=splits)
    if format == "folder":
        _export_folder(run, to, cleaned, images(), progress)
    elif format == "corrected":
        _export_corrected(run, to, cleaned)
    else:
        write_table(cleaned.table, to)
    counts = cleaned.table["action"].value_counts()
    return {
        "run": run.name,
        "format": format,
        "policy": cleaned.policy,
        "exported": to,
        "num_samples": len(cleaned.table),
        **{f"num_{action}": int(counts.get(action, 0)) for action in ("keep", "drop", "relabel", "abstain")},
        "num_decided": int(cleaned.table["decision"].notna().sum()),
        "num_conflicts_to_adjudicate": int((cleaned.table["decision"] == CONFLICT).sum()),
        "warning": warning(run, cleaned.table),
    }


def cleaned_for_export(
    run: Run, *, policy: str | None = None, min_confidence: float | None = None, splits: Sequence[str] | None = None
) -> Cleaned:
    """The cleaned samples of `run`, with the arguments of `export`."""
    strange = next((split for split in splits or () if split not in SPLITS), None)
    if strange is not None:
        raise UnknownNameError.of("split", strange, SPLITS)
    issues = load_table(run)
    standing, _ = without_stale(standing_decisions(read_journal(run.path / JOURNAL).decisions), given_labels(issues))
    policy, min_confidence = policy_of(run, policy, min_confidence, otherwise="reviewed" if standing else "drop")
    cleaned = cleaned_table(run, policy=policy, min_confidence=min_confidence)
    verdicts = {sample_id: verdict_of(by_who) for sample_id, by_who in standing.items()}
    return Cleaned(policy, min_confidence, export_table(issues, cleaned, verdicts, splits=splits), standing)


def _export_folder(run: Run, to: Path, cleaned: Cleaned, image_set: ImageSet, progress: Progress) -> None:
    origin = run.meta["dataset"]["origin"]
    confidence = [] if cleaned.min_confidence is None else ["--min-confidence", str(cleaned.min_confidence)]
    provenance = Provenance(
        name=image_set.name,
        source="" if origin.get("kind") == "fiftyone" else origin["source"],
        command=shlex.join(["curate", "clean", run.name, "--policy", cleaned.policy, *confidence]),
        policy=cleaned.policy,
        meta=run.meta,
        has_own_labels=origin.get("labels") is not None,
        corrections_file=CORRECTIONS_FILE,
    )
    with new_folder(to) as folder:
        write_tree(folder, image_set, cleaned.table, progress)
        _export_corrected(run, folder / CORRECTIONS_FILE, cleaned)
        (folder / "README.md").write_text(dataset_card(cleaned.table, image_set.class_names, provenance), encoding="utf-8")


def _export_corrected(run: Run, to: Path, cleaned: Cleaned) -> None:
    dataset = run.meta["dataset"]
    about = {
        "dataset": dataset["name"],
        "class_names": dataset["class_names"],
        "policy": cleaned.policy,
        "num_samples": dataset["num_samples"],
    }
    write_corrections(corrections_of(cleaned.table, cleaned.standing), to, labels_sha256=dataset["labels_hash"], about=about)


def _check_target(run: Run, to: Path, format: str) -> None:
    """Says before any work that `to` cannot be written to, or lies among the images of the run, which would be others then."""
    if format in FILES:
        check_file(to, FILES[format], is_corrections if format == "corrected" else is_table)
        return
    check_folder(to)
    source = Path(run.meta["dataset"]["origin"]["source"])
    if source.is_absolute() and source.is_dir() and to.resolve().is_relative_to(source.resolve()):
        raise UsageError(f"{to} lies in the image folder {source} of the run, which would change it; choose another place with --to")
