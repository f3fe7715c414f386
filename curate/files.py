"""Files that are written whole or not at all, and what a disk may say."""

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from curate.errors import StorageError


def write_atomically(path: Path, content: bytes | memoryview) -> Path:
    """Replaces `path` by `content` so that a kill leaves the old file or the new one, never half of one.

    Raises:
        StorageError: the disk is full or read-only.
    """
    with replaced_atomically(path) as file:
        file.write(content)
    return path


@contextlib.contextmanager
def replaced_atomically(path: Path) -> Iterator[IO[bytes]]:
    """Context with a file to write what replaces `path` once the block ends well; for content that is too large for memory.

    Raises:
        StorageError: the disk is full or read-only.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with open(temporary, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turns a full or read-only disk into a StorageError that names `path`."""
    hints = {
        errno.ENOSPC: "the disk is full; free some space",
        errno.EDQUOT: "the disk quota is used up; free some space",
        errno.ENOENT: "its folder cannot be made there; set CURATE_DATA to a folder that can be written",
        errno.EROFS: "the disk is read-only; set CURATE_DATA to a folder that can be written",
        errno.EACCES: "permission denied; set CURATE_DATA to a folder that can be written",
        errno.EPERM: "permission denied; set CURATE_DATA to a folder that can be written",
        errno.ENOTDIR: "a part of that path is a file, not a folder",
        errno.EEXIST: "a file is where a folder should be",
    }
    try:
        yield
    except OSError as error:
        if error.errno in hints:
            raise StorageError(f"cannot write {path}: {hints[error.errno]}, then run the same command again") from error
        raise
