"""app: the run's dataset in the FiftyOne App."""

from typing import Annotated

import typer

from curate.cli import options as o
from curate.cli.audit import open_app
from curate.cli.output import show, working


def app(
    run: o.RunArgument,
    dataset_name: o.DatasetNameOption = None,
    port: o.PortOption = 5151,
    root: o.RootOption = None,
    open_it: Annotated[bool, typer.Option("--open/--no-open", help="Open the App, or only see to the dataset.")] = True,
    as_json: o.JsonOption = False,
) -> None:
    """Browse a run in the App on 127.0.0.1 until Ctrl-C; its FiftyOne dataset is made or brought up to date where needed."""
    with working() as progress:
        from curate.run import Run
        from curate.steps.build import build_if_needed
        from curate.steps.source import run_path

        result = build_if_needed(Run.open(run_path(run)), dataset_name=dataset_name, root=root, progress=progress)
    show(result, as_json=as_json)
    if open_it:
        open_app(result["dataset_name"], port)
