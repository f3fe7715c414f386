"""Progress on stderr: bars with elapsed time and time left in a terminal, a few plain lines elsewhere."""

import contextlib
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TextIO

from curate.progress import Progress

if TYPE_CHECKING:
    import rich.progress

DRAW_EVERY_SECONDS = 0.1
LINE_EVERY_SECONDS = 10.0


@dataclass
class Stage:
    """How far one stage is. `first` is where it began to count: above 0 where an earlier run had done a part."""

    name: str
    first: float
    done: float
    total: float
    note: str = ""
    start: float = field(default_factory=lambda: time.monotonic())
    shown: float = float("-inf")

    @property
    def share(self) -> float:
        """Between 0 and 1."""
        return min(1.0, self.done / self.total) if self.total > 0 else 1.0

    @property
    def is_finished(self) -> bool:
        return self.done >= self.total

    @property
    def elapsed_seconds(self) -> float:
        return time.monotonic() - self.start

    @property
    def seconds_left(self) -> float | None:
        """At the mean pace so far; None before the first unit is done."""
        advanced = self.done - self.first
        return self.elapsed_seconds * (self.total - self.done) / advanced if advanced > 0 else None


class Stages:
    """Keeps the stages in order of appearance; a finished stage that starts again starts anew."""

    def __init__(self) -> None:
        self.by_name: dict[str, Stage] = {}

    def update(self, name: str, done: float, total: float, note: str) -> tuple[Stage, bool]:
        """The stage after this call, and whether it has just begun."""
        stage = self.by_name.get(name)
        if stage is None or (stage.is_finished and done < total):
            stage = self.by_name[name] = Stage(name, done, done, total, note)
            return stage, True
        stage.done, stage.total, stage.note = done, total, note
        return stage, False


class Lines:
    """One line when a stage starts, one when it ends, and one every ten seconds between."""

    def __init__(self, stream: TextIO, every_seconds: float = LINE_EVERY_SECONDS) -> None:
        self.stream = stream
        self.every_seconds = every_seconds
        self.stages = Stages()

    def __call__(self, stage: str, done: float, total: float, note: str = "") -> None:
        was_finished = stage in self.stages.by_name and self.stages.by_name[stage].is_finished
        state, is_new = self.stages.update(stage, done, total, note)
        tail = f", {note}" if note else ""
        if state.is_finished:
            if not was_finished:
                self._print(state, "done" if is_new else f"done in {duration(state.elapsed_seconds)}{tail}")
        elif is_new:
            self._print(state, f"started{tail}" if state.share == 0 else f"started at {100 * state.share:.0f} %{tail}")
        elif time.monotonic() - state.shown >= self.every_seconds:
            left = "" if state.seconds_left is None else f", {duration(state.seconds_left)} left"
            self._print(state, f"{100 * state.share:.0f} %, {duration(state.elapsed_seconds)}{left}{tail}")

    def _print(self, state: Stage, text: str) -> None:
        state.shown = time.monotonic()
        print(f"{state.name}: {text}", file=self.stream, flush=True)


class Bars:
    """One bar per stage, drawn by Rich; one that says `starting` until the first stage begins, since loading torch takes seconds."""

    def __init__(self, bars: "rich.progress.Progress") -> None:
        self.bars = bars
        self.stages = Stages()
        self.tasks: dict[str, rich.progress.TaskID] = {}
        self.starting: rich.progress.TaskID | None = bars.add_task("starting", total=None, left="", note="")

    def started(self) -> None:
        """Takes the first bar away."""
        if self.starting is not None:
            self.bars.remove_task(self.starting)
            self.starting = None

    def __call__(self, stage: str, done: float, total: float, note: str = "") -> None:
        self.started()
        state, is_new = self.stages.update(stage, done, total, note)
        if not is_new and not state.is_finished and time.monotonic() - state.shown < DRAW_EVERY_SECONDS:
            return
        state.shown = time.monotonic()
        left = "" if state.is_finished or state.seconds_left is None else f"{duration(state.seconds_left)} left"
        shown: dict[str, Any] = {"completed": min(done, total), "total": total, "left": left, "note": note}
        if stage not in self.tasks:
            self.tasks[stage] = self.bars.add_task(stage, **shown)
        else:
            if is_new:
                self.bars.reset(self.tasks[stage])
            self.bars.update(self.tasks[stage], **shown)


def bars_on(stream: TextIO, width: int | None = None) -> "rich.progress.Progress":
    """Rich's bars in one line each: the note has what the others leave of the line, however long it is.

    Args:
        width: of the terminal; None = as it is.
    """
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
    from rich.table import Column

    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=16),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        TextColumn("{task.fields[left]}", markup=False),
        TextColumn("{task.fields[note]}", style="dim", markup=False, table_column=Column(ratio=1, no_wrap=True, overflow="ellipsis")),
        console=Console(file=stream, width=width),
        expand=True,
    )


@contextlib.contextmanager
def drawn_progress() -> Iterator[Progress]:
    """The progress to hand to a step; whatever the block prints goes to stderr above the bars."""
    if not sys.stderr.isatty():
        yield Lines(sys.stderr)
        return
    with bars_on(sys.stderr) as bars:
        drawn = Bars(bars)
        try:
            yield drawn
        finally:
            drawn.started()


def duration(seconds: float) -> str:
    """`8 s`, `1:05 min` or `2:03 h`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    return f"{whole // 60}:{whole % 60:02} min" if whole < 3600 else f"{whole // 3600}:{whole % 3600 // 60:02} h"
