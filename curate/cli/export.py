"""export: a run for others, as a folder, a table, corrected labels or a FiftyOne dataset."""

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from curate.cli import options as o
from curate.cli.output import show, working


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
    run: o.RunArgument,
    format: Annotated[
        Format,
        typer.Option(help="Image folder with a dataset card; a table of all samples; corrected labels (.csv or .json); FiftyOne dataset."),
    ],
    to: Annotated[Path, typer.Option(metavar="PATH", help="A new or empty folder, or a file. An earlier export there is replaced.")],
    policy: Annotated[
        o.Policy | None, typer.Option(help="How to clean; as `curate clean` did last, else by the decisions, if any, else drop.")
    ] = None,
    min_confidence: o.MinConfidenceOption = None,
    splits: Annotated[list[ExportSplit] | None, typer.Option(help="Only this split; may be given more than once.")] = None,
    media: Annotated[bool, typer.Option("--media/--no-media", help="With the images, or with their paths only; of fiftyone.")] = True,
    root: o.RootOption = None,
    as_json: o.JsonOption = False,
) -> None:
    """Export the cleaned dataset, its labels, or the FiftyOne dataset of a run."""
    with working() as progress:
        from curate.run import Run
        from curate.steps.export import export as run_export
        from curate.steps.source import run_path

        result = run_export(
            Run.open(run_path(run)),
            to,
            format=format.value,
            policy=None if policy is None else policy.value,
            min_confidence=min_confidence,
            splits=[split.value for split in splits] if splits else None,
            with_media=media,
            root=root,
            progress=progress,
        )
    show(result, as_json=as_json)
