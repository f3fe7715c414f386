"""Files that `curate export` and the gallery wrote, read back as decisions: the table of all samples, and corrected labels."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from curate.errors import DataError

VOTES = {
    "ok": "label is right",
    "confirm_error": "label is wrong",
    "drop": "image does not belong here",
    "ambiguous": "no single class is right",
}
"""What a file of corrected labels says of an action; a class name stands for that class."""
CORRECTIONS = "curate corrected labels 1"
ACTION_OF = {said: action for action, said in VOTES.items()}
SEPARATOR = ", "  # of names in the table of all samples

Row = dict[str, str]
Placed = tuple[str, Row]
"""Where a row stands, for messages, and the row."""


def rows_of_table(rows: Iterable[Placed]) -> Iterator[Placed]:
    """Of the table of all samples, a row for every reviewer whose decision counts; what only a policy did is left out."""
    for place, row in rows:
        action = row["decision"]
        if not action or action == "conflict":
            continue
        label = row["label"] if action in ("relabel", "accept_suggestion") else ""
        for who in row.get("who", "").split(SEPARATOR):
            yield place, {"sample_id": row["sample_id"], "action": action, "label": label, "who": who, "given": row.get("given_label", "")}


def rows_of_corrections(rows: Iterable[Placed], who: str) -> Iterator[Placed]:
    """Of corrected labels, a row for every vote, by `who 1`, `who 2` and so on where there are several; changes without votes are left out.

    Raises:
        DataError: the votes of a row cannot be read.
    """
    for place, row in rows:
        common = {"sample_id": row["sample_id"], "given": row.get("given", "")}
        if "votes" not in row:  # of the gallery's download: what the reviewers agreed on
            corrected = row["corrected"]
            yield place, {**common, "action": "relabel" if corrected else "confirm_error", "label": corrected, "who": who}
            continue
        try:
            votes = json.loads(row["votes"] or "{}")
            said = [what for what, count in votes.items() for _ in range(count)]
        except (ValueError, AttributeError, TypeError) as error:
            raise DataError(f'{place}: votes must be counts such as {{"label is right": 1}}, found {row["votes"]!r}') from error
        for number, what in enumerate(said, 1):
            action = ACTION_OF.get(what, "relabel")
            label = what if action == "relabel" else ""
            yield place, {**common, "action": action, "label": label, "who": who if len(said) == 1 else f"{who} {number}"}


def corrections_of_json(path: Path, content: Any) -> Iterator[Placed]:
    """The rows of corrected labels in JSON, as those of the CSV.

    Raises:
        DataError: it is of another form.
    """
    for number, entry in enumerate(content.get("corrections", []), 1):
        if not isinstance(entry, dict) or not isinstance(entry.get("sample_id"), str):
            raise DataError(f"correction {number} of {path}: expected an object with a sample_id, found {entry!r}")
        yield (
            f"correction {number} of {path}",
            {
                "sample_id": entry["sample_id"],
                "given": entry.get("given") or "",
                "corrected": entry.get("corrected") or "",
                "votes": json.dumps(entry.get("votes") or {}),
            },
        )
