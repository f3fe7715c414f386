"""Where the jobs of cross-validation run on this machine: one after the other, or side by side in threads or processes."""

import functools
import multiprocessing as mp
import os
import queue
import signal
import threading
import time
import traceback
from collections.abc import Callable, Generator, Sequence, Set
from typing import Any

import torch

from curate.errors import CurateError
from curate.judge.training.device import Device
from curate.judge.training.device_memory import OWN_PROCESS, keep_freed_memory
from curate.judge.training.jobs import FoldJob, FoldResult, FoldWork, packed, unpacked
from curate.judge.training.stacked import can_be_stacked, run_stacked
from curate.memory import total_memory


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


PROCESS_BYTES = 3 * 2**29  # of a process without images: torch, and the maps of a batch
COPIES = 4  # of the images in a process: as sent, as received, padded, and some room
LARGEST_COPY = 2**30  # bytes of images; each process holds a copy, so larger sets train in this process
SECONDS_BETWEEN_MESSAGES = 0.2

Finished = Generator[tuple[FoldJob, FoldResult], None, None]
"""Jobs with their results, as they are finished; closing it ends the training."""

Told = Callable[[FoldJob, float], None]
"""Called with a job and the share of it that is done."""


def num_processes(num_jobs: int, num_bytes: int, device: Device) -> int:
    """How many jobs run side by side: on a CPU one per thread, as far as there are jobs, and memory for their copies of the images.

    Small nets leave a second thread idle half of the time, a second process does not: docs/measured.md, "Where the time goes".
    """
    if device.kind != "cpu" or num_bytes > LARGEST_COPY:
        return 1
    memory = total_memory()
    return max(1, min(num_jobs, device.threads, memory // (2 * (PROCESS_BYTES + COPIES * num_bytes))))


def run_jobs(work: FoldWork, jobs: Sequence[FoldJob], told: Told, *, done: Set[FoldJob], num_workers: int) -> Finished:
    """Runs all `jobs` but those `done`, `num_workers` side by side; results come as they are finished.

    On a GPU, small nets train at once as a stack, others one after the other. On a CPU, nets that draw from no global generator
    have one core each: in threads of this process, tiny ones in processes, where they do not wait for each other's Python. Others,
    and all but tiny ones where each can have two cores or more, share out the cores as processes, and what is left over after full
    rounds runs at the end on all of them: five folds on two cores are four folds in two processes, then one on both. A job has as
    many cores however many are done, or a resumed run would differ.
    """
    left = [job for job in jobs if job not in done]
    if is_stacked(work, left):
        yield from run_stacked(work, left, told)
        return
    if has_a_core_each(work, num_workers):
        num_workers = evened(num_workers, len(jobs))
        if work.make_model(work.seed).is_tiny:
            yield from run_in_processes(work, left, told, num_workers=num_workers, num_threads=1)
        else:
            yield from run_in_threads(work, left, told, num_workers=num_workers)
        return
    for part, side_by_side, threads in rounds(jobs, work.device, num_workers):
        left = [job for job in part if job not in done]
        if side_by_side > 1 and left:
            yield from run_in_processes(work, left, told, num_workers=side_by_side, num_threads=threads)
        else:
            yield from run_here(work, left, told)


def is_stacked(work: FoldWork, jobs: Sequence[FoldJob]) -> bool:
    """Whether the jobs train at once as a stack: small nets on a GPU, which one of them alone leaves idle."""
    return work.device.kind == "cuda" and len(jobs) > 1 and can_be_stacked(work)


def has_a_core_each(work: FoldWork, num_workers: int) -> bool:
    """Whether nets train with one core each, in threads or processes: those that could train beside each other in one process.

    Not where there are two cores or more for each of them, or five folds would leave 59 of 64 cores idle; but for tiny nets, to
    which a second thread is of no use.
    """
    if num_workers < 2:
        return False
    net = work.make_model(work.seed)
    return not net.draws_globally and (net.is_tiny or work.device.threads < 2 * num_workers)


def rounds(jobs: Sequence[FoldJob], device: Device, num_workers: int) -> list[tuple[Sequence[FoldJob], int, int]]:
    """The jobs of full rounds, then what is left over: each with how many run side by side, and the threads that each has."""
    even = len(jobs) // num_workers * num_workers
    parts = ((jobs[:even], num_workers), (jobs[even:], len(jobs) - even))
    return [(part, side_by_side, max(1, device.threads // max(1, side_by_side))) for part, side_by_side in parts]


def job_threads(work: FoldWork, jobs: Sequence[FoldJob], num_workers: int) -> dict[FoldJob, int]:
    """The threads that each job has in `run_jobs`: float32 results depend on them, so an executor elsewhere takes as many."""
    if has_a_core_each(work, num_workers):
        return dict.fromkeys(jobs, 1)
    return {job: threads for part, _, threads in rounds(jobs, work.device, num_workers) for job in part}


def run_here(work: FoldWork, jobs: Sequence[FoldJob], told: Told) -> Finished:
    """Runs the jobs one after the other in this process."""
    for job in jobs:
        yield job, work.run(job, functools.partial(told, job))


def run_in_processes(work: FoldWork, jobs: Sequence[FoldJob], told: Told, *, num_workers: int, num_threads: int) -> Finished:
    """Runs the jobs in `num_workers` processes of `num_threads` threads each; results come as they are finished.

    The processes are forked from one that has imported torch, once for all calls, and end with this one, even if it is killed.

    Raises:
        CurateError: what a job raised, or that a process was killed.
    """
    context: Any = mp.get_context("forkserver" if "forkserver" in mp.get_all_start_methods() else "spawn")  # Windows forks nothing
    context.set_forkserver_preload(["curate.judge.training.local_executor", "curate.judge.models.registry"])
    waiting, messages = context.Queue(), context.Queue()
    for job in jobs:
        waiting.put(job)
    workers = [
        context.Process(target=_work, args=(work, waiting, messages, num_threads), daemon=True) for _ in range(min(num_workers, len(jobs)))
    ]
    try:
        for worker in workers:
            worker.start()
        left, was_quiet = len(jobs), False
        while left:
            try:
                kind, job, content = messages.get(timeout=1)
            except queue.Empty:
                if was_quiet:  # what a process sent just before it ended has come by now
                    _check_alive(workers)
                was_quiet = True
                continue
            was_quiet = False
            if kind == "share":
                told(job, content)
            elif kind == "error":
                raise content
            elif kind == "bug":
                raise RuntimeError(f"a training process failed:\n{content}")
            else:
                left -= 1
                yield job, unpacked(work, job, content)
    finally:
        for worker in workers:
            if worker.is_alive():
                worker.kill()
            worker.join()
        for channel in (waiting, messages):
            channel.cancel_join_thread()
            channel.close()


def _check_alive(workers: Sequence[mp.process.BaseProcess]) -> None:
    if all(worker.exitcode == 0 for worker in workers):
        raise CurateError("all training processes have ended and a result is missing; finished folds are kept, run the same command again")
    for worker in workers:
        if worker.exitcode:  # 0 = it found no more jobs, None = at work
            if worker.exitcode > 0:
                raise CurateError(
                    f"a training process ended with code {worker.exitcode}; a script of your own must call curate inside "
                    "`if __name__ == '__main__':`, since each process reads the script again"
                )
            raise CurateError(
                f"a training process ended by signal {-worker.exitcode}, perhaps out of memory; "
                "finished folds are kept, run the same command again"
            )


def _work(work: FoldWork, waiting: mp.Queue, messages: mp.Queue, num_threads: int) -> None:
    """What a process does: jobs until there are none."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    os.environ[OWN_PROCESS] = "1"
    threading.Thread(target=_end_with_parent, daemon=True).start()
    torch.set_num_threads(num_threads)
    while True:
        try:
            job = waiting.get(timeout=1)
        except queue.Empty:
            return
        last = time.monotonic()

        def on_share(share: float, job: FoldJob = job) -> None:
            nonlocal last
            if time.monotonic() - last > SECONDS_BETWEEN_MESSAGES:
                last = time.monotonic()
                messages.put(("share", job, share))

        try:
            messages.put(("done", job, packed(work.run(job, on_share))))
        except CurateError as error:
            messages.put(("error", job, error))
        except Exception:
            messages.put(("bug", job, traceback.format_exc()))


def _end_with_parent() -> None:
    """Ends this process as soon as the one that wants its results has ended, so that kill -9 leaves no training behind."""
    parent = mp.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
