"""Members of tar, zip and gzip files, read straight into memory.

Nothing is ever extracted by the names an archive gives: callers ask for members by exact name and decide themselves where the
bytes go. So an archive cannot write anywhere, and links, devices and `../` names in it have no effect.
"""

import gzip
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from curate.errors import IntegrityError

LIMIT = 1 << 30
"""Bytes that one member may have when it is unpacked; the largest of the catalog has 156 MB."""

_BROKEN = (EOFError, OSError, tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, RuntimeError)


def gunzip(file: Path | BinaryIO, *, source: str = "") -> bytes:
    """The content of a gzip file; `source` names an open one in messages.

    Raises:
        IntegrityError: it is not gzip, is truncated, or unpacks to more than LIMIT.
    """
    source = source or str(file)
    try:
        with gzip.open(file) as unpacked:
            content = unpacked.read(LIMIT + 1)
    except _BROKEN as error:
        raise _broken(source, error) from error
    if len(content) > LIMIT:
        raise IntegrityError(f"{source} unpacks to more than {LIMIT} bytes; replace it by the published file")
    return content


def tar_members(path: Path, names: Iterable[str]) -> dict[str, bytes]:
    """The members of a tar file (of any compression) with these exact names.

    Raises:
        IntegrityError: it is not a tar file, is truncated, lacks one of them, or one is no regular file or over LIMIT.
    """
    wanted, found = set(names), {}
    try:
        with tarfile.open(path, mode="r|*") as archive:
            for member in archive:
                name = member.name.removeprefix("./")
                if name not in wanted or name in found:
                    continue
                _check_member(str(path), name, member.isreg(), member.size)
                found[name] = archive.extractfile(member).read()  # type: ignore[union-attr]
                if len(found) == len(wanted):
                    break
    except _BROKEN as error:
        raise _broken(str(path), error) from error
    _check_complete(str(path), wanted, found)
    return found


def zip_members(path: Path, names: Iterable[str]) -> Iterator[bytes]:
    """The members of a zip file with these exact names, one by one in that order, checked against the CRC it carries.

    Raises:
        IntegrityError: it is not a zip file, is truncated, lacks one of them, or one is over LIMIT.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            infos = {info.filename: info for info in archive.infolist()}
            for name in names:
                _check_complete(str(path), {name}, infos)
                _check_member(str(path), name, not infos[name].is_dir(), infos[name].file_size)
                yield archive.read(name)
    except _BROKEN as error:
        raise _broken(str(path), error) from error


def zip_names(path: Path) -> list[str]:
    """Names of the members of a zip file.

    Raises:
        IntegrityError: it is not a zip file, or is truncated.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.namelist()
    except _BROKEN as error:
        raise _broken(str(path), error) from error


def _check_member(source: str, name: str, is_file: bool, size: int) -> None:
    if not is_file:
        raise IntegrityError(f"{name} in {source} is not a regular file; replace {source} by the published one")
    if size > LIMIT:
        raise IntegrityError(f"{name} in {source} unpacks to {size} bytes, more than {LIMIT}; replace {source} by the published one")


def _check_complete(source: str, wanted: set[str], found: Iterable[str]) -> None:
    lacking = sorted(wanted - set(found))
    if lacking:
        raise IntegrityError(f"{source} lacks {lacking[0]}; replace it by the published one")


def _broken(source: str, error: Exception) -> IntegrityError:
    return IntegrityError(
        f"{source} is truncated or damaged ({error}); replace it by the published file, or delete it to have it fetched again"
    )
