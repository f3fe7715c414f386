"""How the library tells what it is doing: one callback, drawn by whoever called."""

from typing import Protocol


class Progress(Protocol):
    """Called with `done` out of `total` units of the stage `stage`; `note` is a short live figure such as a loss.

    A stage ends when `done == total`. Stages may interleave. Calls are cheap: implementations throttle.
    """

    def __call__(self, stage: str, done: float, total: float, note: str = "") -> None: ...


def silent(stage: str, done: float, total: float, note: str = "") -> None:
    """The progress that nobody watches."""
