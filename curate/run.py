"""Run: the folder `data/runs/<run>/`, the interface between the steps, between machines, and to the user.

A step reads what earlier steps left and adds its own. Every write goes to a temporary file beside its target, is
fsynced and renamed, so that a kill leaves either the old file or the new one. Nothing in the folder is a pickle.
"""

import contextlib
import importlib.metadata
import json
import os
import platform
import shlex
import time
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from curate.errors import RunError
from curate.files import EXPORT_MARKER, GALLERY_MARK, RUN, replaced_atomically, storage_errors, write_atomically
from curate.memory import PeakMemory

if TYPE_CHECKING:
    import pandas as pd

FORMAT = 1
JUDGED_AGAIN = "give the command that made this run again"
MADE_AGAIN = f"delete it, and pred_probs.npy beside it, and {JUDGED_AGAIN}"
"""What makes anew an array of what is judged or of what the judge says, whoever judges: without `pred_probs.npy` a run is not judged."""
NEW_RUN = "choose another place with --run, or set CURATE_DATA to a folder that can be written"


def data_root() -> Path:
    """Where downloads, runs and media live: `$CURATE_DATA`; else `data` of a checkout that one stands in, or wherever runs are there
    already; else a folder of the user, so that commands work from any folder and write into no images.
    """
    chosen = os.environ.get("CURATE_DATA")
    if chosen:
        return Path(chosen)
    here = Path("data")
    if (here / "runs").is_dir() or (here / "records.jsonl").is_file():
        return here
    from platformdirs import user_data_path

    return user_data_path("curate", appauthor=False)


class Run:
    """One run folder.

    `meta` is the content of `run.json`: format, name, created, dataset (origin, hashes), config, versions, device,
    `steps` (seconds and peak memory of each) and `metrics`.
    """

    def __init__(self, path: Path, meta: dict[str, Any]) -> None:
        self.path = path
        self.meta = meta
        self._is_held = False

    @property
    def name(self) -> str:
        return self.path.resolve().name

    @property
    def handle(self) -> str:
        """What a user types to name this run: its name where it lies among the runs, else its folder."""
        is_among_runs = self.path.resolve().parent == (data_root() / "runs").resolve()
        return self.name if is_among_runs and not self.name.startswith("-") else str(self.path.resolve())

    def command(self, verb: str) -> str:
        """The command that does `verb` on this run, to copy from a message: "`curate find 'my run'`"."""
        return f"`curate {verb} {shlex.quote(self.handle)}`"

    @classmethod
    def create(cls, path: Path, meta: dict[str, Any]) -> "Run":
        """A run folder at `path` with `meta`, made if it is not there.

        Where one is there already, it is continued if its dataset (but for `origin`, where the files lie) and its config
        are the same. They may only differ while nothing has been trained; then the new ones count.

        Raises:
            RunError: the folder holds a run of another dataset, another configuration, or another format; or other things, or it lies
                among the images.
            StorageError: the folder cannot be written.
        """
        if (path / "run.json").exists():
            run = cls.open(path)
            new = _jsonable(meta)
            is_trained = run.meta["steps"] or any(path.glob("folds/pred_probs-*"))
            for what in ("dataset", "config"):
                ours, theirs = _without_origin(new.get(what)), _without_origin(run.meta.get(what))
                if ours != theirs and is_trained:
                    raise RunError(
                        f"{path} holds a run with another {what} ({_first_difference(theirs, ours)}); "
                        f"give this one another name with --run{_decided_there(path)}"
                    )
            run.replace_sections(**{what: new[what] for what in ("dataset", "config", "options") if what in new})
            return run
        check_place(path, meta)
        with storage_errors(path, remedy=NEW_RUN):
            path.mkdir(parents=True, exist_ok=True)
        run = cls(path, {"format": FORMAT, "name": path.name, "created": now(), "steps": {}, "metrics": {}, **_jsonable(meta)})
        run.save_meta()
        return run

    @classmethod
    def open(cls, path: Path) -> "Run":
        """The run folder at `path`.

        Raises:
            RunError: there is no run, or it is of another format.
        """
        file = path / "run.json"
        if not file.exists():
            known = sorted(p.parent.name for p in path.parent.glob("*/run.json"))
            raise RunError(f"no run at {path}; " + (f"runs there: {', '.join(known)}" if known else "make one with `curate audit SOURCE`"))
        try:
            meta = json.loads(file.read_text())
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            raise RunError(f"{file} is not readable as JSON ({error}); restore it, or {_begin_anew(path)}") from error
        found = meta.get("format") if isinstance(meta, dict) else None
        if found != FORMAT:
            raise RunError(f"{path} has run format {found}, this curate reads {FORMAT}; audit again under another --run name")
        return cls(path, meta)

    def save_meta(self) -> None:
        """Writes `meta` whole, over whatever another process changed meanwhile: for a new run; else `update` and `replace_sections`."""
        self.write_text("run.json", json.dumps(_jsonable(self.meta), indent=2) + "\n")

    def update(self, section: str, **values: Any) -> None:
        """Adds `values` to the section of `run.json`; other sections stay as they are on disk, whoever changed them."""
        with self._locked() as meta:
            meta[section] = {**(meta.get(section) or {}), **_jsonable(values)}
            self.meta[section] = meta[section]

    def replace_sections(self, **sections: Any) -> None:
        """Writes whole sections of `run.json`; None removes one."""
        with self._locked() as meta:
            for section, value in sections.items():
                for each in (meta, self.meta):
                    each.pop(section, None)
                    if value is not None:
                        each[section] = _jsonable(value)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[dict[str, Any]]:
        """Context with `run.json` as it is on disk, to be changed; no other process changes it meanwhile."""
        with storage_errors(self.path, remedy=RUN), FileLock(self.path / ".run.lock"):
            file = self.path / "run.json"
            meta = json.loads(file.read_text()) if file.exists() else _jsonable(self.meta)
            yield meta
            self.write_text("run.json", json.dumps(meta, indent=2) + "\n")

    @contextlib.contextmanager
    def only_one(self, verb: str) -> Iterator[None]:
        """Context in which no other process changes this run; within it, the same run may say so again.

        Raises:
            RunError: another one does.
        """
        if self._is_held:
            yield
            return
        lock, note = FileLock(self.path / ".busy.lock", timeout=0), self.path / ".busy.pid"
        try:
            with storage_errors(self.path, remedy=RUN):
                lock.acquire()
        except Timeout:
            who = f"process {note.read_text()}" if note.exists() else "another process"
            raise RunError(f"{who} is at {self.path}; wait until it has ended before `{verb}`, or give another --run name") from None
        self._is_held = True
        try:
            note.write_text(str(os.getpid()))
            yield
        finally:
            self._is_held = False
            note.unlink(missing_ok=True)
            lock.release()

    @property
    def can_be_written(self) -> bool:
        """Whether anything can be kept in the folder; a run on a read-only disk can be looked at all the same."""
        return os.access(self.path, os.W_OK | os.X_OK)

    @contextlib.contextmanager
    def step(self, name: str, **notes: Any) -> Iterator[dict[str, Any]]:
        """Times a step; adds seconds, peak memory in MiB and whatever the block puts into the yielded dict to `run.json`.

        Peak memory is the resident size of this process and its children, MongoDB's server left out.
        """
        record: dict[str, Any] = {**notes, "started": now()}
        start = time.perf_counter()
        with PeakMemory() as memory:
            yield record
        self.note_step(name, **record, seconds=round(time.perf_counter() - start, 3), peak_memory_mib=round(memory.peak_mib, 1))

    def note_step(self, name: str, **record: Any) -> None:
        """Puts what is known of a step into `run.json`: `seconds`, `peak_memory_mib` and notes."""
        self.update("steps", **{name: record})

    def has(self, name: str) -> bool:
        return (self.path / name).exists()

    def require(self, name: str, verb: str) -> Path:
        """The path of artefact `name`.

        Raises:
            RunError: it is not there; the message names `verb`, the step that makes it. What `train` makes, other judges make, too.
        """
        if self.has(name):
            return self.path / name
        if verb != "train":
            raise RunError(f"{self.path} has no {name} yet; run {self.command(verb)} first")
        first = "delete pred_probs.npy in it, and " if self.has("pred_probs.npy") else ""
        raise RunError(f"{self.path} has no {name}; {first}{JUDGED_AGAIN}")

    def save_array(self, name: str, array: NDArray) -> None:
        """Writes `array` as `name` (with its `.npy`), atomically."""
        with replaced_atomically(self.path / name, remedy=RUN) as file:
            np.save(file, array, allow_pickle=False)

    def load_array(self, name: str, *, verb: str = "train", mmap: bool = False) -> NDArray:
        """Array `name`.

        Raises:
            RunError: it is missing (the message names `verb`) or broken.
        """
        path = self.require(name, verb)
        try:
            return np.load(path, allow_pickle=False, mmap_mode="r" if mmap else None)
        except (ValueError, EOFError, OSError) as error:
            again = MADE_AGAIN if verb == "train" else f"delete it and run {self.command(verb)} again"
            raise RunError(f"{path} is not a readable array ({error}); {again}") from error

    def load_table(self, name: str, *, verb: str) -> "pd.DataFrame":
        """The parquet table `name`.

        Raises:
            RunError: it is missing (the message names `verb`) or broken.
        """
        import pandas as pd

        path = self.require(name, verb)
        try:
            return pd.read_parquet(path)
        except (ValueError, OSError) as error:  # pyarrow's errors are ValueErrors
            raise RunError(f"{path} is not a readable table ({str(error).splitlines()[0]}); run {self.command(verb)} again") from error

    def write_text(self, name: str, text: str) -> Path:
        return self.write_bytes(name, text.encode())

    def write_bytes(self, name: str, content: bytes | memoryview) -> Path:
        return write_atomically(self.path / name, content, remedy=RUN)


def holds_runs(folder: Path) -> bool:
    """Whether curate made `folder`: a run, or a data folder such as `data` with its `runs`. No listing of images goes into it."""
    return (folder / "run.json").is_file() or any((folder / "runs").glob("*/run.json"))


def made_by_curate(folder: Path) -> bool:
    """Whether a folder is no part of a dataset, since curate made it: the data folder, one with runs, a run, an export, or a gallery."""
    if holds_runs(folder) or (folder / EXPORT_MARKER).is_file() or (data_root().is_dir() and folder.samefile(data_root())):
        return True
    page = folder / "index.html"
    return (folder / "data.js").is_file() and page.is_file() and GALLERY_MARK in page.read_text(encoding="utf-8", errors="replace")


def check_place(path: Path, meta: dict[str, Any]) -> None:
    """Says that no run may begin in the folder `path`, where it holds other things or lies among the images of the dataset.

    Raises:
        RunError: it may not.
    """
    found = next((part.name for part in sorted(path.iterdir()) if not part.name.startswith(".")), None) if path.is_dir() else None
    if found is not None:
        raise RunError(f"{path} holds other things, such as {found}; give --run a name, or a new or an empty folder")
    source = Path(((meta.get("dataset") or {}).get("origin") or {}).get("source") or "")
    inside = path.resolve()
    is_inside = source.is_absolute() and source.is_dir() and inside.is_relative_to(source.resolve())
    if is_inside and not inside.is_relative_to((data_root() / "runs").resolve()):
        raise RunError(f"{path} lies among the images in {source}, which a run would change; give --run a name, or a folder elsewhere")


def _decided_there(path: Path) -> str:
    """How to go on with what people decided in a run; nothing where they decided nothing."""
    journal = path / "decisions.jsonl"
    return f"; `curate import-decisions NAME {shlex.quote(str(journal))}` then takes over what was decided here" if journal.exists() else ""


def _begin_anew(path: Path) -> str:
    """What to do where a run folder is of no more use, without what people decided in it."""
    if (path / "decisions.jsonl").exists():
        return (
            "audit again under another --run name, and take over what was decided: "
            f"`curate import-decisions NAME {shlex.quote(str(path / 'decisions.jsonl'))}`"
        )
    return "delete the folder and run again"


def now() -> str:
    """The time in UTC, to the second, as ISO 8601."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


def _jsonable(value: Any) -> Any:
    """`value` as JSON will give it back: tuples as lists, numpy scalars as Python's, paths as text."""
    return json.loads(json.dumps(value, default=lambda v: v.item() if isinstance(v, np.generic) else str(v)))


def _without_origin(section: Any) -> Any:
    return {key: value for key, value in section.items() if key != "origin"} if isinstance(section, dict) else section


def _first_difference(old: Any, new: Any) -> str:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted({*old, *new}, key=lambda key: (key.endswith("_hash"), key)):  # numbers and names say more
            if old.get(key) != new.get(key):
                return f"{key}: there {old.get(key)!r}, asked for {new.get(key)!r}"
    return f"there {old!r}, asked for {new!r}"


def run_path(name: str) -> Path:
    """The folder of the run called `name`; a path is taken as it is.

    Raises:
        RunError: a name with characters that make a bad folder name.
    """
    if "/" in name or name in (".", ".."):
        return Path(name)
    if name != name.strip() or not name or name.startswith(".") or any(c in '\\:*?"<>|' or not c.isprintable() for c in name):
        raise RunError(f"'{name}' cannot be the name of a run; use letters, digits, '-' and '_', or give a path with '/'")
    return data_root() / "runs" / name


VERSIONS = ("torch", "torchvision", "numpy", "scikit-learn", "cleanlab", "fiftyone")


def versions() -> dict[str, str]:
    """Versions of this package, of Python and of what a result depends on, as far as installed."""
    found = {"python": platform.python_version()}
    for package in ("curate", *VERSIONS):
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
