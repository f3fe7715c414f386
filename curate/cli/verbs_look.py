"""app, review, gallery: the suspects of a run in the App and as a static site."""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from curate.cli import arguments as a
from curate.cli.output import show, working
from curate.cli.verbs_judge import open_app
from curate.errors import UsageError
from curate.options import REVIEW, Shown

AddressOption = Annotated[
    str, typer.Option(metavar="HOST", help="Address that the App listens at; any other than 127.0.0.1 needs --expose.")
]
ExposeOption = Annotated[bool, typer.Option("--expose", help="Let other machines reach the App, without encryption.")]
ReviewerOption = Annotated[
    str | None, typer.Option(metavar="NAME", help="Whose decisions these are; $CURATE_REVIEWER or the login name by default.")
]
EXPOSED = "note: --expose: nothing is encrypted, and whoever has the link can see the images, decide on them, and use FiftyOne as you"


def app(
    run: a.RunArgument,
    dataset_name: a.DatasetNameOption = None,
    port: a.PortOption = 5151,
    address: AddressOption = "127.0.0.1",
    expose: ExposeOption = False,
    reviewer: ReviewerOption = None,
    root: a.RootOption = None,
    brain: Annotated[
        bool, typer.Option("--brain", help="Also FiftyOne Brain's uniqueness, hardness and mistakenness, as fields brain_…")
    ] = False,
    open_it: Annotated[bool, typer.Option("--open/--no-open", help="Open the App, or only make the dataset.")] = True,
    as_json: a.JsonOption = False,
) -> None:
    """Open a run in the FiftyOne App. Ctrl-C ends it."""
    if open_it:
        check(address, port, expose, reviewer)
    with working() as progress:
        import curate

        made = curate.open(run, root=root, progress=progress)
        result = made.build(dataset_name)
        if brain:
            result["brain"] = made.add_brain(result["dataset_name"])
    show(result, as_json=as_json)
    if open_it:
        open_app(made, result["dataset_name"], port=port, address=address, expose=expose, reviewer=reviewer)


def review(
    run: a.RunArgument,
    reviewer: ReviewerOption = None,
    queue: Annotated[
        str | None, typer.Option(metavar="NAME", help="The saved view to start at; by default what you have not decided on.")
    ] = None,
    dataset_name: a.DatasetNameOption = None,
    port: a.PortOption = 5151,
    address: AddressOption = "127.0.0.1",
    expose: ExposeOption = False,
    root: a.RootOption = None,
    as_json: a.JsonOption = False,
) -> None:
    """Decide on the suspects in the FiftyOne App, by keys, worst first. Ctrl-C ends it. Several reviewers need a --port each."""
    check(address, port, expose, reviewer)
    with working() as progress:
        import curate

        made = curate.open(run, root=root, progress=progress)
        result = made.build(dataset_name)
        name = queue or made.queue(result["dataset_name"], reviewer)
    show({**result, "queue": name}, as_json=as_json)
    open_app(made, result["dataset_name"], port=port, address=address, expose=expose, reviewer=reviewer, view=name)


def check(address: str, port: int, expose: bool, reviewer: str | None) -> None:
    """Raises UsageError where the App could not be opened so, before any work is done; tells what --expose means."""
    from curate.app.guard import LOOPBACK, check_address
    from curate.app.session import reviewer_name

    check_address(address, port, expose=expose)
    reviewer_name(reviewer)
    if address not in LOOPBACK:
        print(EXPOSED, file=sys.stderr, flush=True)


def gallery(
    run: a.RunArgument,
    to: Annotated[
        Path | None, typer.Option(metavar="PATH", help="A folder, or with --review an .html file; in the run folder by default.")
    ] = None,
    shown: Shown = Shown(),
    review: Annotated[
        bool,
        typer.Option(
            "--review", help="Write a page to decide on the suspects, to send to whoever knows the labels.", rich_help_panel=REVIEW
        ),
    ] = False,
    votes: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Decisions made elsewhere: CSV, or votes as labelerrors.com publishes them.")
    ] = None,
    names: Annotated[bool, typer.Option("--names", help="Publish who decided what, and not only how many did.")] = False,
    licence: Annotated[str | None, typer.Option(metavar="TEXT", help="Licence of the pictures; the catalog's by default.")] = None,
    source: Annotated[str | None, typer.Option(metavar="URL", help="Where the dataset is published; the catalog's by default.")] = None,
    root: a.RootOption = None,
    as_json: a.JsonOption = False,
) -> None:
    """Write the suspects as a web page; with --review, as a page to decide on, offline."""
    of_review = {name: name in a.changed(shown) for name in ("--blind", "--check", "--side")}
    of_site = {"--votes": votes is not None, "--names": names, "--licence": licence is not None, "--source": source is not None}
    with working() as progress:
        wrong = [name for name, is_given in (of_site if review else of_review).items() if is_given]
        if wrong:
            raise UsageError(f"{wrong[0]} goes {'without' if review else 'with'} --review")
        import curate

        options: dict[str, Any] = asdict(shown)
        if not review:
            options = {name: options[name] for name in ("title", "only", "limit")}
            options |= {"votes": votes, "with_names": names, "licence": licence, "source": source}
        result = curate.open(run, root=root, progress=progress).gallery(to, review=review, **options)
    show(result, as_json=as_json)
