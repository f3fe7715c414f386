"""Why does the net believe another label? Shown over the open sample."""

import base64
from typing import Any

from curate.app.review.context import facts_of, run_folder
from curate.errors import UsageError

SHOW = "@curate/review/show_picture"


def show_why(ctx: Any) -> None:
    """Shows what in the open sample speaks for its given label and for the suggested one, to the net that did not see it.

    Raises:
        UsageError: no sample is open.
        RunError: the run is not on this machine, or its nets were not kept.
        DependencyError: captum is not installed.
    """
    from curate.explain.figure import to_png
    from curate.explain.run_saliency import explain_sample
    from curate.explain.seeing_figures import saliency_figure

    if not ctx.current_sample:
        raise UsageError("open a sample first, to see why the net doubts its label")
    folder = run_folder(ctx.dataset)
    sample_id = facts_of(ctx.dataset, [ctx.current_sample])[0]["sample_id"]
    picture = base64.b64encode(to_png(saliency_figure(explain_sample(folder, sample_id)))).decode()
    ctx.trigger(SHOW, {"source": f"data:image/png;base64,{picture}", "text": f"What speaks for the labels of {sample_id}"})
