"""The journal of review decisions, `decisions.jsonl`: one JSON object per line, only ever appended to.

Each line has `sample_id`, `action`, `label` (the new class name, for the actions that set one, else null), `who`, `when`
(ISO 8601, UTC), `note` and `run`. The last decision on a sample wins; `undo` takes the last one back.
"""

import fcntl
import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, BinaryIO

from curate.errors import DataError, UnknownNameError
from curate.run import now, storage_errors

LABEL_ACTIONS = ("relabel", "accept_suggestion")
ACTIONS = ("ok", "confirm_error", "drop", "ambiguous", "undo", *LABEL_ACTIONS)


@dataclass(frozen=True)
class Decision:
    """What one reviewer decided about one sample.

    Attributes:
        sample_id: such as `mnist/test/3520`.
        action: `ok` (the given label is right), `confirm_error` (it is wrong, and the right one is not known), `drop` (the
            image does not belong here), `ambiguous` (no single class is right), `relabel` and `accept_suggestion` (the right
            class is `label`), or `undo`.
        label: the right class's name, as the reviewer saw it; None for actions that set none.
        who, note, run: free text.
        when: ISO 8601, UTC.

    Raises:
        UnknownNameError: no such action.
        DataError: a label is missing, or there is one that the action does not take.
    """

    sample_id: str
    action: str
    label: str | None = None
    who: str = ""
    when: str = field(default_factory=now)
    note: str = ""
    run: str = ""

    def __post_init__(self) -> None:
        for name in ("sample_id", "action", "who", "when", "note", "run"):
            if not isinstance(getattr(self, name), str):
                raise DataError(f"{name} of a decision must be text, found {getattr(self, name)!r}")
        if not self.sample_id:
            raise DataError("a decision needs a sample_id, found an empty one")
        if self.action not in ACTIONS:
            raise UnknownNameError.of("action", self.action, ACTIONS)
        if (self.action in LABEL_ACTIONS) != (isinstance(self.label, str) and self.label != ""):
            expected = "a class name" if self.action in LABEL_ACTIONS else "none"
            raise DataError(f"action '{self.action}' on {self.sample_id} takes {expected} as label, found {self.label!r}")


@dataclass(frozen=True)
class Journal:
    """All decisions in the order they were taken; `num_ignored` is 1 if a crash left half a last line, which is skipped."""

    decisions: tuple[Decision, ...]
    num_ignored: int = 0


def read_journal(path: Path) -> Journal:
    """The journal at `path`; an empty one where there is no file.

    Raises:
        DataError: a complete line is not a decision; names its number.
    """
    if not path.exists():
        return Journal(())
    *lines, tail = path.read_bytes().split(b"\n")
    decisions = [_parsed(line, f"{path} line {number}") for number, line in enumerate(lines, 1) if line.strip()]
    if not tail.strip():
        return Journal(tuple(decisions))
    try:
        return Journal((*decisions, _parsed(tail, str(path))))
    except DataError:
        return Journal(tuple(decisions), num_ignored=1)


def append_decisions(path: Path, decisions: Iterable[Decision]) -> None:
    """Adds `decisions` to the journal; they are on the disk when this returns. Several processes may append at once.

    Half a line that a crash left at the end is cut off first, so that it never runs into the next one.

    Raises:
        StorageError: the disk is full or read-only.
    """
    text = "".join(json.dumps(asdict(decision)) + "\n" for decision in decisions)
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "a+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.write(_mended_end(file) + text.encode())
            file.flush()
            os.fsync(file.fileno())


def latest_decisions(decisions: Sequence[Decision]) -> dict[str, Decision]:
    """The decision that counts for each sample; a sample whose decisions were all undone has none."""
    standing: dict[str, list[Decision]] = {}
    for decision in decisions:
        stack = standing.setdefault(decision.sample_id, [])
        if decision.action != "undo":
            stack.append(decision)
        elif stack:
            stack.pop()
    return {sample_id: stack[-1] for sample_id, stack in standing.items() if stack}


def _parsed(line: bytes, where: str) -> Decision:
    known = {f.name for f in fields(Decision)}
    try:
        values: Any = json.loads(line)
        if not isinstance(values, dict) or not {"sample_id", "action", "when"} <= values.keys():
            raise DataError("expected an object with sample_id, action and when")
        return Decision(**{name: value for name, value in values.items() if name in known})
    except (ValueError, DataError) as error:
        raise DataError(f"{where} is not a review decision ({error}); mend or remove that line") from error


def _mended_end(file: BinaryIO) -> bytes:
    """Cuts half a last line off; returns the newline that a whole last line lacks, if so."""
    file.seek(0)
    content = file.read()
    start = content.rfind(b"\n") + 1
    if start == len(content):
        return b""
    try:
        _parsed(content[start:], "the last line")
        return b"\n"
    except DataError:
        file.truncate(start)
        return b""
