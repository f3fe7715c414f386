"""From a pressed button to decisions, and from decisions to what the App is told."""

import uuid
from collections.abc import Sequence
from typing import Any

from curate.app.look import ACTIONS
from curate.app.mark import MARK
from curate.app.review.context import facts_of, reviewer, store_of, target_ids
from curate.app.review.queues import next_undecided, shows_conflicts
from curate.cleaning.decisions import Decision
from curate.errors import UnknownNameError, UsageError

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
    """Records `action` on the open sample or the selected ones, repaints them, and opens the next undecided one.

    Args:
        ctx: FiftyOne's execution context.
        action: of `curate.cleaning.decisions.ACTIONS`, but `undo`.
        label: the class name, of `relabel`.
        note: free text.

    Returns:
        Whether another sample is opened.

    Raises:
        UsageError: no sample is open or selected, or the suggestion is accepted where there is none.
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
    following = next_undecided(ctx, reviewer(), ctx.current_sample) if ctx.current_sample else None
    settles = any(fact["is_conflict"] for fact in facts) and shows_conflicts(ctx.view)
    decisions = decisions_on(facts, action, run=ctx.dataset.info[MARK]["run"], label=label, note=note, settles=settles)
    show(ctx, store.record(decisions), f"{_counted(facts)}: {label or SAID[action]}", leaves=bool(ctx.current_sample))
    if ctx.current_sample:
        return move_on(ctx, following)
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
    chosen = [] if ctx.current_sample else [fact["sample_id"] for fact in (facts_of(ctx.dataset, ctx.selected) if ctx.selected else [])]
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
