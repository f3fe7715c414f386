"""From a pressed button to decisions, one or many at once, and from decisions to what the App is told."""

import uuid
from collections.abc import Sequence
from typing import Any

from fiftyone import ViewField as F
from fiftyone.operators import types

from curate.app.appearance import ACTIONS
from curate.app.ownership import MARK
from curate.app.review.context import facts_of, reviewer, seen_sample, store_of, target_ids
from curate.app.review.queues import is_undecided_by, next_undecided, shows_conflicts
from curate.errors import UnknownNameError, UsageError
from curate.review.journal import Decision
from curate.review.verdicts import CONFLICT

SAID = {
    "ok": "label is right",
    "confirm_error": "label is wrong",
    "accept_suggestion": "suggestion accepted",
    "relabel": "relabelled",
    "ambiguous": "ambiguous",
    "drop": "dropped",
    "undo": "taken back",
}
PATCH = "@curate/review/patch_samples"


def decide(ctx: Any, action: str, *, label: str | None = None, note: str = "") -> bool:
    """Records `action` on the sample that was seen or the selected ones, repaints them, and opens the next undecided one, unless another
    was opened meanwhile.

    Args:
        ctx: FiftyOne's execution context.
        action: of `curate.review.journal.ACTIONS`, but `undo`.
        label: the class name, of `relabel`.
        note: free text.

    Returns:
        Whether another sample is opened.

    Raises:
        UsageError: as `target_ids`, or the suggestion is accepted where there is none.
        UnknownNameError: no such class.
        StorageError, DatabaseError: as `ReviewStore.record`.
    """
    store = store_of(ctx.dataset)
    facts = facts_of(ctx.dataset, target_ids(ctx))
    if action == "accept_suggestion":
        without = [fact["sample_id"] for fact in facts if fact["suggested"] is None]
        if without:
            raise UsageError(f"the model suggests no other label for {without[0]}; choose one with key l, or leave it out")
    if label is not None and label not in ctx.dataset.default_classes:
        raise UnknownNameError.of("class", label, ctx.dataset.default_classes)
    seen = seen_sample(ctx)
    is_open = seen is not None and seen == ctx.current_sample
    following = next_undecided(ctx, reviewer(), seen) if is_open else None
    settles = any(fact["is_conflict"] for fact in facts) and shows_conflicts(ctx.view)
    decisions = decisions_on(facts, action, run=ctx.dataset.info[MARK]["run"], label=label, note=note, settles=settles)
    show(ctx, store.record(decisions), f"{_counted(facts)}: {label or SAID[action]}", leaves=bool(ctx.current_sample))
    if is_open:
        return move_on(ctx, following)
    if seen is None:
        ctx.ops.clear_selected_samples()
    return False


def decisions_on(
    facts: Sequence[dict[str, Any]], action: str, *, run: str, label: str | None = None, note: str = "", settles: bool = False
) -> list[Decision]:
    """One decision per sample, of one batch where there are several.

    `relabel` to the given label says that it is right. A conflict is settled where `settles` says that this is meant, or by one of
    those who do not agree; anybody else's decision is one more vote.
    """
    batch = uuid.uuid4().hex if len(facts) > 1 else ""
    decisions = []
    for fact in facts:
        own, new = action, label
        if action == "accept_suggestion":
            new = fact["suggested"]
        elif action == "relabel" and label == fact["given"]:
            own, new = "ok", None
        decisions.append(
            Decision(
                fact["sample_id"],
                own,
                new,
                who=reviewer(),
                note=note,
                run=run,
                given=fact["given"],
                suggested=fact["suggested"],
                is_label_issue=fact["is_label_issue"],
                batch=batch,
                adjudicates=fact["is_conflict"] and (settles or reviewer() in fact["reviewers"]),
            )
        )
    return decisions


def undo(ctx: Any) -> bool:
    """Takes back what this reviewer decided on the selected samples; without a selection the last decision, or the last batch.

    Returns:
        Whether another sample is opened: the one that is undecided again.

    Raises:
        UsageError: there is nothing to take back.
    """
    store = store_of(ctx.dataset)
    selected = [] if ctx.current_sample or ctx.params.get("seen") else ctx.selected
    chosen = [fact["sample_id"] for fact in facts_of(ctx.dataset, selected)] if selected else []
    last = store.last_of(reviewer(), chosen)
    if not last:
        raise UsageError("there is no decision of yours to take back")
    batch = uuid.uuid4().hex if len(last) > 1 else ""
    run = ctx.dataset.info[MARK]["run"]
    undone = [Decision(one.sample_id, "undo", who=reviewer(), run=run, batch=batch, undoes=one.id) for one in last]
    patches = store.record(undone)
    what = f"{len(last):,} decisions" if len(last) > 1 else f"{_short(last[0].sample_id)}: {last[0].label or SAID[last[0].action]}"
    goes_back = bool(ctx.current_sample) and len(patches) == 1 and ctx.current_sample not in patches
    show(ctx, patches, f"taken back: {what}", leaves=goes_back)
    if goes_back:
        ctx.ops.open_sample(id=next(iter(patches)))
    return goes_back


def show(ctx: Any, patches: dict[str, dict[str, Any] | None], message: str, *, leaves: bool = False) -> None:
    """Repaints samples in the browser, and says `message` there; where it `leaves` the open sample, the grid is drawn when it is seen."""
    patched = {identity: _for_browser(review) for identity, review in patches.items()}
    ctx.trigger(PATCH, {"patches": patched, "colours": ACTIONS, "message": message, "leaves": leaves})


def move_on(ctx: Any, following: str | None) -> bool:
    """Opens the sample `following`; without one, goes back to the grid and returns False."""
    if following is not None:
        ctx.ops.open_sample(id=following)
        return True
    ctx.ops.close_sample()
    ctx.ops.notify("Everything in this view is decided.", variant="success")
    return False


def _for_browser(review: dict[str, Any] | None) -> dict[str, Any] | None:
    """As FiftyOne's server writes labels: ids as text, dates as milliseconds."""
    if review is None:
        return None
    when = {"_cls": "DateTime", "datetime": int(review["when"].timestamp() * 1000)}
    return {**review, "_id": str(review["_id"]), "when": when}


def _counted(facts: Sequence[dict[str, Any]]) -> str:
    return _short(facts[0]["sample_id"]) if len(facts) == 1 else f"{len(facts):,} samples"


def _short(sample_id: str) -> str:
    return sample_id.split("/", 1)[-1]


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
