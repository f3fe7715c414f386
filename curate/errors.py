"""Every error that `curate` raises on purpose; the command line prints it as one line and exits with code 2.

    CurateError
    ├── UsageError           an option or argument is out of range, or options contradict each other
    ├── DataError            an input (array, file, folder, table) is not what it should be
    │   ├── UnknownNameError     no dataset, model, class or policy of that name; names the nearest ones
    │   ├── IntegrityError       a file is missing, truncated or has the wrong hash
    │   └── DivergedError        a training went wrong: its net gives no numbers any more
    ├── FetchError           no source could deliver a file; says how to place it by hand
    ├── RunError             the run folder is of another dataset, another format, or lacks a step
    ├── StorageError         a disk is full or read-only
    ├── DatabaseError        MongoDB or the FiftyOne dataset cannot be used
    └── DependencyError      an optional package is missing; names the pip command

A message says what was expected, what was found, and what to do.
"""

import re
from collections.abc import Iterable
from difflib import SequenceMatcher

NEAR = 0.6
"""From this closeness on a name is near."""
LONGEST_LIST = 30
"""Names that a message lists where none is near."""


class CurateError(Exception):
    """Base of all errors that are the input's or the machine's fault, not a bug."""


class UsageError(CurateError):
    """An option or argument is out of range, or options contradict each other."""


class DataError(CurateError):
    """An input is not what it should be."""


class UnknownNameError(DataError):
    """A name that is not in its registry."""

    @classmethod
    def of(cls, kind: str, name: str, known: Iterable[str]) -> "UnknownNameError":
        """The error for `name`, naming the nearest of `known`; where none is near, all or the first of them, if any."""
        known = list(known)
        near = nearest(name, known)
        if near:
            return cls(f"unknown {kind} '{name}'; did you mean {' or '.join(near)}?")
        more = f" … ({len(known)} in all)" if len(known) > LONGEST_LIST else ""
        listed = f"known: {', '.join(known[:LONGEST_LIST])}{more}" if known else "there is none"
        return cls(f"unknown {kind} '{name}'; {listed}")


def nearest(name: str, known: Iterable[str], *, most: int = 3) -> list[str]:
    """Up to `most` of the known names that `name` may have meant, the closest first; none where none is near."""
    scored = [(closeness(name, other), other) for other in known]
    return [other for score, other in sorted(scored, key=lambda pair: -pair[0]) if score >= NEAR][:most]


def closeness(name: str, other: str) -> float:
    """How near two names are, in [0, 1], whatever the case of their letters; 1 where they are the same.

    The greatest of three: alike letter by letter (typing errors), alike word by word (`layer2.conv1` and `trunk.layer2.0.conv1`), and
    one inside the other (`blur` and `gaussian-blur`), rather `name` inside `other`.
    """
    a, b = name.casefold(), other.casefold()
    words_a, words_b = (re.findall(r"[^\W\d_]+|\d+", text) for text in (a, b))
    shorter, longer = sorted((a, b), key=len)
    inside = 0.6 + 0.3 * len(shorter) / len(longer) + 0.1 * (shorter == a) if len(shorter) >= 3 and shorter in longer else 0.0
    return max(SequenceMatcher(None, a, b).ratio(), SequenceMatcher(None, words_a, words_b).ratio(), inside)


class IntegrityError(DataError):
    """A file is missing, truncated or has the wrong hash."""


class DivergedError(DataError):
    """A training went wrong: its net gives no numbers any more."""


class FetchError(CurateError):
    """No source could deliver a file."""


class RunError(CurateError):
    """The run folder does not fit what is asked of it."""


class StorageError(CurateError):
    """A disk is full or read-only."""


class DatabaseError(CurateError):
    """MongoDB or the FiftyOne dataset cannot be used."""


class DependencyError(CurateError):
    """An optional package is missing."""
