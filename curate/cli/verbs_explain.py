"""`curate explain …`: what the network sees and what it is made of."""

import typer

from curate.cli.verbs_explain_lab import arithmetic, conv, equivariance, invariance, photo, pool, receptive_field
from curate.cli.verbs_explain_run import excite, filters, maps, model, saliency

explain = typer.Typer(name="explain", rich_markup_mode="rich")


@explain.callback(invoke_without_command=True)
def start(ctx: typer.Context) -> None:
    """See what a network sees: convolutions, arithmetic, filters, maps, and why it believes a label."""
    if ctx.invoked_subcommand is None:
        print(ctx.get_help())


for verb in (conv, pool, photo, arithmetic, receptive_field, equivariance, invariance, model, filters, maps, excite, saliency):
    explain.command(name=verb.__name__.replace("_", "-"))(verb)
