"""app and review: the run's dataset in the FiftyOne App."""

import sys
from typing import Annotated, Any

import typer

from curate.cli import options as o
from curate.cli.audit import open_app
from curate.cli.output import show, working

AddressOption = Annotated[str, typer.Option(metavar="HOST", help="Where the App listens; another than 127.0.0.1 needs --expose.")]
ExposeOption = Annotated[bool, typer.Option("--expose", help="Let other machines reach the App; nothing on the way is encrypted.")]
ReviewerOption = Annotated[
    str | None, typer.Option(metavar="NAME", help="Whose decisions these are; $CURATE_REVIEWER or the login name by default.")
]
EXPOSED = "note: --expose: nothing is encrypted, and whoever has the link can see the images, decide on them, and use FiftyOne as you"


def app(
    run: o.RunArgument,
    dataset_name: o.DatasetNameOption = None,
    port: o.PortOption = 5151,
    address: AddressOption = "127.0.0.1",
    expose: ExposeOption = False,
    reviewer: ReviewerOption = None,
    root: o.RootOption = None,
    brain: Annotated[
        bool, typer.Option("--brain", help="Also FiftyOne Brain's uniqueness, hardness and mistakenness, as fields brain_…")
    ] = False,
    open_it: Annotated[bool, typer.Option("--open/--no-open", help="Open the App, or only see to the dataset.")] = True,
    as_json: o.JsonOption = False,
) -> None:
    """Browse a run in the App on 127.0.0.1 until Ctrl-C; its FiftyOne dataset is made or brought up to date where needed."""
    if open_it:
        check(address, port, expose, reviewer)
    result = prepare(run, dataset_name, root)
    if brain:
        result["brain"] = add_brain(run, result["dataset_name"])
    show(result, as_json=as_json)
    if open_it:
        open_app(result["dataset_name"], port, address=address, expose=expose, reviewer=reviewer)


def review(
    run: o.RunArgument,
    reviewer: ReviewerOption = None,
    queue: Annotated[
        str | None, typer.Option(metavar="NAME", help="The saved view to start at; what you have not decided by default.")
    ] = None,
    dataset_name: o.DatasetNameOption = None,
    port: o.PortOption = 5151,
    address: AddressOption = "127.0.0.1",
    expose: ExposeOption = False,
    root: o.RootOption = None,
    as_json: o.JsonOption = False,
) -> None:
    """Decide on the suspects of a run in the App until Ctrl-C; several reviewers each start their own, on ports of their own."""
    check(address, port, expose, reviewer)
    result = prepare(run, dataset_name, root)
    with working():
        from curate.app.session import review_queue

        name = queue or review_queue(result["dataset_name"], reviewer)
    show({**result, "queue": name}, as_json=as_json)
    open_app(result["dataset_name"], port, address=address, expose=expose, reviewer=reviewer, view=name)


def check(address: str, port: int, expose: bool, reviewer: str | None) -> None:
    """Raises UsageError where the App could not be opened so, before any work is done; tells what --expose means."""
    from curate.app.address import LOOPBACK, check_address
    from curate.app.session import reviewer_name

    check_address(address, port, expose=expose)
    reviewer_name(reviewer)
    if address not in LOOPBACK:
        print(EXPOSED, file=sys.stderr, flush=True)


def prepare(run: str, dataset_name: str | None, root: Any) -> dict[str, Any]:
    """The run's FiftyOne dataset, made or brought up to date where needed."""
    with working() as progress:
        from curate.run import Run
        from curate.steps.build import build_if_needed
        from curate.steps.source import run_path

        return build_if_needed(Run.open(run_path(run)), dataset_name=dataset_name, root=root, progress=progress)


def add_brain(run: str, dataset_name: str) -> dict[str, Any]:
    """FiftyOne Brain's scores as fields of the dataset, and how they go with ours."""
    with working() as progress:
        from curate.app.brain_fields import add_brain_fields
        from curate.run import Run
        from curate.steps.source import run_path

        return add_brain_fields(dataset_name, Run.open(run_path(run)), progress=progress)
