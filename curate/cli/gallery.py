"""gallery: the suspects of a run as a static site."""

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from curate.cli import options as o
from curate.cli.output import show, working


class Only(str, Enum):
    issues = "issues"
    reviewed = "reviewed"
    errors = "errors"


def gallery(
    run: o.RunArgument,
    to: Annotated[Path | None, typer.Option(metavar="FOLDER", help="Where the site goes; `gallery` in the run folder by default.")] = None,
    title: Annotated[str | None, typer.Option(metavar="TEXT", help="Title of the page.")] = None,
    only: Annotated[Only | None, typer.Option(help="Flagged, reviewed or confirmed ones only; else all flagged or reviewed.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, metavar="N", help="The N worst only.")] = None,
    votes: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Decisions made elsewhere: CSV, or votes as labelerrors.com publishes them.")
    ] = None,
    names: Annotated[bool, typer.Option("--names", help="Publish who decided what, not only how many.")] = False,
    licence: Annotated[str | None, typer.Option(metavar="TEXT", help="Licence of the pictures; the catalog's by default.")] = None,
    source: Annotated[str | None, typer.Option(metavar="URL", help="Where the dataset is published; the catalog's by default.")] = None,
    root: o.RootOption = None,
    as_json: o.JsonOption = False,
) -> None:
    """Write a static site of the suspects, with given label, guess and consensus, to open from its folder or to publish."""
    with working() as progress:
        from curate.run import Run
        from curate.steps.gallery import gallery as run_gallery
        from curate.steps.source import images_of, run_path

        opened = Run.open(run_path(run))
        result = run_gallery(
            opened,
            images_of(opened, root=root, progress=progress),
            to=to,
            title=title,
            only=None if only is None else only.value,
            limit=limit,
            votes=votes,
            with_names=names,
            licence=licence,
            source=source,
            progress=progress,
        )
    show(result, as_json=as_json)
