"""Many decisions at once: counted and asked first, taken back by one undo."""

from typing import Any

from fiftyone import ViewField as F
from fiftyone.operators import types

from curate.app.mark import MARK
from curate.app.review.context import facts_of, reviewer, store_of
from curate.app.review.deciding import decisions_on, show
from curate.app.review.queues import is_undecided_by
from curate.cleaning.standing import CONFLICT
from curate.errors import UsageError

MIN_CONFIDENCE = 0.9


def question(ctx: Any) -> types.Property:
    """The form: from which confidence on, how many samples that are, and whether that is meant."""
    inputs = types.Object()
    slider = types.SliderView(
        label="Accept where the model is at least so sure of its suggestion", componentsProps={"slider": {"step": 0.01}}
    )
    inputs.float("min_confidence", default=MIN_CONFIDENCE, min=0, max=1, view=slider)
    num = len(_ids(ctx))
    total = ctx.view.count()
    inputs.md(
        f"**{num:,} of the {total:,} samples of this view** have a suggestion that sure, no decision of yours, and no conflict. "
        "Accepting gives each of them its suggested label. One undo (key u) takes all of it back.",
        name="count",
    )
    inputs.bool("is_meant", default=False, required=True, label=f"Yes, accept {num:,} suggestions", view=types.CheckboxView())
    question = types.Property(inputs, view=types.View(label="Accept many suggestions", submit_button_label="Accept"))
    if num == 0 or not ctx.params.get("is_meant"):
        question.invalid = True
    return question


def accept_all(ctx: Any) -> None:
    """Accepts what the form counted.

    Raises:
        UsageError: it was not confirmed, or nothing is left to accept.
    """
    if not ctx.params.get("is_meant"):
        raise UsageError("nothing was accepted: tick the box to say that it is meant")
    ids = _ids(ctx)
    if not ids:
        raise UsageError("no sample of this view has a suggestion that sure, no decision of yours, and no conflict")
    facts = facts_of(ctx.dataset, ids)
    decisions = decisions_on(facts, "accept_suggestion", run=ctx.dataset.info[MARK]["run"], note="bulk")
    show(ctx, store_of(ctx.dataset).record(decisions), f"{len(facts):,} suggestions accepted; u takes all of it back")
    ctx.ops.clear_selected_samples()


def _ids(ctx: Any) -> list[str]:
    """Ids of the samples of the view that would be accepted; conflicts are not among them, for they want a look each."""
    min_confidence = ctx.params.get("min_confidence", MIN_CONFIDENCE)
    open_ones = is_undecided_by(reviewer()) & (F("review.action") != CONFLICT)
    view = ctx.view.match((F("suggested.confidence") >= min_confidence) & open_ones)
    return view.values("id")
