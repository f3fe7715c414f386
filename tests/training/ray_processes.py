"""Which processes of a Ray cluster are there: all that were started with its token."""

import contextlib
import time
from pathlib import Path


def processes_with(token: str, title: str = "") -> list[int]:
    """Processes of this machine that were started with `token` in their environment and whose title begins with `title`."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if token.encode() in (folder / "environ").read_bytes() and (folder / "cmdline").read_bytes().startswith(title.encode()):
                found.append(int(folder.name))
    return found


def gone_within(seconds: float, token: str, title: str = "") -> bool:
    """Whether no such process is left after at most so many seconds."""
    end = time.monotonic() + seconds
    while processes_with(token, title) and time.monotonic() < end:
        time.sleep(0.1)
    return not processes_with(token, title)
