"""`curate explain …`: what the network sees and what it is made of."""

import gc

import typer

from curate.cli.verbs_explain_lab import arithmetic, conv, equivariance, invariance, photo, pool, receptive_field
from curate.cli.verbs_explain_run import excite, filters, maps, model, saliency

RARELY = 200_000
"""Objects made between two looks for garbage: imports make a million that stay, and the usual 700 cost a tenth of a short command."""

explain = typer.Typer(name="explain", rich_markup_mode="rich")


@explain.callback(invoke_without_command=True)
def start(ctx: typer.Context) -> None:
    """See what a network sees: convolutions, arithmetic, filters, maps, and why it believes a label."""
    before = gc.get_threshold()
    gc.set_threshold(RARELY)
    ctx.call_on_close(lambda: gc.set_threshold(*before))
    if ctx.invoked_subcommand is None:
        print(ctx.get_help())


for verb in (conv, pool, photo, arithmetic, receptive_field, equivariance, invariance, model, filters, maps, excite, saliency):
    explain.command(name=verb.__name__.replace("_", "-"))(verb)
