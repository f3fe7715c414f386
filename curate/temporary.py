"""Temporary folders that are removed even if their process is killed: by the next one that makes such a folder."""

import contextlib
import fcntl
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

LOCK = ".lock"  # in the folder, locked by its process: the kernel lets go of it, however that ends
FRESH_SECONDS = 60.0  # a folder that is just being made may not be locked yet


@contextlib.contextmanager
def temporary_folder(prefix: str, parent: Path | None = None) -> Iterator[Path]:
    """Context with a new empty folder but for its lock; those of the same prefix that killed processes left are removed first.

    Args:
        prefix: of the folder's name, such as `curate-plugins-`.
        parent: default: where temporary files go.

    Raises:
        OSError: the folder cannot be made.
    """
    parent = Path(tempfile.gettempdir()) if parent is None else parent
    for lock in parent.glob(f"{prefix}*/{LOCK}"):
        if _is_left_behind(lock):
            shutil.rmtree(lock.parent, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
    try:
        with open(folder / LOCK, "wb") as lock_file:
            fcntl.flock(lock_file, fcntl.LOCK_EX)
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _is_left_behind(lock: Path) -> bool:
    try:
        with open(lock, "rb") as file:
            if time.time() - lock.stat().st_mtime < FRESH_SECONDS:
                return False
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
    except OSError:  # locked, another user's, or removed meanwhile
        return False
