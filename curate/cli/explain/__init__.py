"""`curate explain …`: what the network sees and what it is made of; one module here for each group of verbs.

To add a verb: write its function in a module of this folder, thin, with all that is heavy imported inside, and name it in
the module's tuple `VERBS`. It is found there; nothing else has to be changed. Modules without that tuple are parts of others.

    VERBS = (filters, maps)

The verb is called as its function, with a dash for each underscore. A trailing one is dropped, so that `import_` can be
`import`. Steps go into `with working() as progress:`, results to `show` (both of `curate.cli.output`).
"""

import importlib
import pkgutil

import typer

explain = typer.Typer(name="explain", rich_markup_mode="rich")


@explain.callback(invoke_without_command=True)
def start(ctx: typer.Context) -> None:
    """See what a network sees: convolutions, arithmetic, filters, maps, and why it believes a label."""
    if ctx.invoked_subcommand is None:
        print(ctx.get_help())


for module in sorted(found.name for found in pkgutil.iter_modules(__path__)):
    for verb in getattr(importlib.import_module(f"{__name__}.{module}"), "VERBS", ()):
        explain.command(name=verb.__name__.rstrip("_").replace("_", "-"))(verb)
