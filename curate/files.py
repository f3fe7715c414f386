"""Files that are written whole or not at all, and what a disk may say."""

import contextlib
import errno
import glob
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from filelock import FileLock

from curate.errors import StorageError

DATA, TO, RUN = (
    "set CURATE_DATA to a folder that can be written, then run the same command again",
    "choose another place with --to",
    "copy the run folder to a place that can be written, and give its path in place of the name",
)
"""What to do where a place cannot be written, by what chose the place."""

EXPORT_MARKER = ".curate-export.json"
"""In every exported folder, with the number of files beside it: tells an export that is as it was from one that has become the user's."""
GALLERY_MARK = '<meta name="generator" content="curate gallery">'
"""In the `index.html` of every gallery."""


def write_atomically(path: Path, content: bytes | memoryview, *, remedy: str = TO) -> Path:
    """Replaces `path` by `content` so that a kill leaves the old file or the new one, never half of one.

    Args:
        remedy: what to do where it cannot be written, such as `DATA`.

    Raises:
        StorageError: the disk is full or read-only.
    """
    with replaced_atomically(path, remedy=remedy) as file:
        file.write(content)
    return path


@contextlib.contextmanager
def replaced_atomically(path: Path, *, remedy: str = TO) -> Iterator[IO[bytes]]:
    """Context with a file to write what replaces `path` once the block ends well; for content that is too large for memory.

    Args:
        remedy: what to do where it cannot be written, such as `DATA`.

    Raises:
        StorageError: the disk is full or read-only.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with storage_errors(path, remedy=remedy):
        path.parent.mkdir(parents=True, exist_ok=True)
        for left in path.parent.glob(f".{glob.escape(path.name)}.*.tmp"):
            process = left.name.split(".")[-2]
            if process.isdecimal() and not is_running(int(process)):  # it was killed
                left.unlink(missing_ok=True)
        try:
            with open(temporary, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)


AGAIN = ", then run the same command again"
OWN_FAULT = {  # whatever place was chosen
    errno.ENOSPC: f"the disk is full; free some space{AGAIN}",
    errno.EDQUOT: f"the disk quota is used up; free some space{AGAIN}",
}
OF_THE_PLACE = {
    errno.ENOENT: "its folder cannot be made there",
    errno.EROFS: "the disk is read-only",
    errno.EACCES: "permission denied",
    errno.EPERM: "permission denied",
    errno.ENOTDIR: "a part of that path is a file, not a folder",
    errno.EEXIST: "a file is where a folder should be",
    errno.EISDIR: "a folder is where a file should be",
    errno.ENAMETOOLONG: "the name is too long",
}


@contextlib.contextmanager
def storage_errors(path: Path, *, remedy: str = DATA) -> Iterator[None]:
    """Turns what a disk says, such as that it is full or read-only, into a StorageError that names `path` and what to do.

    Args:
        remedy: what to do where the place is at fault: who chose it knows, such as by `TO`.
    """
    try:
        yield
    except OSError as error:
        if error.errno in OWN_FAULT:
            raise StorageError(f"cannot write {path}: {OWN_FAULT[error.errno]}") from error
        if error.errno in OF_THE_PLACE:
            raise StorageError(f"cannot write {path}: {OF_THE_PLACE[error.errno]}; {remedy}") from error
        raise


@contextlib.contextmanager
def replaced_folder(to: Path, *, remedy: str = TO) -> Iterator[Path]:
    """Context with a new folder to write in, which takes the place of `to` once the block ends well and vanishes when it does not.

    A kill leaves either the old folder or the new one at `to`, or for the blink between two renames none; what it leaves beside `to` is
    removed by the next call. Who calls has seen that nothing is lost at `to`.

    Raises:
        StorageError: the disk is full or read-only, or `to` cannot be replaced.
    """
    to = to.resolve()
    with storage_errors(to, remedy=remedy):
        to.parent.mkdir(parents=True, exist_ok=True)
        for path in to.parent.glob(f".{glob.escape(to.name)}.curate-*"):
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
