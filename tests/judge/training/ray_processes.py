"""Which processes of a Ray cluster are there: all that were started with its token."""

import contextlib
import time
from pathlib import Path


def processes_with(token: str, title: str = "") -> list[int]:
    """Processes of this machine that were started with `token` in their environment and whose title begins with `title`.

    Python's own helpers of multiprocessing are none of Ray's: they live as long as the process that tests, and have its environment.
    """
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            command = (folder / "cmdline").read_bytes()
            is_helper = b"from multiprocessing." in command
            if not is_helper and command.startswith(title.encode()) and token.encode() in (folder / "environ").read_bytes():
                found.append(int(folder.name))
    return found


HANG_SECONDS = 600
"""A process that is left that long is never gone; how long it takes to go depends on the machine, and on who else works on it."""


def are_gone(token: str, title: str = "") -> bool:
    """Whether all such processes go, however long that takes on a busy machine."""
    end = time.monotonic() + HANG_SECONDS
    while processes_with(token, title) and time.monotonic() < end:
        time.sleep(0.1)
    return not processes_with(token, title)
