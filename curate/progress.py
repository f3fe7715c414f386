"""How the library tells what it is doing: one callback, drawn by whoever called."""

from typing import Protocol


class Progress(Protocol):
    """Called with `done` out of `total` units of the stage `stage`; `note` is a short live figure such as a loss.

    A stage ends when `done == total`. Stages may interleave. Calls are cheap: implementations throttle.
    """

    def __call__(self, stage: str, done: float, total: float, note: str = "") -> None: ...


class _Silent:
    """The progress that nobody watches; a default that `help()` shows by its name."""

    def __call__(self, stage: str, done: float, total: float, note: str = "") -> None:
        return

    def __repr__(self) -> str:
        return "silent"


silent = _Silent()
