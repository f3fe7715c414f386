"""clean, retrain, compare, export: the cleaned dataset, whether it trains better nets, and a run for others."""

import sys
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from curate.cli import arguments as a
from curate.cli.output import show, stdout_to_stderr, working
from curate.errors import UsageError


class TrainingLabels(str, Enum):
    given = "given"
    cleaned = "cleaned"


def clean(
    run: a.RunArgument,
    policy: a.PolicyOption = a.Policy.drop,
    min_confidence: a.MinConfidenceOption = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before dropping more than a third of the samples.")] = False,
    as_json: a.JsonOption = False,
) -> None:
    """Write cleaned.csv, which says what becomes of every label."""

    def confirm(much: str) -> None:
        told = f"with the policy {policy.value} {much}, more than a third"
        if yes:
            return
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            raise UsageError(f"{told}; look at some of them first, then say --yes, or choose another --policy")
        if not typer.confirm(f"{told}. Write cleaned.csv all the same?", err=True):
            raise UsageError("nothing was written; look at some of the samples first, or choose another --policy")

    with stdout_to_stderr():  # nothing is drawn, which would wipe the question away
        import curate

        result = curate.open(run).clean(policy.value, min_confidence=min_confidence, confirm=confirm).figures
    show(result, as_json=as_json)


def retrain(
    run: a.RunArgument,
    labels: Annotated[TrainingLabels, typer.Option(help="Train on the labels as given or as cleaned.")] = TrainingLabels.cleaned,
    seeds: a.SeedsOption = 5,
    device: a.DeviceOption = a.Device.auto,
    root: a.RootOption = None,
    as_json: a.JsonOption = False,
) -> None:
    """Train nets on the given or the cleaned labels, keep their weights, and test them."""
    with working() as progress:
        import curate

        made = curate.open(run, root=root, progress=progress)
        result = made.retrain(labels=labels.value, seeds=range(seeds), device=device.value)
    show(result, as_json=as_json)


def compare(
    run: a.RunArgument,
    policy: Annotated[a.Policy | None, typer.Option(help="How to clean; by default as `curate clean` did last, else drop.")] = None,
    min_confidence: a.MinConfidenceOption = None,
    seeds: a.SeedsOption = 5,
    votes: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Human votes on test labels, as labelerrors.com publishes them.")
    ] = None,
    device: a.DeviceOption = a.Device.auto,
    root: a.RootOption = None,
    as_json: a.JsonOption = False,
) -> None:
    """Train nets on the labels before and after cleaning, and tell the difference on the test pictures with its interval."""
    with working() as progress:
        import curate

        result = curate.open(run, root=root, progress=progress).compare(
            policy=None if policy is None else policy.value,
            min_confidence=min_confidence,
            seeds=range(seeds),
            votes=votes,
            device=device.value,
        )
    show(result, as_json=as_json)


class Format(str, Enum):
    fiftyone = "fiftyone"
    folder = "folder"
    csv = "csv"
    parquet = "parquet"
    corrected = "corrected"


class ExportSplit(str, Enum):
    train = "train"
    validation = "validation"
    test = "test"


def export(
    run: a.RunArgument,
    format: Annotated[
        Format,
        typer.Option(
            help="folder: pictures in folders, with a dataset card. csv, parquet: a table of all samples. corrected: only the labels that "
            "change (.csv or .json). fiftyone: a FiftyOne dataset."
        ),
    ],
    to: Annotated[Path, typer.Option(metavar="PATH", help="A new or empty folder, or a file. An earlier export there is replaced.")],
    policy: Annotated[
        a.Policy | None, typer.Option(help="How to clean; by default as `curate clean` did last, else by the decisions, if any, else drop.")
    ] = None,
    min_confidence: a.MinConfidenceOption = None,
    splits: Annotated[list[ExportSplit] | None, typer.Option(help="Only this split; may be given more than once.")] = None,
    media: Annotated[
        bool, typer.Option("--media/--no-media", help="With --format fiftyone: write the pictures, too, or only their paths.")
    ] = True,
    root: a.RootOption = None,
    as_json: a.JsonOption = False,
) -> None:
    """Write the cleaned dataset for others: pictures, labels, or a FiftyOne dataset."""
    with working() as progress:
        import curate

        result = curate.open(run, root=root, progress=progress).export(
            to,
            format.value,
            policy=None if policy is None else policy.value,
            min_confidence=min_confidence,
            splits=[split.value for split in splits] if splits else None,
            with_media=media,
        )
    show(result, as_json=as_json)
