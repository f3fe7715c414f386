"""Files that are written whole or not at all, and what a disk may say."""

import contextlib
import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from filelock import FileLock

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


@contextlib.contextmanager
def replaced_folder(to: Path) -> Iterator[Path]:
    """Context with a new folder to write in, which takes the place of `to` once the block ends well and vanishes when it does not.

    A kill leaves either the old folder or the new one at `to`, or for the blink between two renames none; what it leaves beside `to` is
    removed by the next call. Who calls has seen that nothing is lost at `to`.

    Raises:
        StorageError: the disk is full or read-only, or `to` cannot be replaced.
    """
    to = to.resolve()
    with storage_errors(to):
        to.parent.mkdir(parents=True, exist_ok=True)
        for path in to.parent.glob(f".{to.name}.curate-*"):
            process = path.name.rpartition("-")[2]
            if process.isdecimal() and not is_running(int(process)):
                shutil.rmtree(path, ignore_errors=True)
        work, old = (to.with_name(f".{to.name}.curate-{what}-{os.getpid()}") for what in ("new", "old"))
        try:
            work.mkdir()
            yield work
            _swap(work, to, old)
        finally:
            shutil.rmtree(work, ignore_errors=True)
            shutil.rmtree(old, ignore_errors=True)


def _swap(work: Path, to: Path, old: Path) -> None:
    try:
        if to.exists():
            os.rename(to, old)
        try:
            os.rename(work, to)
        except OSError:
            if old.exists():
                os.rename(old, to)
            raise
    except OSError as error:
        if error.errno not in (errno.EBUSY, errno.EINVAL, errno.EXDEV):
            raise
        raise StorageError(f"nothing can take the place of {to} ({error.strerror}); choose a new folder with --to") from error


def is_running(process: int) -> bool:
    """Whether there is a process of that number."""
    try:
        import psutil

        return psutil.pid_exists(process)
    except ImportError:  # a bare GPU machine
        return Path(f"/proc/{process}").exists()


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Context in which no other process has the lock of `path`, the file `.NAME.lock` beside it."""
    with FileLock(path.with_name(f".{path.name}.lock")):
        yield
