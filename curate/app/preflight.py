"""What can be told of FiftyOne's database before fiftyone is imported: where it is, and whether it can work."""

import json
import os
import tempfile
from pathlib import Path

from curate.app.mongod import answers, find_mongod
from curate.errors import DatabaseError

PROBE_SECONDS = 3.0


def configured() -> tuple[str | None, Path]:
    """The URI (None: FiftyOne's own service) and the data folder that FiftyOne will use, as its environment and configuration say."""
    home = Path("~/.fiftyone").expanduser()
    file = Path(os.environ.get("FIFTYONE_CONFIG_PATH", home / "config.json"))
    try:
        config = json.loads(file.read_text()) if file.exists() else {}
    except (OSError, ValueError) as error:
        raise DatabaseError(f"FiftyOne's configuration {file} is not readable as JSON ({error}); repair or delete it") from error
    uri = os.environ.get("FIFTYONE_DATABASE_URI") or config.get("database_uri")
    folder = os.environ.get("FIFTYONE_DATABASE_DIR") or config.get("database_dir") or home / "var" / "lib" / "mongo"
    return uri, Path(folder).expanduser().absolute()


def service_processes() -> list[int]:
    """Process ids of the running FiftyOne database services of this user: a new one attaches to such a service, whatever its folder."""
    import psutil

    found = []
    for process in psutil.process_iter(["pid", "cmdline", "uids"]):
        words = process.info["cmdline"] or []
        mine = process.info["uids"] is None or process.info["uids"].real == os.getuid()
        if mine and "--51-service" in words and words[words.index("--51-service") + 1 :][:1] == ["db"]:
            found.append(process.info["pid"])
    return found


def lock_owner(folder: Path) -> int | None:
    """Process id of the living mongod that holds the data folder `folder`, or None."""
    import psutil

    try:
        pid = int((folder / "mongod.lock").read_text().strip() or 0)
        return pid if pid and "mongod" in psutil.Process(pid).name() else None
    except (OSError, ValueError, psutil.Error):
        return None


def without_password(uri: str) -> str:
    """`uri` as it may be shown."""
    scheme, separator, rest = uri.partition("://")
    host = rest.rsplit("@", 1)[-1]
    return f"{scheme}{separator}{host}".split("?")[0].rstrip("/")


def check_server(uri: str) -> None:
    """Raises DatabaseError where nobody listens at `uri`."""
    from pymongo.errors import PyMongoError
    from pymongo.uri_parser import parse_uri

    if uri.startswith("mongodb+srv:"):
        return  # its hosts are known to DNS only; the connection itself will tell
    try:
        nodes = parse_uri(uri)["nodelist"]
    except (PyMongoError, ValueError) as error:
        raise DatabaseError(f"FIFTYONE_DATABASE_URI '{without_password(uri)}' is not a MongoDB URI ({error})") from error
    if not any(answers(host, port or 27017, PROBE_SECONDS) for host, port in nodes):
        raise DatabaseError(
            f"no MongoDB answers at {without_password(uri)} (FIFTYONE_DATABASE_URI); start it, "
            "or unset that variable to use FiftyOne's own database"
        )


def check_folder(folder: Path) -> None:
    """Raises DatabaseError where FiftyOne's own mongod could not start on `folder`."""
    find_mongod()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise DatabaseError(
            f"FiftyOne's database folder {folder} cannot be written ({error.strerror}); set FIFTYONE_DATABASE_DIR to one that can"
        ) from error
    owner = lock_owner(folder)
    if owner is not None:
        raise DatabaseError(
            f"FiftyOne's database folder {folder} is in use by mongod (process {owner}) that FiftyOne did not start; stop it, "
            "or set FIFTYONE_DATABASE_URI to its address"
        )
