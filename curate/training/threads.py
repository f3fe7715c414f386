"""Jobs of cross-validation side by side in threads of this process."""

import queue
import threading
from collections.abc import Callable, Generator, Sequence
from typing import Any

import torch

from curate.training.allocator import keep_freed_memory
from curate.training.fold_jobs import FoldJob, FoldResult, FoldWork


class _Ended(Exception):
    """Raised in a thread whose work is not wanted any more."""


def run_in_threads(
    work: FoldWork, jobs: Sequence[FoldJob], told: Callable[[FoldJob, float], None], *, num_workers: int
) -> Generator[tuple[FoldJob, FoldResult], None, None]:
    """Runs the jobs in `num_workers` threads; results come as they are finished. Closing it ends the training at the next step.

    torch lets go of Python's lock while it computes, so that threads are as quick as processes; and there is nothing to start,
    to import and to copy. Each job computes with one thread of its own: results do not depend on how many run side by side.
    The nets must not draw from torch's global generators: `ConvNet.draws_globally`.

    Raises:
        Exception: what a job raised.
    """
    keep_freed_memory()
    num_threads = torch.get_num_threads()
    waiting: queue.SimpleQueue[FoldJob] = queue.SimpleQueue()
    messages: queue.SimpleQueue[tuple[str, FoldJob, Any]] = queue.SimpleQueue()
    is_over = threading.Event()
    for job in jobs:
        waiting.put(job)

    def work_on() -> None:
        torch.set_num_threads(1)  # of this thread only
        while True:
            try:
                job = waiting.get_nowait()
            except queue.Empty:
                return

            def on_share(share: float, job: FoldJob = job) -> None:
                if is_over.is_set():
                    raise _Ended
                messages.put(("share", job, share))

            try:
                messages.put(("done", job, work.run(job, on_share)))
            except _Ended:
                return
            except BaseException as error:  # told where the results are wanted
                messages.put(("error", job, error))
                return

    threads = [threading.Thread(target=work_on, daemon=True) for _ in range(min(num_workers, len(jobs)))]
    try:
        for thread in threads:
            thread.start()
        left = len(jobs)
        while left:
            kind, job, content = messages.get()
            if kind == "share":
                told(job, content)
            elif kind == "error":
                raise content
            else:
                left -= 1
                yield job, content
    finally:
        is_over.set()
        for thread in threads:
            thread.join()
        torch.set_num_threads(num_threads)  # the matrix library's own count is one for all threads


def evened(num_workers: int, num_jobs: int) -> int:
    """How many of `num_jobs` run side by side so that `num_workers` cores are busy to the end; a few more than cores share them.

    Five jobs on two cores run three, then two at a time: 2.5 times as long as one job, where two at a time take 3 times as long.
    """

    def seconds(side_by_side: int) -> float:
        rounds, rest = divmod(num_jobs, side_by_side)
        return rounds * side_by_side / num_workers + max(rest / num_workers, rest > 0)

    return min(range(num_workers, 2 * num_workers), key=seconds)
