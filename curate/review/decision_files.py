"""Decisions that were made elsewhere: a CSV of relabellings or reviews, or a vote file of labelerrors.com."""

import csv
import hashlib
import io
from collections import Counter
from dataclasses import replace
from pathlib import Path

from curate.errors import DataError, UsageError
from curate.review.journal import IMPORTED, Decision, content_id, utc_now
from curate.review.votes import Known, decisions_from_votes


def read_decisions(path: Path, known: Known, *, who: str = "", run: str = "") -> list[Decision]:
    """The decisions in `path`, in its order: a `.csv`, or a `.json` as in `decisions_from_votes`.

    A CSV has the columns `sample_id` and `label` or `action` or both. It may have `who`, `when`, `note`, and `given`: the given label
    that was judged, today's by default. Without an action, the label given already is `ok` and any other one `relabel`. A time without
    a zone is UTC, and a decision without a time was made now. One without a name is by `who`, or else by the name of the file.

    Args:
        known: the samples and classes of the run.
        who: reviewer of the lines of a CSV that name none; not for votes, which are of five workers.
        run: name of the run.

    Raises:
        DataError: the file is of another form, or has an unknown sample, class or action; names its line or candidate.
        UsageError: `who` is given for votes.
    """
    if not path.is_file():
        raise DataError(f"there is no file of decisions at {path}")
    try:
        content = path.read_bytes()
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not text in UTF-8 ({error}); save it as UTF-8") from error
    common = {"run": run, "batch": IMPORTED + hashlib.sha256(content).hexdigest()[:32]}
    if path.suffix.lower() == ".csv":
        return _from_csv(path, text, known, {"who": who or path.stem, **common})
    if path.suffix.lower() == ".json":
        if who:
            raise UsageError(f"{path.name} holds the votes of several workers, which cannot all be by '{who}'; leave the name out")
        return decisions_from_votes(path, text, known, **common)
    raise DataError(f"decisions come as .csv or as a .json of labelerrors.com, found {path.name}")


def _from_csv(path: Path, text: str, known: Known, common: dict[str, str]) -> list[Decision]:
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    decisions, now, seen = [], utc_now(), Counter[tuple]()
    try:
        columns = list(reader.fieldnames or [])
        if "sample_id" not in columns or not {"action", "label"} & set(columns):
            raise DataError(f"{path} must have the columns sample_id and label or action, found {', '.join(columns) or 'none'}")
        for row in reader:
            if None in row or None in row.values():
                raise DataError(
                    f"{path} line {reader.line_num} has not as many values as there are columns ({len(columns)}); mend that line"
                )
            values = {name: (row.get(name) or "").strip() for name in ("sample_id", "action", "label", "who", "when", "note", "given")}
            try:
                decision = _from_row(values, known, common, now)
            except DataError as error:
                raise DataError(f"{path} line {reader.line_num}: {error}") from error
            content = (*values.values(), decision.who)
            seen[content] += 1
            decisions.append(replace(decision, id=content_id("csv", *content, str(seen[content]))))
    except csv.Error as error:
        raise DataError(f"{path} line {reader.line_num} cannot be read as CSV ({error})") from error
    return decisions


def _from_row(values: dict[str, str], known: Known, common: dict[str, str], now: str) -> Decision:
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
        when=values["when"] or now,
        note=values["note"],
        run=common["run"],
        given=given,
        batch=common["batch"],
    )
