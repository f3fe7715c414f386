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


def left_of(token: str, title: str = "") -> dict[int, str]:
    """The command lines of such processes that do not go, by process id; it waits as long as a busy machine needs."""
    end = time.monotonic() + HANG_SECONDS
    while processes_with(token, title) and time.monotonic() < end:
        time.sleep(0.1)
    commands = {}
    for pid in processes_with(token, title):
        with contextlib.suppress(OSError):
            commands[pid] = (Path("/proc") / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    return commands
