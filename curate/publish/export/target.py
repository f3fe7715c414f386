"""Where an export goes: made beside its place and moved there whole; what is there already is replaced only if an export made it."""

import contextlib
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from curate.errors import StorageError, UsageError
from curate.files import EXPORT_MARKER as MARKER
from curate.files import replaced_folder


def check_folder(to: Path) -> None:
    """Whether an export may become the folder `to`: there is nothing yet, an empty folder, or an export that nobody has added to.

    Raises:
        UsageError: it is a file, or a folder with other things in it.
        StorageError: it cannot be made there.
    """
    _check_parent(to)
    if not to.exists():
        return
    if not to.is_dir():
        raise UsageError(f"{to} is a file, expected a folder to export to; choose another place with --to")
    found = next((path.name for path in sorted(to.iterdir())), None)
    if found is None or _is_untouched(to):
        return
    if (to / MARKER).exists():
        raise UsageError(f"files were added to the export in {to}, or taken away, since it was made; remove it, or choose another --to")
    raise UsageError(f"{to} holds other things, such as {found}; choose a new or an empty folder with --to")


def check_file(to: Path, suffixes: tuple[str, ...], is_export: Callable[[Path], bool]) -> None:
    """Whether an export may become the file `to`.

    Args:
        suffixes: those of the format.
        is_export: whether the file that is there was made by an export of this format.

    Raises:
        UsageError: its ending is another, it is a folder, or a file that no export made.
        StorageError: it cannot be made there.
    """
    if to.suffix.lower() not in suffixes:
        raise UsageError(f"expected a file that ends in {' or '.join(suffixes)} to export to, found {to.name}; change --to")
    _check_parent(to)
    if to.is_dir():
        raise UsageError(f"{to} is a folder, expected a file to export to; change --to")
    if to.exists() and not is_export(to):
        raise UsageError(f"{to} is there already and is no such export; choose another place with --to, or remove it")


@contextlib.contextmanager
def new_folder(to: Path) -> Iterator[Path]:
    """A folder beside `to` to write in, which takes its place when the block ends well and is removed when it does not.

    What killed exports to `to` have left is removed first.

    Raises:
        UsageError: something else than an export is there, see `check_folder`.
        StorageError: the disk is full or read-only.
    """
    check_folder(to)
    with replaced_folder(to) as work:
        yield work
        (work / MARKER).write_text(json.dumps({"format": 1, "num_files": _num_files(work)}) + "\n")
        check_folder(to)  # once more: the export may have taken minutes


def _check_parent(to: Path) -> None:
    existing = next(folder for folder in to.absolute().parents if folder.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        raise StorageError(f"cannot write in {existing}; choose another place with --to")


def _is_untouched(folder: Path) -> bool:
    try:
        return json.loads((folder / MARKER).read_text()) == {"format": 1, "num_files": _num_files(folder)}
    except (OSError, ValueError):
        return False


def _num_files(folder: Path) -> int:
    """Of all files in the tree but the marker."""
    return sum(len(names) for _, _, names in os.walk(folder)) - (folder / MARKER).exists()
