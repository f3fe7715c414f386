"""Queues: in which order samples come, and which one is the next to decide."""

import json
import re
from typing import Any

from curate.app.views import CONFLICTS
from curate.errors import UsageError
from curate.find.self_estimate import LOOKING_PAYS
from curate.review.verdicts import CONFLICT

CHUNK = 200
NUM_ORDERS = 8
_orders: dict[str, tuple[list[str], bool]] = {}
"""Ids of the last views that were asked for, and whether it is the queue of conflicts; their order stays as the reviewer saw it first,
though decided samples leave the view."""


def prepare_review(dataset: Any, reviewer: str) -> str:
    """Saves the view of what `reviewer` has not decided yet among the label issues, worst first; returns its name.

    Raises:
        UsageError: no name that can be part of a view's, or FiftyOne does not tell it from another reviewer's.
    """
    from fiftyone import ViewField as F
    from fiftyone.core.utils import to_slug

    name = f"to review ({check_reviewer(reviewer)})"
    for other in dataset.list_saved_views():
        if other != name and to_slug(other) == to_slug(name):  # saving ours would delete it
            raise UsageError(f"there is a view '{other}' already, which FiftyOne does not tell from '{name}'; give another --reviewer")
    pays = F("is_label_issue") == True  # noqa: E712 (an expression)
    if dataset.has_field("error_probability"):
        pays |= F("error_probability") >= LOOKING_PAYS
    view = dataset.match(pays & is_undecided_by(reviewer)).sort_by("rank")
    told = f"Labels that {reviewer} has not decided on and that are worth a look, worst first: label issues, and what is less suspect."
    dataset.save_view(name, view, description=told, color="#ee0000", overwrite=True)
    return name


def check_reviewer(name: str) -> str:
    """The reviewer's name, if it can be shown, typed and made part of an address.

    Raises:
        UsageError: it is empty, longer than 40 characters, or has others than letters, digits, space and `.-_@`.
    """
    if not re.fullmatch(r"[\w.@-][\w.@ -]{0,39}", name):
        raise UsageError(
            f"a reviewer's name has 1 to 40 letters, digits, spaces or any of .-_@, found '{name}'; give another with --reviewer"
        )
    return name


def is_undecided_by(reviewer: str) -> Any:
    """The condition on a sample that `reviewer` has not decided on it."""
    from fiftyone import ViewField as F

    return (F("review.reviewers").exists() == False) | ~F("review.reviewers").contains([reviewer])  # noqa: E712 (an expression)


def next_undecided(ctx: Any, reviewer: str, after: str | None) -> str | None:
    """Id of the next sample of the current view, after `after` and then from the start, that `reviewer` has not decided on.

    In the queue of conflicts it is the next one that nobody has settled. None where all are decided, and in views whose entries are
    stacks of samples.
    """
    found = _order(ctx, after)
    if found is None:
        return None
    order, is_of_conflicts = found
    start = order.index(after) + 1 if after in order else 0
    rest = order[start:] + order[:start]
    for first in range(0, len(rest), CHUNK):
        chunk = [one for one in rest[first : first + CHUNK] if one != after]
        open_ones = undecided(ctx.dataset, chunk, None if is_of_conflicts else reviewer)
        for one in chunk:
            if one in open_ones:
                return one
    return None


def shows_conflicts(view: Any) -> bool:
    """Whether `view` is the queue of conflicts, also with further stages of the user."""
    if not view._dataset.has_saved_view(CONFLICTS):
        return False
    queue = view._dataset.load_saved_view(CONFLICTS)._serialize(include_uuids=False)
    return view._serialize(include_uuids=False)[:1] == queue[:1]


def undecided(dataset: Any, ids: list[str], reviewer: str | None) -> set[str]:
    """Which of the samples with these ids `reviewer` has not decided on; without a reviewer, which are in conflict."""
    from bson import ObjectId

    condition = {"review.action": CONFLICT} if reviewer is None else {"review.reviewers": {"$ne": reviewer}}
    query = {"_id": {"$in": list(map(ObjectId, ids))}, **condition}
    return {str(sample["_id"]) for sample in dataset._sample_collection.find(query, {"_id": 1})}


def _order(ctx: Any, current: str | None) -> tuple[list[str], bool] | None:
    asked = ctx.request_params
    key = json.dumps([asked.get(name) for name in ("dataset_id", "dataset_name", "view", "view_name", "filters", "extended")], default=str)
    if key not in _orders or (current is not None and current not in _orders[key][0]):
        view = ctx.view
        if getattr(view, "_is_dynamic_groups", False):
            return None
        while len(_orders) >= NUM_ORDERS:
            _orders.pop(next(iter(_orders)))
        _orders[key] = view.values("id"), shows_conflicts(view)
    return _orders[key]
