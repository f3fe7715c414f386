"""The page: evidence in, `report.html` out."""

import shlex
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from curate.data.image_set import ImageSet
from curate.errors import UsageError
from curate.files import write_atomically
from curate.find.self_estimate import estimate_sentences
from curate.progress import Progress, silent
from curate.publish.gallery.credits import public_command
from curate.publish.report import wording
from curate.publish.report.confusion import make_confusion
from curate.publish.report.evidence import Evidence, read_evidence
from curate.publish.report.gain_rows import make_gains
from curate.publish.report.page_rows import class_rows, key_figures, provenance, remarks, step_rows
from curate.publish.report.point_map import make_point_map
from curate.publish.report.quality import quality_histogram
from curate.publish.report.suspects import make_gallery, make_trouble
from curate.publish.shown import is_crisp
from curate.run import Run

STAGE = "report"


def write_report(run: Run, image_set: ImageSet, *, to: Path | None = None, num_shown: int = 60, progress: Progress = silent) -> Path:
    """Writes the page and returns its path.

    The page needs nothing but itself: pictures, styles and script are inside, and its content policy forbids any request.

    Args:
        run: a run on which `curate find` has been done.
        image_set: the audited samples, in the order of the run.
        to: the file, `report.html` in the run folder by default.
        num_shown: the most labels shown as pictures: suspects, and below them what is worth a look.
        progress: called with the stage `report`.

    Raises:
        RunError: a step is missing, or `image_set` is not what the run audited.
        StorageError: the page cannot be written.
    """
    progress(STAGE, 0, 3)
    evidence = read_evidence(run, image_set)
    progress(STAGE, 1, 3)
    page = render(evidence, num_shown)
    progress(STAGE, 2, 3)
    path = run.write_text("report.html", page) if to is None else write_atomically(to, page.encode())
    progress(STAGE, 3, 3)
    return path


def render(evidence: Evidence, num_shown: int = 60) -> str:
    """The page as text."""
    gallery = make_gallery(evidence, num_shown)
    labelled = evidence.is_labelled
    table = evidence.table
    detection = evidence.findings.get("detection") or {}
    return (
        environment()
        .get_template("report.html")
        .render(
            name=evidence.image_set.name,
            run_name=evidence.run_name,
            has_test=bool((evidence.image_set.splits == "test").any()),
            meta=evidence.meta,
            headline=wording.headline(gallery.num_suspects, int(labelled.sum()), detection, unjudged=evidence.unjudged),
            estimate=estimate_sentences(detection),
            is_judged=evidence.unjudged is None,
            figures=key_figures(evidence, gallery),
            num_labelled=int(labelled.sum()),
            num_unlabelled=int((~labelled).sum()),
            gallery=gallery,
            crisp=is_crisp(evidence.image_set),
            confusion=make_confusion(evidence.label_pairs, evidence.image_set.class_names),
            classes=class_rows(evidence),
            histogram=quality_histogram(table["label_quality"].to_numpy()[labelled], table["is_label_issue"].to_numpy()[labelled]),
            point_map=make_point_map(evidence),
            trouble=make_trouble(evidence),
            gains=make_gains(evidence.comparison) if evidence.comparison else [],
            comparison=evidence.comparison,
            remarks=remarks(evidence),
            steps=step_rows(evidence.meta),
            provenance=provenance(evidence.meta, evidence.findings.get("methods")),
            command=_command(evidence.meta),
        )
    )


def _command(meta: dict[str, Any]) -> str:
    command = meta.get("command") or ""
    return public_command(command if isinstance(command, str) else shlex.join(command))


def environment() -> jinja2.Environment:
    """Templates of this package; every value is escaped, a missing one is an error."""
    made = jinja2.Environment(
        loader=jinja2.FunctionLoader(_read), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    for function in (wording.count, wording.counted, wording.percent, wording.points, wording.score, wording.day, wording.duration):
        made.filters[function.__name__] = function
    made.globals["source"] = lambda name: Markup(_read(name))  # our own CSS and JS, as they are
    return made


def _read(name: str) -> str:
    return (files("curate.publish") / "pages" / name).read_text(encoding="utf-8")


def report(run: Run, image_set: ImageSet, *, to: Path | None = None, progress: Progress = silent) -> Path:
    """Writes `report.html` and returns its path; to the file `to`, where one is given, and then nothing into the run folder.

    Raises:
        RunError: `find` has not been run.
        UsageError: `to` is no name of a page.
    """
    if to is not None:
        if to.suffix.lower() not in (".html", ".htm") or to.is_dir():
            raise UsageError(f"{to} is no name of a page; give --to a file that ends in .html")
        return write_report(run, image_set, to=to, progress=progress)
    with run.step("report"):
        return write_report(run, image_set, progress=progress)
