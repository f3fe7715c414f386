"""What all drills share: commands in processes of their own that may be stopped anywhere, and what they leave behind.

A command runs in a fork of a process that has imported the product already, so that a try costs what the command costs. Audit hooks of
Python count what it does to files, a listener of pymongo what it does to the database.
"""

import contextlib
import hashlib
import json
import os
import re
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

CLASSES = ("cat", "dog", "owl")
HANG_SECONDS = 300.0
NUMBER = re.compile(r"\d[\d.,:]*")
TIMES = ("created", "started", "seconds", "peak_memory_mib", "resumed", "when", "command")
TIMES += ("created_at", "last_modified_at", "last_loaded_at")  # FiftyOne's
WRITES = ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "os.link", "os.symlink")
CHANGES = ("insert", "update", "delete", "create", "drop", "createIndexes", "findAndModify", "renameCollection")


def make_pictures(folder: Path, num_per_class: int = 10, *, num_test: int = 2, side: int = 12) -> Path:
    """`folder` with `train/` and `test/` of three classes: bars of three colours on noise."""
    generator = np.random.default_rng(0)
    for value, name in enumerate(CLASSES):
        for number in range(num_per_class + num_test):
            place = folder / ("train" if number < num_per_class else "test") / name
            place.mkdir(parents=True, exist_ok=True)
            pixels = generator.integers(0, 60, (side, side, 3))
            pixels[2 + 3 * value : 5 + 3 * value, :, value] = 220
            Image.fromarray(pixels.astype(np.uint8)).save(place / f"{number:02}.png")
    return folder


def make_probabilities(path: Path, num_per_class: int = 10, *, num_test: int = 2) -> Path:
    """Probabilities for `make_pictures` in dataset order, which doubt four labels of train and one of test; saved as `path`."""
    labels = np.concatenate([np.repeat(np.arange(3), num) for num in (num_per_class, num_test)])
    probs = np.full((len(labels), 3), 0.02)
    believed = labels.copy()
    for doubted in (0, num_per_class, 2 * num_per_class - 1, 3 * num_per_class - 1, len(labels) - 1):
        believed[doubted] = (labels[doubted] + 1) % 3
    probs[np.arange(len(labels)), believed] = 0.96
    np.save(path, probs.astype(np.float32))
    return path


@dataclass(frozen=True)
class Ended:
    """How a command ended.

    Attributes:
        code: its exit code, negative where a signal ended it; None where it hung and was killed.
        out, err: what it printed.
        seconds: how long it took.
        num_points: at how many points it could have been stopped.
    """

    code: int | None
    out: str
    err: str
    seconds: float
    num_points: int = 0

    @property
    def verdict(self) -> str:
        """`well`, `told` (one line, exit code 2), `stopped` (Ctrl-C or a signal), `traceback`, `hang`, or `odd`."""
        if self.code is None:
            return "hang"
        if "Traceback (most recent call last)" in self.err or self.code == 70:
            return "traceback"
        if self.code == 0:
            return "well"
        if self.code == 130 or self.code < 0:
            return "stopped"
        lines = [line for line in self.err.splitlines() if line.startswith("error: ")]
        return "told" if self.code == 2 and len(lines) == 1 else "odd"


@dataclass
class Stop:
    """Where a command is stopped: `signal` at its `point`-th write below one of `folders` or to the database, or after some seconds."""

    signal: int = signal.SIGKILL
    point: int | None = None
    after: float | None = None
    folders: Sequence[Path] = ()


def warm_up() -> None:
    """Imports what commands need, once; only what may be forked afterwards."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    import torch  # noqa: F401

    import curate.cli
    import curate.find.find
    import curate.publish.export.export
    import curate.publish.gallery.site
    import curate.publish.report.page
    import curate.review.clean
    import curate.verbs.making  # noqa: F401


Command = Sequence[Any] | Callable[[], int]
"""The arguments of `curate`, or a function that is run in its place and gives an exit code."""


def run(command: Command, *, home: Path, stop: Stop | None = None, environment: dict[str, str] | None = None) -> Ended:
    """`curate ARGUMENTS` in the folder `home`, with data in `home/data`."""
    return start(command, home=home, stop=stop, environment=environment).wait()


@dataclass(eq=False)
class Started:
    """A command that runs."""

    process: int
    log: Path
    began: float
    stop: Stop | None

    def wait(self, most: float = HANG_SECONDS) -> Ended:
        while True:
            end_if_stopped()
            process, status = os.waitpid(self.process, os.WNOHANG)
            now = time.monotonic() - self.began
            if process:
                code = os.waitstatus_to_exitcode(status)
                break
            if self.stop is not None and self.stop.after is not None and now > self.stop.after:
                os.kill(self.process, self.stop.signal)
                self.stop.after = None
            if now > most:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self.process, signal.SIGKILL)
                os.waitpid(self.process, 0)
                code = None
                break
            time.sleep(0.005)
        self.kill()  # helpers that a killed command left
        _running.discard(self)
        points = self.log.with_suffix(".points")
        count = points.stat().st_size if points.exists() else 0
        out, err = (self.log.with_suffix(ending).read_text(errors="replace") for ending in (".out", ".err"))
        for ending in (".out", ".err", ".points"):
            self.log.with_suffix(ending).unlink(missing_ok=True)
        return Ended(code, out, err, time.monotonic() - self.began, count)

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process, signal.SIGKILL)


_counter = iter(range(1_000_000_000))
_running: set[Started] = set()


def start(
    command: Command, *, home: Path, stop: Stop | None = None, environment: dict[str, str] | None = None, data: Path | None = None
) -> Started:
    """As `run`, without waiting for it."""
    home.mkdir(parents=True, exist_ok=True)
    log = Path(tempfile.gettempdir()) / f"drill-{os.getpid()}-{next(_counter)}.log"
    began = time.monotonic()
    sys.stdout.flush()
    process = os.fork()
    if process == 0:
        try:
            os.setpgid(0, 0)
            os.chdir(home)
            os.environ.update({"CURATE_DATA": str(data or home / "data"), "PYTHONWARNINGS": "ignore", **(environment or {})})
            for number, ending in ((1, ".out"), (2, ".err")):
                os.dup2(os.open(log.with_suffix(ending), os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            sys.stdout, sys.stderr = os.fdopen(1, "w", buffering=1), os.fdopen(2, "w", buffering=1)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            if stop is not None:
                _watch(stop, os.open(log.with_suffix(".points"), os.O_WRONLY | os.O_CREAT | os.O_APPEND))
            if callable(command):
                from curate.cli.group import one_line_errors

                with one_line_errors():
                    code = command()
            else:
                code = _main([str(argument) for argument in command])
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 0
        except KeyboardInterrupt:  # before the command began, or after it ended
            code = 130
        except BaseException:
            import traceback

            traceback.print_exc()
            code = 70
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.setpgid(process, process)  # here too: it may be killed before it came to that
    started = Started(process, log, began, stop)
    _running.add(started)
    return started


def _main(arguments: list[str]) -> int:
    import warnings

    from curate.cli import app

    warnings.simplefilter("ignore")
    try:
        app(arguments)
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 0
    return 0


def _watch(stop: Stop, points: int) -> None:
    """Counts writes, one byte each in the file `points`, and ends this process at the one that is meant."""
    folders = tuple(os.path.realpath(folder) for folder in stop.folders)
    home = os.getpid()
    seen = 0

    def count() -> None:
        nonlocal seen
        if os.getpid() != home:
            return
        seen += 1
        os.write(points, b".")
        if seen == stop.point:
            os.kill(home, stop.signal)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, _, flags = arguments
            writes = isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
            if not writes or not isinstance(path, (str, bytes, os.PathLike)):
                return
        elif event in WRITES:
            path = arguments[0]
        else:
            return
        if isinstance(path, int) or not os.path.realpath(os.fsdecode(path)).startswith(folders):
            return
        count()

    sys.addaudithook(hook)
    import pymongo.monitoring

    class Listener(pymongo.monitoring.CommandListener):
        def started(self, event: Any) -> None:
            if event.command_name in CHANGES:
                count()

        def succeeded(self, event: Any) -> None:
            pass

        failed = succeeded

    pymongo.monitoring.register(Listener())


def contents(folder: Path) -> dict[str, str]:
    """A hash of each file below `folder` by its path: times are left out, and in pages all numbers. Locks are no content."""
    found = {}
    for base, _, names in os.walk(folder):
        for name in sorted(names):
            path = Path(base) / name
            if name.endswith((".lock", ".pid")):
                continue
            found[path.relative_to(folder).as_posix()] = hashlib.sha256(_content(path)).hexdigest()[:16]
    return dict(sorted(found.items()))


def _content(path: Path) -> bytes:
    if path.is_symlink():
        return os.readlink(path).encode(errors="surrogateescape")
    if path.suffix == ".json":
        with contextlib.suppress(ValueError):
            return json.dumps(without_times(json.loads(path.read_text())), sort_keys=True).encode()
    if path.suffix == ".jsonl":
        lines = path.read_text().splitlines()
        with contextlib.suppress(ValueError):
            return "\n".join(sorted(json.dumps(without_times(json.loads(line)), sort_keys=True) for line in lines)).encode()
    if path.suffix in (".html", ".md", ".js"):
        return NUMBER.sub("#", re.sub(r"data:[^\"' )]+", "", path.read_text(errors="replace"))).encode()
    return path.read_bytes()


def without_times(value: Any) -> Any:
    """`value` without what differs from call to call."""
    if isinstance(value, dict):
        return {key: without_times(item) for key, item in value.items() if key not in TIMES}
    return [without_times(item) for item in value] if isinstance(value, list) else value


def differences(expected: dict[str, str], found: dict[str, str]) -> list[str]:
    """What is missing, too much, or other than expected, a word each."""
    return [
        *(f"lacks {name}" for name in expected.keys() - found.keys()),
        *(f"also has {name}" for name in found.keys() - expected.keys()),
        *(f"other {name}" for name in expected.keys() & found.keys() if expected[name] != found[name]),
    ]


class Stopped(KeyboardInterrupt):
    """A signal says that the drill is to end."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.signal = signal.Signals(number)


_signals: list[int] = []


def _stopped_by(number: int, _: Any) -> None:
    signal.signal(number, signal.SIG_DFL)
    _signals.append(number)
    end_if_stopped()


def end_if_stopped() -> None:
    """Raises `Stopped` where a signal came. Asked again and again: what a handler raises in a callback of a fork is lost."""
    if _signals:
        raise Stopped(_signals[0])


@dataclass
class Tally:
    """The table of a drill.

    Attributes:
        lost: what was tried, and how it was lost, in words.
    """

    tried: Counter[str] = field(default_factory=Counter)
    survived: Counter[str] = field(default_factory=Counter)
    lost: list[tuple[str, str]] = field(default_factory=list)

    def note(self, what: str, fault: str | None) -> None:
        """A try of `what`; `fault` says how it was lost, None where it survived."""
        end_if_stopped()
        self.tried[what] += 1
        if fault is None:
            self.survived[what] += 1
        else:
            self.lost.append((what, fault))

    @contextlib.contextmanager
    def shown(self) -> Iterator[None]:
        """Context after which the table is printed. SIGINT and SIGTERM end it early, with the table of what was tried until then; the
        same signal once more ends the program at once.
        """
        before = {number: signal.signal(number, _stopped_by) for number in (signal.SIGINT, signal.SIGTERM)}
        code = 0
        try:
            yield
        except Stopped as stopped:
            print(f"stopped by {stopped.signal.name}; until then:")
            code = 128 + stopped.signal
        except BaseException:
            with contextlib.suppress(SystemExit):
                self.show()
            raise
        finally:
            _signals.clear()
            for started in _running:
                started.kill()
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(started.process, 0)
            for number, handler in before.items():
                signal.signal(number, handler)
        self.show()
        if code:
            raise SystemExit(code)

    def show(self, *, num_shown: int = 40) -> None:
        """Prints the table, and ends the program with exit code 1 where something was lost."""
        width = max([len(what) for what in self.tried] + [5])
        print(f"{'':{width}}  tried  survived  lost")
        for what, tried in [*self.tried.items(), ("total", sum(self.tried.values()))]:
            survived = self.survived[what] if what != "total" else sum(self.survived.values())
            print(f"{what:{width}}  {tried:5}  {survived:8}  {tried - survived:4}")
        for (what, fault), count in Counter(self.lost).most_common(num_shown):
            print(f"lost: {what}: {fault}" + (f" ({count} times)" if count > 1 else ""))
        if self.lost:
            raise SystemExit(1)


def fault_of(ended: Ended, *, allowed: Sequence[str]) -> str | None:
    """What is wrong with how a command ended, in a line; None where its verdict is allowed."""
    if ended.verdict in allowed:
        return None
    last = [line for line in ended.err.splitlines() if line.strip()][-1:] or ["no word"]
    return f"{ended.verdict} (exit code {ended.code}): {last[0][:300]}"


@contextlib.contextmanager
def tmpfs(folder: Path, size: str) -> Iterator[Callable[[str], bool] | None]:
    """Context with a small file system at `folder`, and what changes its options; None where this machine lets nobody mount one."""
    import subprocess

    folder.mkdir(parents=True, exist_ok=True)

    def mount(options: str) -> bool:
        return subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], capture_output=True).returncode == 0

    if os.name != "posix" or not mount(f"size={size}"):
        yield None
        return
    try:
        yield lambda options: subprocess.run(["mount", "-o", f"remount,{options}", str(folder)], capture_output=True).returncode == 0
    finally:
        subprocess.run(["umount", "-l", str(folder)], capture_output=True)
