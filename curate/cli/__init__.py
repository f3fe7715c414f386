"""The command line: one thin function per verb; whatever is heavy is imported inside it."""

from typing import Annotated

import typer

from curate.cli import audit, browse, data, decisions, export, gain, gallery, machine, steps
from curate.cli.benchmark import benchmark
from curate.cli.explain import explain
from curate.cli.group import CommandLine

app = typer.Typer(cls=CommandLine, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="rich")


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"curate {version('curate')}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def start(
    ctx: typer.Context,
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")] = False,
) -> None:
    """Find and fix wrong labels in image-classification datasets. `curate audit mnist` is the way to begin."""
    if ctx.invoked_subcommand is None:
        print(ctx.get_help())


for verb in (
    audit.audit,
    data.fetch,
    steps.train,
    steps.find,
    browse.app,
    browse.review,
    decisions.decisions,
    decisions.import_decisions,
    gain.clean,
    gain.retrain,
    gain.compare,
    steps.report,
    gallery.gallery,
    export.export,
    machine.doctor,
):
    app.command()(verb)
app.add_typer(explain, name="explain")
app.add_typer(benchmark, name="benchmark")


def main() -> None:
    """The program `curate`."""
    app()
