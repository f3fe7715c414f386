"""Decisions that were made elsewhere: a journal, a table of relabellings or reviews, or a vote file of labelerrors.com."""

import hashlib
import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from curate.data.content import CONTENTS, by_sample
from curate.errors import DataError, UsageError
from curate.review.exported_files import CORRECTIONS, Placed, Row, corrections_of_json, rows_of_corrections, rows_of_table
from curate.review.journal import IMPORTED, Decision, content_id, parse_decision, utc_now
from curate.review.pseudonyms import is_pseudonym, pseudonym
from curate.review.votes import Known, decisions_from_votes
from curate.tables import TABLE_SUFFIXES, read_table

COLUMNS = ("sample_id", "action", "label", "who", "when", "note", "given", "id")

Contents = Callable[[], Mapping[str, str]]
"""Gives what is in each picture of the run by its sample id, see `curate.data.content`; asked only where a file says what it judged."""


@dataclass(frozen=True)
class Reading:
    """What a file holds.

    Attributes:
        decisions: on samples of the run, in the order of the file.
        unknown: ids of pictures that the run does not have, as the file names them.
        num_moved: how many decisions follow a picture that has another id here.
    """

    decisions: list[Decision]
    unknown: tuple[str, ...] = ()
    num_moved: int = 0


def read_decisions(path: Path, known: Known, *, who: str = "", run: str = "") -> list[Decision]:
    """The decisions in `path`, all of which must be about samples of the run. Arguments and errors as of `read_file`."""
    reading = read_file(path, known, who=who, run=run)
    if reading.unknown:
        known.given_label(reading.unknown[0])  # tells which ids there are
    return reading.decisions


def read_file(
    path: Path, known: Known, *, who: str = "", run: str = "", contents: Contents | None = None, now: str | None = None
) -> Reading:
    """The decisions in `path`, in its order.

    A journal (`.jsonl`, of a review page or of another run) keeps everything that it tells. Where it or its run says what is in the
    pictures, a decision follows its picture, whatever that is called here, and never goes to another one that is called so now; without it
    decisions go by sample id. What is about no picture of this run is left out and counted.

    A table (`.csv` with commas, semicolons or tabs, `.parquet`) has the columns `sample_id` and `label` or `action` or both. It may have
    `who`, `when`, `note`, and `given`: the given label that was judged, today's by default. Without an action, the label given already is
    `ok` and any other one `relabel`. A time without a zone is UTC, and a decision without a time was made now. One without a name is by
    `who`, or else by the name of the file. Tables and corrected labels of `curate export` are read, too: what people decided, not what a
    policy did. A `.json` is such a file of corrected labels, or as in `decisions_from_votes`.

    Args:
        known: the samples and classes of the run.
        who: reviewer of the lines that name none; not for votes, which are of five workers.
        run: name of the run.
        contents: where pictures are under other ids.
        now: the time of decisions that have none; by the clock by default.

    Raises:
        DataError: the file is of another form, or has an unknown sample, class or action; names its line or candidate.
        UsageError: `who` is given for votes.
    """
    if not path.is_file():
        raise DataError(f"there is no file of decisions at {path}")
    content = path.read_bytes()
    batch = IMPORTED + hashlib.sha256(content).hexdigest()[:32]
    common = {"run": run, "batch": batch, "who": who or path.stem, "now": now or utc_now()}
    suffix = path.suffix.lower()
    if suffix in TABLE_SUFFIXES:
        table = read_table(path)
        return _from_rows(path, table.columns, zip(table.places, table.rows, strict=True), known, common)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not text in UTF-8 ({error}); save it as UTF-8") from error
    if suffix in (".jsonl", ".ndjson", ".txt"):
        return _from_journal(path, text, known, common, contents)
    if suffix == ".json":
        corrections = _corrections(text)
        if corrections is not None:
            return _from_rows(path, ("sample_id", "given", "corrected", "votes"), corrections_of_json(path, corrections), known, common)
        if who:
            raise UsageError(f"{path.name} holds the votes of several workers, which cannot all be by '{who}'; leave the name out")
        return Reading(decisions_from_votes(path, text, known, run=run, batch=common["batch"]))
    raise DataError(f"decisions come as .jsonl, .csv, .parquet or .json, found {path.name}")


def _from_journal(path: Path, text: str, known: Known, common: dict[str, str], contents: Contents | None) -> Reading:
    lines = [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    read = [(number, parse_decision(line.encode(), f"{path} line {number}"), _beside(line)) for number, line in lines]
    if not read:
        raise DataError(f"{path} holds no decisions")
    samples: dict[str, str | None] = {
        decision.sample_id: decision.sample_id for _, decision, _ in read if decision.sample_id in known.given
    }
    if any(is_pseudonym(decision.sample_id) for _, decision, _ in read):
        samples |= {pseudonym(sample_id): sample_id for sample_id in known.given}
    seen = _contents_beside(path) | {decision.sample_id: content for _, decision, content in read if content}
    moved = _by_content(seen, {decision.sample_id for _, decision, _ in read}, contents)
    samples |= moved
    decisions, unknown, num_moved = [], [], 0
    for number, decision, _ in read:
        sample_id = samples.get(decision.sample_id)
        if sample_id is None:
            unknown.append(decision.sample_id)
            continue
        num_moved += decision.sample_id in moved and sample_id != decision.sample_id
        try:
            decisions.append(of_this_run(decision, sample_id, known, common))
        except DataError as error:
            raise DataError(f"{path} line {number}: {error}") from error
    if not decisions:
        other = read[0][1].run
        raise DataError(
            f"{path} is about other pictures: none of its {len(read)} decisions is about one of this run, the first about '{unknown[0]}'"
            + (f" of run '{other}'" if other and other != common["run"] else "")
            + "; nothing was changed"
        )
    return Reading(decisions, tuple(dict.fromkeys(unknown)), num_moved)


def _contents_beside(path: Path) -> dict[str, str]:
    """What is in the pictures of the run whose journal this is, by sample id; nothing where it is no run's or does not tell."""
    try:
        return by_sample(*(np.load(path.with_name(name), allow_pickle=False) for name in ("sample_ids.npy", CONTENTS)))
    except (OSError, ValueError):
        return {}


def _by_content(seen: Mapping[str, str], judged: Iterable[str], contents: Contents | None) -> dict[str, str | None]:
    """The sample here of each judged one whose picture is known; None where that picture is not here.

    Args:
        seen: what was in the pictures when they were judged, by the id that they had then.
        judged: ids that decisions are about.
        contents: of the run.
    """
    known = {sample_id: seen[sample_id] for sample_id in judged if sample_id in seen}
    here = contents() if known and contents is not None else {}
    if not here:
        return {}
    alike: defaultdict[str, list[str]] = defaultdict(list)
    for sample_id, content in here.items():
        alike[content].append(sample_id)
    found: dict[str, str | None] = {}
    for sample_id, content in known.items():
        if here.get(sample_id) == content:
            found[sample_id] = sample_id
        else:  # of copies nobody can say which is meant
            found[sample_id] = alike[content][0] if len(alike[content]) == 1 else None
    return found


def of_this_run(decision: Decision, sample_id: str, known: Known, common: dict[str, str]) -> Decision:
    """`decision` with the names of this run, and with `who` and `batch` of `common`; where the label was hidden it judges today's."""
    changes: dict[str, Any] = {"sample_id": sample_id, "batch": common["batch"], "who": decision.who or common["who"]}
    if decision.label is not None:
        changes["label"] = known.class_name(decision.label)
    if is_pseudonym(decision.sample_id) and decision.action != "undo":
        given = known.given_label(sample_id)
        changes["given"] = given
        if changes.get("label") == given:
            changes |= {"action": "ok", "label": None}
    return replace(decision, **changes)


def _beside(line: str) -> str:
    """What is in the picture, where a page says so beside the decision."""
    content = json.loads(line).get("content")
    return content if isinstance(content, str) else ""


def _corrections(text: str) -> Any:
    """The content of a JSON file of corrected labels; None where it is another file."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) and content.get("format") == CORRECTIONS else None


def _from_rows(path: Path, columns: tuple[str, ...], rows: Iterable[Placed], known: Known, common: dict[str, str]) -> Reading:
    names = set(columns)
    if "sample_id" not in names or not names & {"action", "label", "corrected"}:
        raise DataError(f"{path} must have the columns sample_id and label or action, found {', '.join(columns) or 'none'}")
    is_export = True
    if "corrected" in names:
        rows = rows_of_corrections(rows, common["who"])
    elif {"decision", "action"} <= names:
        rows = rows_of_table(rows)
    elif {"given_label", "label", "action"} <= names:
        raise DataError(f"{path} says what a policy did, not what people decided; take decisions.jsonl of that run")
    else:
        is_export = False
    hidden: dict[str, str] = {}
    decisions, seen = [], Counter[tuple]()
    for place, row in rows:
        values = {name: row.get(name, "") for name in COLUMNS}
        is_hidden = is_pseudonym(values["sample_id"])
        if is_hidden:
            hidden = hidden or {pseudonym(sample_id): sample_id for sample_id in known.given}
            values["sample_id"] = hidden.get(values["sample_id"], values["sample_id"])
            values["given"] = ""
        try:
            decision = _from_row(values, known, common)
            if is_hidden and decision.label is not None and decision.label == decision.given:
                decision = replace(decision, action="ok", label=None)
        except DataError as error:
            raise DataError(f"{place}: {error}") from error
        if re.fullmatch("[0-9a-f]{32}", values["id"]):  # as a review page gives them; not the numbers of a list
            decisions.append(replace(decision, id=values["id"]))
            continue
        content = (*(values[name] for name in COLUMNS[:-1]), decision.who)
        seen[content] += 1
        decisions.append(replace(decision, id=content_id("csv", *content, str(seen[content]))))
    if is_export and not decisions:
        raise DataError(f"{path} holds no decisions of people, only what a policy did")
    return Reading(decisions)


def _from_row(values: Row, known: Known, common: dict[str, str]) -> Decision:
    given = known.given_label(values["sample_id"])
    if values["given"]:
        given = known.class_name(values["given"])
    label = known.class_name(values["label"]) if values["label"] else None
    action = values["action"]
    if not action:
        if label is None:
            raise DataError(f"sample '{values['sample_id']}' has neither an action nor a label")
        action, label = ("ok", None) if label == given else ("relabel", label)
    return Decision(
        values["sample_id"],
        action,
        label,
        who=values["who"] or common["who"],
        when=values["when"] or common["now"],
        note=values["note"],
        run=common["run"],
        given=given,
        batch=common["batch"],
    )
