"""Every error that `curate` raises on purpose; the command line prints it as one line and exits with code 2.

    CurateError
    ├── UsageError           an option or argument is out of range, or options contradict each other
    ├── DataError            an input (array, file, folder, table) is not what it should be
    │   ├── UnknownNameError     no dataset, model, class or policy of that name; names the nearest ones
    │   └── IntegrityError       a file is missing, truncated or has the wrong hash
    ├── FetchError           no source could deliver a file; says how to place it by hand
    ├── RunError             the run folder is of another dataset, another format, or lacks a step
    ├── StorageError         a disk is full or read-only
    ├── DatabaseError        MongoDB or the FiftyOne dataset cannot be used
    └── DependencyError      an optional package is missing; names the pip command

A message says what was expected, what was found, and what to do.
"""

import difflib
from collections.abc import Iterable


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
        """The error for `name`, naming the nearest of `known`, or all of them when none is near."""
        known = sorted(known)
        near = difflib.get_close_matches(name.lower(), known, n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(known)}"
        return cls(f"unknown {kind} '{name}'; {hint}")


class IntegrityError(DataError):
    """A file is missing, truncated or has the wrong hash."""


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
