"""The journal of review decisions, `decisions.jsonl`: one JSON object per line, only ever appended to.

Each line holds the fields of `Decision`. Nothing in it is ever changed: a reviewer who thinks again adds a line, and `undo` is a
line too. What stands after all that, `curate.review.verdicts` tells.
"""

import contextlib
import hashlib
import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, BinaryIO
from uuid import uuid4

from curate.errors import DataError, UnknownNameError
from curate.files import RUN, locked, storage_errors

JOURNAL = "decisions.jsonl"  # in a run folder
LABEL_ACTIONS = ("relabel", "accept_suggestion")
ACTIONS = ("ok", "confirm_error", "drop", "ambiguous", "undo", *LABEL_ACTIONS)
IMPORTED = "import-"  # how the batch of decisions that were made elsewhere begins
TEXTS = ("sample_id", "action", "who", "when", "note", "run", "batch", "id", "undoes")
SEEN = ("given", "suggested")
BLOCK = 4096  # bytes that are read at a time from the journal's end


def utc_now() -> str:
    """The time in UTC, to the microsecond, as ISO 8601; such texts sort by time."""
    return datetime.now(timezone.utc).isoformat(timespec="microseconds")


@dataclass(frozen=True)
class Decision:
    """What one reviewer decided about one sample.

    Attributes:
        sample_id: such as `mnist/test/3520`.
        action: `ok` (the given label is right), `confirm_error` (it is wrong, and the right one is not known), `drop` (the
            image does not belong here), `ambiguous` (no single class is right), `relabel` and `accept_suggestion` (the right
            class is `label`), or `undo`, which takes back a decision of this reviewer on the sample.
        label: the right class's name, as the reviewer saw it; None for actions that set none.
        who, note, run: free text.
        when: ISO 8601; kept in UTC to the microsecond, so that texts sort by time. Without a zone it is taken as UTC.
        given, suggested, is_label_issue: what the reviewer saw: both labels and the flag; None where that is not known.
        batch: shared by decisions that were taken in one go; empty for a single one.
        adjudicates: whether it settles a conflict between reviewers.
        id: tells the same decision in two journals from two equal ones.
        undoes: of `undo`, the id of the decision that it takes back, whatever the clocks of two machines say; empty: the last one.

    Raises:
        UnknownNameError: no such action.
        DataError: a field is of another type, or a label is missing, or there is one that the action does not take.
    """

    sample_id: str
    action: str
    label: str | None = None
    who: str = ""
    when: str = field(default_factory=utc_now)
    note: str = ""
    run: str = ""
    given: str | None = None
    suggested: str | None = None
    is_label_issue: bool | None = None
    batch: str = ""
    adjudicates: bool = False
    id: str = field(default_factory=lambda: uuid4().hex)
    undoes: str = ""

    def __post_init__(self) -> None:
        for name in TEXTS:
            if not isinstance(getattr(self, name), str):
                raise DataError(f"{name} of a decision must be text, found {getattr(self, name)!r}")
        for name in SEEN:
            if not isinstance(getattr(self, name), (str, type(None))):
                raise DataError(f"{name} of a decision must be text or null, found {getattr(self, name)!r}")
        if not isinstance(self.adjudicates, bool) or not isinstance(self.is_label_issue, (bool, type(None))):
            raise DataError(f"adjudicates and is_label_issue must be true or false, found {self.adjudicates!r} and {self.is_label_issue!r}")
        for name in ("sample_id", "id"):
            if not getattr(self, name):
                raise DataError(f"a decision needs {'a sample_id' if name == 'sample_id' else 'an id'}, found an empty one")
        if self.action not in ACTIONS:
            raise UnknownNameError.of("action", self.action, ACTIONS)
        has_label = self.label not in (None, "")  # what is no text is no label, and not none either
        if (self.action in LABEL_ACTIONS) != has_label or (has_label and not isinstance(self.label, str)):
            expected = "a class name" if self.action in LABEL_ACTIONS else "none"
            raise DataError(f"action '{self.action}' on {self.sample_id} takes {expected} as label, found {self.label!r}")
        if self.undoes and self.action != "undo":
            raise DataError(f"action '{self.action}' on {self.sample_id} takes nothing back, found undoes {self.undoes!r}")
        object.__setattr__(self, "when", in_utc(self.when))


def later_than(last: str, now: str) -> str:
    """`now`, or just after `last` where that is later, as it is when the clock was set back since: last words stand.

    Args:
        last: the latest time that is known, in UTC as decisions have it; '' where there is none.
    """
    return now if now > last else (datetime.fromisoformat(last) + timedelta(microseconds=1)).isoformat(timespec="microseconds")


@dataclass(frozen=True)
class Journal:
    """All decisions in the order in which they were written; `num_ignored` is 1 if a crash left half a last line, which is skipped."""

    decisions: tuple[Decision, ...]
    num_ignored: int = 0


def read_journal(path: Path) -> Journal:
    """The journal at `path`; an empty one where there is no file. Waits for whoever is just writing to it.

    Raises:
        DataError: a complete line is not a decision; names its number.
    """
    if not path.exists():
        return Journal(())
    with open(path, "rb") as file, _reading(path):
        *lines, tail = file.read().split(b"\n")
    decisions = [parse_decision(line, f"{path} line {number}") for number, line in enumerate(lines, 1) if line.strip()]
    if not tail.strip():
        return Journal(tuple(decisions))
    try:
        return Journal((*decisions, parse_decision(tail, str(path))))
    except DataError:
        return Journal(tuple(decisions), num_ignored=1)


def append_decisions(path: Path, decisions: Iterable[Decision]) -> None:
    """Adds `decisions` to the journal; they are on the disk when this returns. Several processes may append at once.

    Half a line that a crash left at the end is cut off first, so that it never runs into the next one. When the disk is full,
    none of them is added.

    Raises:
        StorageError: the disk is full or read-only.
    """
    content = "".join(json.dumps(asdict(decision)) + "\n" for decision in decisions).encode()
    with storage_errors(path, remedy=RUN):
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "a+b", buffering=0) as file, locked(path):
            content = _mended_end(file) + content
            size = file.seek(0, os.SEEK_END)
            try:
                _write_all(file, content)
                os.fsync(file.fileno())
            except OSError:
                file.truncate(size)
                raise
            if size == 0:
                _sync_folder(path.parent)


def in_utc(when: str) -> str:
    """`when` in UTC to the microsecond.

    Raises:
        DataError: it is not ISO 8601.
    """
    try:
        parsed = datetime.fromisoformat(when.replace("Z", "+00:00"))  # Python 3.10 knows no Z
        zoned = parsed if parsed.tzinfo else parsed.replace(tzinfo=timezone.utc)
        return zoned.astimezone(timezone.utc).isoformat(timespec="microseconds")
    except (ValueError, OverflowError) as error:
        raise DataError(f"when must be a time such as 2026-01-31T10:00:00+00:00, found {when!r}") from error


def content_id(*content: str) -> str:
    """The id of a decision that follows from `content` alone."""
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:32]


FIELDS = {f.name for f in fields(Decision)}


def parse_decision(line: bytes, where: str) -> Decision:
    """The decision in one line of a journal; fields that a newer version or a review page adds are left out.

    Args:
        where: the line is from, for messages.

    Raises:
        DataError: it is none.
    """
    try:
        values: Any = json.loads(line)
        if not isinstance(values, dict) or not {"sample_id", "action", "when"} <= values.keys():
            raise DataError("expected an object with sample_id, action and when")
        known = {name: value for name, value in values.items() if name in FIELDS}
        known.setdefault("id", hashlib.sha256(line.strip()).hexdigest()[:32])  # written before decisions had one
        return Decision(**known)
    except (ValueError, RecursionError, DataError) as error:
        raise DataError(f"{where} is not a review decision ({error}); mend or remove that line") from error


def _mended_end(file: BinaryIO) -> bytes:
    """Cuts half a last line off; returns the newline that a whole last line lacks, if so. Reads no more than that line."""
    start, tail = file.seek(0, os.SEEK_END), b""
    while start > 0 and b"\n" not in tail:
        length = min(BLOCK, start)
        start = file.seek(start - length)
        tail = file.read(length) + tail
    start += tail.rfind(b"\n") + 1
    tail = tail[tail.rfind(b"\n") + 1 :]
    if not tail:
        return b""
    try:
        parse_decision(tail, "the last line")
        return b"\n"
    except DataError:
        file.truncate(start)
        return b""


def _write_all(file: BinaryIO, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[file.write(rest) :]


def _reading(path: Path) -> contextlib.AbstractContextManager[None]:
    """Context in which nobody writes; where no lock can be made, as on a read-only disk, nobody can."""
    return locked(path) if os.access(path.parent, os.W_OK) else contextlib.nullcontext()


def _sync_folder(folder: Path) -> None:
    """Makes a new file's name last, too; only POSIX has folders to sync."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
