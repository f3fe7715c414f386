"""Temporary folders that are removed even if their process is killed: by the next one that makes such a folder."""

import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows, where no folder can be locked: what a killed process leaves stays until the system tidies up
    fcntl = None  # type: ignore[assignment]

FRESH_SECONDS = 60.0  # a folder that is just being made may not be locked yet


@contextlib.contextmanager
def temporary_folder(prefix: str, parent: Path | None = None) -> Iterator[Path]:
    """Context with a new empty folder; those of the same prefix that killed processes left are removed first.

    The folder itself is locked by its process: the kernel lets go of that however the process ends.

    Args:
        prefix: of the folder's name, such as `curate-plugins-`.
        parent: default: where temporary files go.

    Raises:
        OSError: the folder cannot be made.
    """
    parent = Path(tempfile.gettempdir()) if parent is None else parent
    for other in parent.glob(f"{prefix}{'?' * 8}"):  # as mkdtemp names them: what somebody named by hand stays
        if _is_left_behind(other):
            shutil.rmtree(other, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
    try:
        if fcntl is None:
            yield folder
        else:
            with _opened(folder) as descriptor:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _is_left_behind(folder: Path) -> bool:
    if fcntl is None:
        return False
    try:
        with _opened(folder) as descriptor:
            if time.time() - os.fstat(descriptor).st_mtime < FRESH_SECONDS:
                return False
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
    except OSError:  # locked, another user's, a link, no folder, or removed meanwhile
        return False


@contextlib.contextmanager
def _opened(folder: Path) -> Iterator[int]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
