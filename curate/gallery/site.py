"""The site: cards and pictures in, a folder with `index.html`, `data.js` and `images/` out."""

import base64
import hashlib
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
from markupsafe import Markup

from curate.datasets.image_set import ImageSet
from curate.gallery.cards import Cards
from curate.gallery.credits import credits_of, provenance
from curate.gallery.data import as_script, card_data
from curate.gallery.folder import MARK, replaced_folder
from curate.gallery.sheets import write_sheets
from curate.progress import Progress, silent

SCRIPTS = ("base", "choice", "pictures", "words", "grid", "pairs", "filters", "detail", "start")  # each needs those before it


def write_site(
    target: Path,
    cards: Cards,
    image_set: ImageSet,
    table: pd.DataFrame,
    meta: dict[str, Any],
    *,
    title: str | None = None,
    with_names: bool = False,
    licence: str | None = None,
    source: str | None = None,
    progress: Progress = silent,
) -> Path:
    """Writes the site to the folder `target`, in place of an earlier one, and returns the path of its `index.html`.

    It needs nothing but itself, is read from a folder as well as from a server, and is the same for the same run and decisions.

    Args:
        cards: from `choose_cards`.
        image_set: the audited samples, N in the order of `table`.
        table: the issue table of all N.
        meta: the content of the run's `run.json`.
        title: of the page; one that says what is there by default.
        with_names: publish who decided what, not only how many.
        licence, source: of the pictures, where the catalog does not know them, or other ones.
        progress: called with the stage `gallery`.

    Raises:
        UsageError: something is at `target` that is not an earlier gallery.
        UnknownNameError: a reviewer named a class that there is not.
        StorageError: the disk is full or read-only.
    """
    data = card_data(cards, image_set.name, image_set.class_names, with_names=with_names)
    credit = credits_of(meta, licence=licence, source=source)
    with replaced_folder(target) as folder:
        (folder / "images").mkdir()
        data["sheet"] = write_sheets(image_set.images, cards.table.index.to_numpy(), folder / "images", progress=progress)
        script = page_script()
        page = _environment().get_template("gallery.html")
        text = page.render(
            title=title or f"{'Label errors' if cards.num_in('error') else 'Suspect labels'} in {credit.title}",
            name=image_set.name,
            credit=credit,
            provenance=provenance(meta, table),
            mark=Markup(MARK),
            num_cards=len(cards),
            num_found=cards.num_found,
            num_labels=int(table["given_label"].notna().sum()),
            num_flagged=int(table["is_label_issue"].sum()),
            num_reviewed=len(cards) - cards.num_in("open"),
            num_errors=cards.num_in("error"),
            script=Markup(script),
            script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
            style=Markup(_read("gallery.css")),
        )
        (folder / "data.js").write_text(as_script(data), encoding="utf-8")
        (folder / "index.html").write_text(text, encoding="utf-8")
    return target / "index.html"


def page_script() -> str:
    """The scripts of the page as one, with a scope of their own."""
    return "(() => {\n" + '"use strict";\n' + "\n".join(_read(f"{name}.js") for name in SCRIPTS) + "})();\n"


def _environment() -> jinja2.Environment:
    """Templates of this package; every value is escaped, a missing one is an error."""
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_read), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["count"] = lambda n: f"{n:,}"
    environment.filters["counted"] = lambda n, one: f"{n:,} {one}{'' if n == 1 else 's'}"
    return environment


def _read(name: str) -> str:
    return (files("curate.gallery") / "page" / name).read_text(encoding="utf-8")
