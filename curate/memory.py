"""Memory: how much this process and its children hold at most, and how much there is."""

import os
import threading
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")
OWN_CGROUPS = Path("/proc/self/cgroup")


def tree_rss(root: int | None = None, *, leave_out: tuple[str, ...] = ("mongod",), with_files: bool = True) -> int:
    """Resident bytes of process `root` (default: this one) and all its descendants, but those named in `leave_out`.

    Pages of mapped files, which the kernel takes back when memory is short, are counted unless `with_files` is false.

    Returns 0 where psutil is missing, as on a bare GPU machine.
    """
    try:
        import psutil
    except ImportError:
        return 0
    total = 0
    try:
        top = psutil.Process(root)
        processes = [top, *top.children(recursive=True)]
    except psutil.Error:
        return 0
    for process in processes:
        try:
            if process.name() not in leave_out:
                memory = process.memory_info()
                total += memory.rss if with_files else memory.rss - getattr(memory, "shared", 0)
        except psutil.Error:
            continue  # it ended meanwhile
    return total


def total_memory() -> int:
    """Bytes that this process may hold: those of the machine, or of the container where it has fewer."""
    limits = [machine_memory()]
    for file in _limit_files():
        try:
            limits.append(int(file.read_text()))
        except (OSError, ValueError):  # no such limit: there is no file, or it says `max`
            continue
    return min(limits)


def _limit_files() -> list[Path]:
    """Where the limits of this process may stand: of its control group and of those above it, in both versions of Linux's groups."""
    files = [CGROUPS / "memory.max", CGROUPS / "memory" / "memory.limit_in_bytes"]  # as a container sees its own
    try:
        lines = OWN_CGROUPS.read_text().splitlines()
    except OSError:
        return files
    for line in lines:
        _, kinds, place = line.split(":", 2)
        if not kinds:
            base, name = CGROUPS, "memory.max"
        elif "memory" in kinds.split(","):
            base, name = CGROUPS / "memory", "memory.limit_in_bytes"
        else:
            continue
        group = base / place.lstrip("/")
        files += [folder / name for folder in (group, *group.parents) if folder == base or base in folder.parents]
    return files


def machine_memory() -> int:
    """Bytes of the machine, whatever a container leaves of them."""
    try:
        import psutil

        return psutil.virtual_memory().total
    except ImportError:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


class PeakMemory:
    """Context that samples `tree_rss` while it is open; `peak_mib` is the highest value seen, in MiB."""

    def __init__(self, every_seconds: float = 0.2, *, with_files: bool = True) -> None:
        self.every_seconds, self.with_files = every_seconds, with_files
        self.peak_mib = 0.0
        self._stop = threading.Event()

    def _sample(self) -> None:
        while True:
            self.peak_mib = max(self.peak_mib, tree_rss(with_files=self.with_files) / 2**20)
            if self._stop.wait(self.every_seconds):
                return

    def __enter__(self) -> "PeakMemory":
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
