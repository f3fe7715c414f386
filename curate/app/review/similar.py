"""More like this: the siblings of an error."""

from typing import Any

from curate.app.brain import SIMILARITY
from curate.app.review.context import target_ids

NUM_SIMILAR = 48


def show_similar(ctx: Any) -> None:
    """Fills the grid with the samples nearest to the open or selected ones by embedding, these first, with their given labels.

    Raises:
        UsageError: no sample is open or selected.
    """
    view = ctx.dataset.sort_by_similarity(target_ids(ctx), k=NUM_SIMILAR, brain_key=SIMILARITY)
    if ctx.current_sample:
        ctx.ops.close_sample()
    ctx.ops.set_view(view)
    ctx.ops.clear_selected_samples()
