"""Peak resident memory of this process and its children, from Linux's /proc."""

import os
import threading
from pathlib import Path

PAGE = os.sysconf("SC_PAGE_SIZE")


def tree_rss(root: int | None = None, *, leave_out: tuple[str, ...] = ("mongod",), with_files: bool = True) -> int:
    """Resident bytes of process `root` (default: this one) and all its descendants, but those named in `leave_out`.

    Pages of mapped files, which the kernel takes back when memory is short, are counted unless `with_files` is false.

    Returns 0 where there is no /proc.
    """
    children: dict[int, list[int]] = {}
    names: dict[int, str] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            head, _, tail = entry.read_text().rpartition(")")
        except OSError:
            continue  # the process ended meanwhile
        number, _, name = head.partition(" (")
        names[int(number)] = name
        children.setdefault(int(tail.split()[1]), []).append(int(number))
    total, queue = 0, [root or os.getpid()]
    while queue:
        pid = queue.pop()
        queue += children.get(pid, [])
        if names.get(pid) not in leave_out:
            try:
                _, resident, of_files, *_ = map(int, Path(f"/proc/{pid}/statm").read_text().split())
                total += (resident if with_files else resident - of_files) * PAGE
            except OSError:
                continue
    return total


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
