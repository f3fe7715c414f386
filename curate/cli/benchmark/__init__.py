"""`curate benchmark …`: measurements against what others published; one module here for each verb.

A module names its verbs in the tuple `VERBS` and is found here; see `curate.cli.explain` for the manner.
"""

import importlib
import pkgutil

import typer

benchmark = typer.Typer(name="benchmark", rich_markup_mode="rich")


@benchmark.callback(invoke_without_command=True)
def start(ctx: typer.Context) -> None:
    """Measure against what others published, on this machine."""
    if ctx.invoked_subcommand is None:
        print(ctx.get_help())


for module in sorted(found.name for found in pkgutil.iter_modules(__path__)):
    for verb in getattr(importlib.import_module(f"{__name__}.{module}"), "VERBS", ()):
        benchmark.command(name=verb.__name__.rstrip("_").replace("_", "-"))(verb)
