"""The site: cards and pictures in, a folder with `index.html`, `data.js` and pictures out."""

import base64
import contextlib
import hashlib
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
import pandas as pd
from markupsafe import Markup

from curate.data.image_set import ImageSet
from curate.errors import RunError, UsageError
from curate.files import GALLERY_MARK as MARK
from curate.files import replaced_folder
from curate.find.saved_table import load_table
from curate.progress import Progress, silent
from curate.publish.gallery.cards import Cards, as_script, card_data, choose_cards
from curate.publish.gallery.contact_sheets import write_sheets
from curate.publish.gallery.credits import credits_of, provenance
from curate.review.decision_files import read_decisions
from curate.review.journal import JOURNAL, read_journal
from curate.review.verdicts import standing_decisions, without_stale
from curate.review.votes import Known, given_labels
from curate.run import Run

OURS = re.compile(r"index\.html|data\.js|images(/\d+\.(png|jpg))?")


def check_replaceable(target: Path) -> None:
    """Passes where nothing is lost when `target` is replaced: nothing is there, an empty folder, or an earlier gallery.

    Raises:
        UsageError: anything else; names a file that would be lost.
    """
    if not target.exists():
        return
    if not target.is_dir():
        raise UsageError(f"{target} is a file, expected a folder; give another one by --to")
    held = sorted(path.relative_to(target).as_posix() for path in target.rglob("*"))
    index = target / "index.html"
    is_gallery = index.is_file() and MARK in index.read_text(encoding="utf-8", errors="replace")
    foreign = [name for name in held if not (is_gallery and OURS.fullmatch(name))]
    if foreign:
        raise UsageError(f"{target} holds {foreign[0]}, which is not of an earlier gallery and would be lost; give another folder by --to")


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
    check_replaceable(target)
    with replaced_folder(target) as folder:
        (folder / "images").mkdir()
        data["sheet"] = write_sheets(image_set, cards.table.index.to_numpy(), folder / "images", progress=progress)
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
    return (files("curate.publish.gallery") / "page" / name).read_text(encoding="utf-8")


def gallery(
    run: Run,
    image_set: ImageSet,
    *,
    to: Path | None = None,
    title: str | None = None,
    only: str | None = None,
    limit: int | None = None,
    votes: Path | None = None,
    with_names: bool = False,
    licence: str | None = None,
    source: str | None = None,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Writes the site and returns where it is and what it shows.

    Decisions about another given label than today's are left out, as `clean` leaves them out.

    Args:
        run: on which `find` has been done.
        image_set: the images of the run.
        to: the folder of the site, `gallery` in the run folder by default; an earlier gallery there is replaced.
        title: of the page.
        only: `issues`, `reviewed` or `errors`; by default what is flagged or reviewed.
        limit: the most pictures, the worst of them.
        votes: decisions made elsewhere that count beside those of the run, see `curate.review.decision_files`.
        with_names: publish the reviewers' names, not only how many they are.
        licence, source: of the pictures, where the catalog does not know them.

    Raises:
        RunError: `find` has not been run, or the run is of other samples.
        UsageError: there is nothing to show, or something else is at `to`.
        DataError: a decision is about another dataset, or `votes` is not readable.
    """
    target = run.path / "gallery" if to is None else to
    check_replaceable(target)
    with run.step("gallery") if to is None else contextlib.nullcontext():  # elsewhere, nothing is written into the run
        table = load_table(run)
        if not np.array_equal(table["sample_id"].to_numpy(dtype=str), image_set.sample_ids.astype(str)):
            raise RunError(
                f"{run.path} holds the issues of {len(table)} samples, which are not the {len(image_set)} of '{image_set.name}'; "
                f"load the dataset as it was audited, or run {run.command('find')} again"
            )
        decisions = list(read_journal(run.path / JOURNAL).decisions)
        if votes is not None:
            decisions += read_decisions(votes, Known.of(table, image_set.class_names))
        standing, stale = without_stale(standing_decisions(decisions), given_labels(table))
        cards = choose_cards(table, standing, only=only, limit=limit)
        index = write_site(
            target,
            cards,
            image_set,
            table,
            run.meta,
            title=title,
            with_names=with_names,
            licence=licence,
            source=source,
            progress=progress,
        )
    return {
        "run": run.name,
        "gallery": index,
        "num_pictures": len(cards),
        "num_reviewed": len(cards) - cards.num_in("open"),
        "num_errors": cards.num_in("error"),
        "num_stale_decisions": len(stale),
    }
