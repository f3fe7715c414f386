"""The command line: one thin function per verb; whatever is heavy is imported inside it."""

from typing import Annotated

import typer

from curate.cli.arguments import with_options
from curate.cli.group import CommandLine
from curate.cli.verbs_benchmark import benchmark
from curate.cli.verbs_decide import decisions, import_decisions
from curate.cli.verbs_explain import explain
from curate.cli.verbs_give import clean, compare, export, retrain
from curate.cli.verbs_judge import audit, fetch, find, report, train
from curate.cli.verbs_look import app as browse
from curate.cli.verbs_look import gallery, review
from curate.cli.verbs_machine import doctor

AUDIT, LOOK, DECIDE, GIVE, LEARN = "Audit", "Look", "Decide", "Give back", "Learn and measure"
GROUPS = {
    AUDIT: (audit, fetch, train, find),
    LOOK: (browse, report, gallery),
    DECIDE: (review, decisions, import_decisions),
    GIVE: (clean, retrain, compare, export),
    LEARN: (doctor,),
}

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
    """Find the wrong labels of an image dataset, decide on them, and measure what fixing them brings.

    \b
    curate audit photos/       find them: one folder per class
    curate review photos       decide on the suspects, worst first
    curate export photos --format folder --to cleaned/
                               the dataset as you decided
    """
    if ctx.invoked_subcommand is None:
        print(ctx.get_help())


for heading, verbs in GROUPS.items():
    for verb in verbs:
        app.command(rich_help_panel=heading)(with_options(verb))
app.add_typer(explain, name="explain", rich_help_panel=LEARN)
app.add_typer(benchmark, name="benchmark", rich_help_panel=LEARN)


def main() -> None:
    """The program `curate`."""
    app()
