"""The review as a folder or as one file, to be sent to whoever knows the right labels."""

import base64
import contextlib
import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from curate.data.image_set import ImageSet
from curate.errors import RunError, UsageError
from curate.files import TO, replaced_folder, storage_errors, write_atomically
from curate.find.saved_table import load_table
from curate.options import Shown
from curate.progress import Progress, silent
from curate.publish.gallery.site import MARK, check_replaceable
from curate.publish.review_page.deck import Deck, make_deck
from curate.publish.review_page.encoded_picture import Photograph, photograph
from curate.run import Run

STAGE = "pictures"
NUM_THREADS = 2
HEAVY = 20_000_000  # bytes; mail and browsers take less than this well
SCRIPTS = ("statistics", "journal", "keepers", "desk", "start_page")
WIDGET_SCRIPTS = ("statistics", "journal", "desk", "start_widget")


def review_page(
    run: Run,
    image_set: ImageSet,
    shown: Shown = Shown(),
    *,
    to: Path | None = None,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Writes the page, and returns where it is, how heavy, and what leaves the machine with it.

    Args:
        shown: which pictures, and how; see `make_deck`.
        to: a folder, or one file whose name ends in `.html`; `review-page` in the run folder by default. An earlier page there is replaced.

    Raises:
        RunError: `find` has not been run, or the run is of other samples.
        UsageError: there is nothing to review, or something else is at `to`.
        StorageError: the disk is full or read-only.
    """
    target = run.path / "review-page" if to is None else to
    is_file = target.suffix.lower() in (".html", ".htm")
    (_check_file if is_file else check_replaceable)(target)
    with run.step("review-page") if to is None else contextlib.nullcontext():  # elsewhere, nothing is written into the run
        if load_table(run)["sample_id"].tolist() != image_set.sample_ids.tolist():
            raise RunError(
                f"{run.path} holds the issues of other samples than those of '{image_set.name}'; run {run.command('find')} again"
            )
        deck = make_deck(run, image_set, shown)
        pictures = photographs(image_set, deck, side=shown.side, progress=progress)
        if is_file:
            sources = [f"data:{kind_of(one)};base64,{base64.b64encode(one.content).decode()}" for one in pictures]
            with storage_errors(target, remedy=TO):
                target.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(target, page_text(deck, pictures, sources, is_embedded=True).encode())
        else:
            names = [f"images/{place}{one.suffix}" for place, one in enumerate(pictures)]
            with replaced_folder(target) as folder:
                (folder / "images").mkdir()
                for name, one in zip(names, pictures, strict=True):
                    (folder / name).write_bytes(one.content)
                text = json.dumps(with_pictures(deck, pictures, names), separators=(",", ":"), allow_nan=False)
                (folder / "data.js").write_text(f"window.CURATE_REVIEW = {text};\n", encoding="utf-8")
                (folder / "index.html").write_text(page_text(deck, pictures, names, is_embedded=False), encoding="utf-8")
    page = target if is_file else target / "index.html"
    num_bytes = target.stat().st_size if is_file else sum(one.stat().st_size for one in target.rglob("*") if one.is_file())
    return {
        "run": run.name,
        "page": page,
        "num_pictures": len(deck),
        "queues": {queue["name"]: deck.data["kind"].count(queue["kind"]) for queue in deck.data["queues"]},
        "megabytes": round(num_bytes / 1e6, 1),
        "leaves_this_machine": leaving(deck, shown.side),
        "comes_back_by": f"curate import-decisions {run.handle} FILE --who NAME",
        "note": f"the page is heavier than {HEAVY / 1e6:.0f} MB; --limit, --check or --side make it lighter" if num_bytes > HEAVY else None,
    }


def leaving(deck: Deck, side: int) -> str:
    """What somebody who gets the page has then."""
    if deck.data["blind"]:
        return f"{len(deck):,} pictures of at most {side} pixels without metadata, and the class names; no labels, no ids, no paths"
    return (
        f"{len(deck):,} pictures of at most {side} pixels without metadata, their ids (with file names, where ids have them), given and "
        "suggested labels, the model's probabilities, and the class names; no other pictures, no folders of this machine"
    )


def photographs(image_set: ImageSet, deck: Deck, *, side: int, progress: Progress = silent) -> list[Photograph]:
    """The pictures of the deck, in its order."""
    with ThreadPoolExecutor(NUM_THREADS) as pool:
        found = []
        for made in pool.map(lambda row: photograph(image_set, int(row), side), deck.rows):
            found.append(made)
            progress(STAGE, len(found), len(deck))
    return found


def kind_of(picture: Photograph) -> str:
    return "image/png" if picture.suffix == ".png" else "image/jpeg"


def with_pictures(deck: Deck, pictures: list[Photograph], sources: list[str]) -> dict[str, Any]:
    return {**deck.data, "pictures": sources, "width": [one.width for one in pictures], "height": [one.height for one in pictures]}


def page_text(deck: Deck, pictures: list[Photograph], sources: list[str], *, is_embedded: bool) -> str:
    """`index.html`, or the whole page where it `is_embedded`."""
    made = script(SCRIPTS)
    data = json.dumps(with_pictures(deck, pictures, sources), separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(read), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True
    )
    return environment.get_template("desk_page.html").render(
        title=deck.data["title"],
        mark=Markup(MARK),
        embedded=Markup(data) if is_embedded else "",
        script=Markup(made),
        script_hash=base64.b64encode(hashlib.sha256(made.encode()).digest()).decode(),
        style=Markup(read("desk.css")),
    )


def script(names: tuple[str, ...]) -> str:
    """The scripts as one; as a module where the widget's is among them, else with a scope of its own."""
    desk = f"const DESK = {json.dumps(read('desk.html')).replace('<', chr(92) + 'u003c')};\n"
    text = desk + "\n".join(read(f"{name}.js") for name in names)
    return text if "start_widget" in names else f'(() => {{\n"use strict";\n{text}}})();\n'


def read(name: str) -> str:
    return (files("curate.publish.review_page") / "page" / name).read_text(encoding="utf-8")


def _check_file(target: Path) -> None:
    if not target.exists():
        return
    head = target.read_bytes()[:4000].decode("utf-8", "replace") if target.is_file() else ""
    if MARK not in head:
        raise UsageError(f"{target} is there already, and is no page of an earlier `curate gallery`; give another name by --to")
