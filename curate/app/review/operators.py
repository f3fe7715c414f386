"""The operators of the plugin: every one is a button in the grid, a twin of it in the open sample, and most have a key.

Keys are in `plugin/dist/index.umd.js`; the name of an operator is what ties the two together.
"""

from abc import ABC, abstractmethod
from typing import Any

import fiftyone.operators as foo
from fiftyone.operators import types
from pymongo.errors import PyMongoError

from curate.app.review.context import is_ours_by_name, reviewer
from curate.app.review.deciding import accept_all, decide, move_on, question, undo
from curate.app.review.open_sample import show_similar, show_why
from curate.app.review.panel import ReviewPanel
from curate.app.review.queues import next_undecided
from curate.errors import CurateError, UsageError

IS_OURS = "curate_is_ours"
FORM = {
    "relabel": "Relabel",
    "ok": "The given label is right",
    "confirm_error": "The given label is wrong, the right one is not known",
    "ambiguous": "Ambiguous: no single label is right",
    "drop": "Drop: the image does not belong in the dataset",
}


class ReviewOperator(foo.Operator, ABC):
    """An operator of the review; what goes wrong by the input's fault is said in one line in the App."""

    name = label = icon = ""
    has_form = False
    in_grid = in_sample = True  # where it has a button

    @property
    def config(self) -> foo.OperatorConfig:
        return foo.OperatorConfig(name=self.name, label=self.label, icon=self.icon, dynamic=self.has_form, unlisted=not self.in_grid)

    def resolve_placement(self, ctx: Any) -> types.Placement | None:
        return self.placed(ctx, types.Places.SAMPLES_GRID_ACTIONS) if self.in_grid else None

    def placed(self, ctx: Any, place: types.Places) -> types.Placement | None:
        """The button at `place`; none in datasets that are not curate's."""
        asked = ctx.request_params  # FiftyOne gives the same to each operator in turn, at every click
        if IS_OURS not in asked:
            asked[IS_OURS] = is_ours_by_name(asked.get("dataset_name"))
        if not asked[IS_OURS]:
            return None
        return types.Placement(place, types.Button(label=self.label, icon=self.icon, prompt=self.has_form))

    def execute(self, ctx: Any) -> dict[str, Any]:
        try:
            return {"moves": bool(self.act(ctx))}
        except CurateError as error:
            ctx.ops.notify(str(error), variant="error")
        except PyMongoError as error:  # before anything was written: a decision that is in the journal is told otherwise
            ctx.ops.notify(f"the database does not answer ({type(error).__name__}); nothing was decided", variant="error")
        return {"moves": False}

    @abstractmethod
    def act(self, ctx: Any) -> bool | None:
        """Does it; True where another sample is opened: keys wait until it is seen."""


class Accept(ReviewOperator):
    name, label, icon = "accept", "Accept the suggested label (a)", "auto_fix_high"

    def act(self, ctx: Any) -> bool:
        return decide(ctx, "accept_suggestion")


class LabelIsRight(ReviewOperator):
    name, label, icon = "ok", "The given label is right (k)", "check_circle"

    def act(self, ctx: Any) -> bool:
        return decide(ctx, "ok")


class ConfirmError(ReviewOperator):
    name, label, icon = "confirm_error", "The given label is wrong, the right one is not known (e)", "cancel"

    def act(self, ctx: Any) -> bool:
        return decide(ctx, "confirm_error")


class Ambiguous(ReviewOperator):
    name, label, icon = "ambiguous", "Ambiguous: no single label is right (q)", "help"

    def act(self, ctx: Any) -> bool:
        return decide(ctx, "ambiguous")


class Drop(ReviewOperator):
    name, label, icon = "drop", "Drop: the image does not belong in the dataset (d)", "delete"

    def act(self, ctx: Any) -> bool:
        return decide(ctx, "drop")


class Relabel(ReviewOperator):
    name, label, icon, has_form = "relabel", "Relabel to any class, or decide with a note (l)", "edit", True

    def resolve_input(self, ctx: Any) -> types.Property:
        inputs = types.Object()
        choices = types.DropdownView(label="Decision")
        for action, said in FORM.items():
            choices.add_choice(action, label=said)
        inputs.enum("action", list(FORM), default="relabel", view=choices)
        if ctx.params.get("action", "relabel") == "relabel":
            classes = types.AutocompleteView(label="The right class")
            inputs.enum("label", ctx.dataset.default_classes, required=True, view=classes)
        inputs.str("note", label="Note (optional)")
        return types.Property(inputs, view=types.View(label="Decide", submit_button_label="Decide (Ctrl+Enter)"))

    def act(self, ctx: Any) -> bool:
        action = ctx.params.get("action", "relabel")
        label = ctx.params["label"] if action == "relabel" else None
        return decide(ctx, action, label=label, note=ctx.params.get("note") or "")


class RelabelToNumber(ReviewOperator):
    """For the number keys: `class_index` is the place of the class."""

    name, label, in_grid, in_sample = "relabel_to_number", "Relabel to class number (0 to 9)", False, False

    def act(self, ctx: Any) -> bool:
        class_names, index = ctx.dataset.default_classes, ctx.params["class_index"]
        if not 0 <= index < len(class_names):
            raise UsageError(f"there is no class number {index}: the last of the {len(class_names)} is {len(class_names) - 1}")
        return decide(ctx, "relabel", label=class_names[index])


class Undo(ReviewOperator):
    name, label, icon = "undo", "Undo (u)", "undo"

    def act(self, ctx: Any) -> bool:
        return undo(ctx)


class Similar(ReviewOperator):
    name, label, icon = "similar", "More like this (s)", "image_search"

    def act(self, ctx: Any) -> None:
        show_similar(ctx)


class Why(ReviewOperator):
    name, label, icon, in_grid = "why", "Why does the net believe another label? (w)", "psychology", False

    def act(self, ctx: Any) -> None:
        show_why(ctx)


class NextUndecided(ReviewOperator):
    name, label, icon = "next", "Open the next undecided sample (n)", "play_arrow"

    def act(self, ctx: Any) -> bool:
        return move_on(ctx, next_undecided(ctx, reviewer(), ctx.current_sample))


class AcceptAll(ReviewOperator):
    name, label, icon, has_form, in_sample = "accept_all", "Accept many: all of this view above a confidence", "done_all", True, False

    def resolve_input(self, ctx: Any) -> types.Property:
        return question(ctx)

    def act(self, ctx: Any) -> None:
        accept_all(ctx)


OPERATORS = (NextUndecided, Accept, LabelIsRight, ConfirmError, Ambiguous, Drop, Relabel, RelabelToNumber, Undo, Similar, Why, AcceptAll)


def in_open_sample(operator: type[ReviewOperator]) -> type[ReviewOperator]:
    """The twin of an operator with its button in the open sample, as FiftyOne gives each operator one place only."""

    class Twin(operator):  # type: ignore[valid-type, misc]
        name = f"{operator.name}_open"

        @property
        def config(self) -> foo.OperatorConfig:
            return foo.OperatorConfig(name=self.name, label=self.label, icon=self.icon, dynamic=self.has_form, unlisted=True)

        def resolve_placement(self, ctx: Any) -> types.Placement | None:
            return self.placed(ctx, types.Places.SAMPLES_VIEWER_ACTIONS)

    return Twin


def register(plugin: Any) -> None:
    """Called by FiftyOne with the plugin's context."""
    for operator in OPERATORS:
        plugin.register(operator)
        if operator.in_sample:
            plugin.register(in_open_sample(operator))
    plugin.register(ReviewPanel)
