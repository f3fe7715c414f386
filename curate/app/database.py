"""The database that FiftyOne stores datasets in: checked before fiftyone is imported, named as it really is."""

import contextlib
import json
import logging
import os
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from curate.app.mongod import START_SECONDS, answers, find_mongod, installed, last_words
from curate.errors import DatabaseError, UnknownNameError
from curate.packages import pip_install

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
    has_users = hasattr(os, "getuid")  # Windows has no such numbers, and psutil does not take that name there
    for process in psutil.process_iter(["pid", "cmdline", *(["uids"] if has_users else [])]):
        words = process.info["cmdline"] or []
        uids = process.info.get("uids")
        mine = uids is None or uids.real == os.getuid()
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
    """Raises DatabaseError where nobody listens at `uri`, or fiftyone is not installed."""
    installed()
    from pymongo.errors import PyMongoError
    from pymongo.uri_parser import parse_uri

    if uri.startswith("mongodb+srv:"):
        return  # its hosts are known to DNS only; the connection itself will tell
    try:
        nodes = parse_uri(uri)["nodelist"]
    except (PyMongoError, ValueError) as error:
        raise DatabaseError(
            f"FIFTYONE_DATABASE_URI '{without_password(uri)}' is not a MongoDB URI ({str(error).rstrip('.')}); "
            "expected one such as mongodb://127.0.0.1:27017, or unset that variable to use FiftyOne's own database"
        ) from error
    if not any(answers(host, port or 27017, PROBE_SECONDS) for host, port in nodes):
        raise DatabaseError(
            f"no MongoDB answers at {without_password(uri)} (FIFTYONE_DATABASE_URI); start it, "
            "or unset that variable to use FiftyOne's own database"
        )


def _not_writable(folder: Path, error: OSError) -> DatabaseError:
    why = f" ({error.strerror})" if error.strerror else ""  # FiftyOne's own error has none
    return DatabaseError(f"FiftyOne's database folder {folder} cannot be written{why}; set FIFTYONE_DATABASE_DIR to one that can")


def check_folder(folder: Path) -> None:
    """Raises DatabaseError where FiftyOne's own mongod could not start on `folder`."""
    find_mongod()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise _not_writable(folder, error) from error
    owner = lock_owner(folder)
    if owner is not None:
        raise DatabaseError(
            f"FiftyOne's database folder {folder} is in use by mongod (process {owner}) that FiftyOne did not start; stop it, "
            "or set FIFTYONE_DATABASE_URI to its address"
        )


ENVIRONMENT = {  # only where the user did not choose otherwise
    "FIFTYONE_DO_NOT_TRACK": "1",
    "FIFTYONE_DATABASE_VALIDATION": "0",  # 6.0 is the oldest that FiftyOne takes: it works, and warns at each connect
    "FIFTYONE_SHOW_PROGRESS_BARS": "0",
}
DURABLE = {
    "journal": True,  # without it a kill -9 of mongod loses what it had said was written
    "serverSelectionTimeoutMS": 5000,  # half a minute is pymongo's idea of how long a page may wait for a database that is gone
}
OLDEST_MAJOR = 6
LOGGERS = ("fiftyone", "fiftyone.brain", "eta")


@dataclass(frozen=True)
class DatabaseInfo:
    """The MongoDB that fiftyone is connected to.

    Attributes:
        uri: as given by FIFTYONE_DATABASE_URI or FiftyOne's configuration, without a password; else that of FiftyOne's own service.
        dbpath: the data folder as the server itself tells it; None where the server does not tell.
        version: of the server.
        name: of the database within the server.
        is_external: the user named the server; FiftyOne did not start it.
        note: '' or what the user should know, such as that another folder than the configured one is in use.
    """

    uri: str
    dbpath: Path | None
    version: str
    name: str
    is_external: bool
    note: str = ""

    def told(self) -> dict[str, str]:
        """Where a dataset is, for the result of a verb; with a warning where that is not the database that was asked for."""
        return {"database": str(self), **({"warning": self.note} if self.note else {})}

    def __str__(self) -> str:
        where = self.uri if self.is_external or self.dbpath is None else str(self.dbpath)
        return f"{where} (MongoDB {self.version})"


def connect() -> DatabaseInfo:
    """Imports fiftyone and connects it to its database; to be called before any other use of fiftyone. Cheap when called again.

    Raises:
        DatabaseError: no fiftyone, no server at FIFTYONE_DATABASE_URI, no mongod, a data folder that cannot be written or is in use by
            another mongod, damaged data, or a database of a newer FiftyOne. Found within seconds, most of it before the import.
    """
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    uri, folder = configured()
    own_service = uri is None and "FIFTYONE_PRIVATE_DATABASE_PORT" not in os.environ
    if uri is not None:
        check_server(uri)
    elif own_service and not service_processes():
        check_folder(folder)
    fo = import_fiftyone()
    try:
        with quiet_fiftyone():
            _set_options(uri or "")
            if own_service:
                _start_service(folder)
            client = fo.core.odm.get_db_client()
            return _describe(fo, client, uri, folder)
    except DatabaseError:
        raise
    except Exception as error:  # fiftyone raises OSError, RuntimeError, ConnectionError, FiftyOneConfigError, pymongo's errors
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise DatabaseError(f"FiftyOne cannot use its database ({reason}); see `curate doctor`") from error


@contextlib.contextmanager
def database_errors() -> Iterator[None]:
    """Context in which a database that goes away is a DatabaseError."""
    from pymongo.errors import PyMongoError

    try:
        yield
    except PyMongoError as error:
        raise DatabaseError(f"the database does not answer any more ({type(error).__name__}); see `curate doctor`") from error


def load_dataset(name: str) -> Any:
    """The FiftyOne dataset `name`, rightly counted. Needs `connect`.

    Raises:
        UnknownNameError: there is no such dataset.
    """
    import fiftyone as fo

    with quiet_fiftyone():
        if not fo.dataset_exists(name):
            raise UnknownNameError.of("FiftyOne dataset", name, fo.list_datasets())
        dataset = fo.load_dataset(name)
        mend_count(dataset._sample_collection)
    return dataset


def mend_count(collection: Any) -> None:
    """Makes MongoDB count the collection anew where its own idea of the count is wrong, as it is after mongod was killed.

    FiftyOne goes by that count: at 0 `dataset.count()` is 0 and the App shows `No samples yet`, though they are all there.
    """
    from pymongo.errors import OperationFailure

    if collection.estimated_document_count() != collection.count_documents({}, hint="_id_"):  # the index alone is read
        with contextlib.suppress(OperationFailure):  # who may not do that on a shared server has somebody who may
            collection.database.command("validate", collection.name)


def answers_still(seconds: float = 1.0) -> bool:
    """Whether the database that fiftyone is connected to answers within `seconds`."""
    import fiftyone as fo
    import pymongo
    from pymongo.errors import PyMongoError

    try:
        with pymongo.timeout(seconds):
            fo.core.odm.get_db_client().admin.command("ping")
    except PyMongoError:
        return False
    return True


def import_fiftyone() -> ModuleType:
    """The module `fiftyone`; its warnings go nowhere, nor its messages below an error where curate is the first to import it.

    Raises:
        DatabaseError: it cannot be imported.
    """
    by_us = "fiftyone" not in sys.modules
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import fiftyone
            import fiftyone.brain
            import fiftyone.core.odm
    except ImportError as error:
        raise DatabaseError(f"fiftyone cannot be imported ({error}); run `{pip_install('fiftyone', extra='app')}`") from error
    if by_us:  # whoever imported it before has settings of their own
        fiftyone.config.show_progress_bars = False
        for name in LOGGERS:
            logging.getLogger(name).setLevel(logging.ERROR)
    return fiftyone


@contextlib.contextmanager
def quiet_fiftyone() -> Iterator[None]:
    """Context in which fiftyone's warnings and messages below an error reach nobody, and its prints do not reach stdout."""
    loggers = [logging.getLogger(name) for name in LOGGERS]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings(), open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        warnings.simplefilter("ignore")
        try:
            for logger in loggers:
                logger.setLevel(logging.ERROR)
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)


@contextlib.contextmanager
def mute_children() -> Iterator[None]:
    """Context in which processes are started with stdout and stderr to nowhere: FiftyOne's services print when they end badly."""
    saved = [os.dup(1), os.dup(2)]
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        for stream in (1, 2):
            os.dup2(nowhere, stream)
        yield
    finally:
        for stream, copy in zip((1, 2), saved, strict=True):
            os.dup2(copy, stream)
            os.close(copy)
        os.close(nowhere)


def _set_options(uri: str) -> None:
    """Makes FiftyOne connect with the options DURABLE, except for what the user's `uri` says of them."""
    import fiftyone.core.odm.database as odm

    said = {name.lower(): value for name, _, value in (option.partition("=") for option in uri.partition("?")[2].split("&"))}
    for name, value in DURABLE.items():
        if name.lower() not in said and (name != "journal" or said.get("w") != "0"):  # MongoDB takes no journal without an answer
            odm._connection_kwargs.setdefault(name, value)


def _start_service(folder: Path) -> None:
    """Starts or joins FiftyOne's own database service, and gives up as soon as its mongod has ended (FiftyOne itself waits a minute).

    Raises:
        DatabaseError: the folder cannot be written, or the mongod ended or is not there in time.
    """
    import fiftyone.core.odm.database as odm
    import fiftyone.core.service as services

    if odm._db_service is not None:
        return
    try:
        with mute_children():
            service = services.DatabaseService()
    except PermissionError as error:
        raise _not_writable(folder, error) from error
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            port = service._wait_for_child_port(timeout=0.3)
            break
        except Exception:  # not yet, or never: its process tells
            ended = not service.child.is_running() or service.child.status() == "zombie"
            if not ended and time.monotonic() > deadline:
                service.stop()
                raise DatabaseError(
                    f"FiftyOne's mongod on {folder} runs and does not answer after {START_SECONDS:.0f} s, as on a machine that is busy; "
                    "run the same command again, when it is less so, or an audit with --no-fiftyone"
                ) from None
            if ended:
                service.stop()
                told = last_words(folder / "log" / "mongo.log") or "it says nothing"
                raise DatabaseError(
                    f"FiftyOne's mongod cannot start on {folder}: {told}; restore that folder, or set FIFTYONE_DATABASE_DIR to a new one"
                ) from None
    odm._db_service = service
    os.environ["FIFTYONE_PRIVATE_DATABASE_PORT"] = str(port)


def _describe(fo: ModuleType, client: Any, uri: str | None, folder: Path) -> DatabaseInfo:
    """Asks the server what it is; where it is not the one that was configured, says so."""
    version = client.server_info()["version"]
    if int(version.split(".")[0]) < OLDEST_MAJOR:
        raise DatabaseError(
            f"the MongoDB at {client.address[0]}:{client.address[1]} is {version}, FiftyOne needs {OLDEST_MAJOR}.0 or newer; upgrade it, "
            "or name another with FIFTYONE_DATABASE_URI"
        )
    try:
        options = client.admin.command("getCmdLineOpts")["parsed"]
        dbpath = Path(options["storage"]["dbPath"])
    except Exception:  # a hosted MongoDB does not tell
        dbpath = None
    note = ""
    if uri is None and dbpath is not None and dbpath.resolve() != folder.resolve():
        note = (
            f"another FiftyOne process runs the database {dbpath}, so that it is used instead of {folder}; "
            "end that process first, or set FIFTYONE_DATABASE_URI to the address of the database that you mean"
        )
    shown = without_password(uri) if uri is not None else f"mongodb://127.0.0.1:{client.address[1]}"
    return DatabaseInfo(shown, dbpath, version, fo.config.database_name, uri is not None, note)
