"""The review inside a notebook, by anywidget: the page's desk, with every decision in the journal of the run at once."""

import getpass
import os
from dataclasses import asdict, fields, replace
from functools import cache
from importlib.util import find_spec
from typing import Any

from curate.data.image_set import ImageSet
from curate.errors import CurateError, DependencyError
from curate.find.saved_table import load_table
from curate.options import Shown
from curate.publish.review_page.deck import make_deck
from curate.publish.review_page.encoded_picture import photograph
from curate.publish.review_page.send_away import WIDGET_SCRIPTS, kind_of, read, script
from curate.review.decision_files import of_this_run
from curate.review.journal import JOURNAL, Decision, append_decisions, read_journal
from curate.review.votes import Known
from curate.run import Run

ABOUT = "Every decision is in decisions.jsonl of the run at once. Click here first, then use the keys."
APP = "In the FiftyOne App, with maps and filters, over the same decisions: audit.review(inline=False)"
FIELDS = {field.name for field in fields(Decision)}


def review_widget(
    run: Run,
    image_set: ImageSet,
    shown: Shown = Shown(),
    *,
    reviewer: str | None = None,
) -> Any:
    """A widget to decide on the suspects of a run.

    Args:
        shown: which pictures, and how; see `make_deck`.
        reviewer: whose decisions these are; `$CURATE_REVIEWER` or the login name by default.

    Raises:
        DependencyError: anywidget is not installed.
        UsageError: there is nothing to review.
    """
    who = reviewer or os.environ.get("CURATE_REVIEWER") or getpass.getuser()
    deck = make_deck(run, image_set, shown)
    pictures = [_shape(image_set, int(row), shown.side) for row in deck.rows]
    data = deck.data | {
        "reviewer": who,
        "about": [ABOUT, APP] if find_spec("fiftyone") else [ABOUT],
        "width": [width for width, _ in pictures],
        "height": [height for _, height in pictures],
    }
    known = Known.of(load_table(run), tuple(image_set.class_names))
    sample_ids = [str(image_set.sample_ids[row]) for row in deck.rows]
    shown_as = {sample_id: data["id"][place] for place, sample_id in enumerate(sample_ids)}
    decisions = read_journal(run.path / JOURNAL).decisions
    entries = [_shown(one, shown_as[one.sample_id], shown.blind) for one in decisions if one.who == who and one.sample_id in shown_as]
    widget = _widget_class()(deck=data, entries=entries)

    def answer(_: Any, content: dict[str, Any], buffers: Any) -> None:
        if content["kind"] == "picture":
            made = photograph(image_set, int(deck.rows[content["card"]]), shown.side)
            widget.send({"kind": "picture", "card": content["card"], "type": kind_of(made)}, buffers=[made.content])
            return
        entry = content["entry"]
        try:
            decision = Decision(**{name: value for name, value in entry.items() if name in FIELDS})
            place = data["id"].index(decision.sample_id)
            common = {"batch": "", "who": who, "run": run.name}
            append_decisions(run.path / JOURNAL, [replace(of_this_run(decision, sample_ids[place], known, common), run=run.name)])
            widget.send({"kind": "kept", "id": entry["id"]})
        except (CurateError, TypeError, ValueError) as error:
            told = str(error) if isinstance(error, CurateError) else f"this decision cannot be read ({error})"
            widget.send({"kind": "failed", "id": entry.get("id"), "message": f"Not kept: {told}"})

    widget.on_msg(answer)
    return widget


@cache
def _widget_class() -> Any:
    try:
        import anywidget
        import traitlets
    except ImportError as error:
        raise DependencyError("the review in a notebook needs anywidget: pip install 'curate[notebook]'") from error

    class ReviewWidget(anywidget.AnyWidget):
        _esm = script(WIDGET_SCRIPTS)
        _css = read("desk.css")
        deck: Any = traitlets.Dict().tag(sync=True)
        entries: Any = traitlets.List().tag(sync=True)

    return ReviewWidget


def _shown(decision: Decision, shown_id: str, blind: bool) -> dict[str, Any]:
    """`decision` as the desk keeps it; a blind desk knows no given label, so `ok` is the class that was chosen."""
    entry = {**asdict(decision), "sample_id": shown_id}
    if blind and decision.action != "undo":
        label = decision.given if decision.action == "ok" else decision.label
        if decision.action == "ok":
            entry |= {"action": "relabel"}
        entry |= {"label": label, "given": None, "suggested": None}
    return entry


def _shape(image_set: ImageSet, row: int, side: int) -> tuple[int, int]:
    """Width and height that the picture will have, without decoding it."""
    if image_set.pictures is not None:
        width, height = (int(image_set.pictures.facts[name][row]) for name in ("width", "height"))
    else:
        height, width = image_set.images.shape[2:]
    scale = min(1.0, side / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))
