"""Jobs of cross-validation on a Ray cluster: one task each, the images once in its object store."""

import contextlib
import time
import traceback
from collections import Counter
from collections.abc import Sequence, Set
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from curate.errors import CurateError
from curate.training.device import Device
from curate.training.executors import SECONDS_BETWEEN_MESSAGES, Finished, Told, job_threads
from curate.training.fold_jobs import FoldJob, FoldWork
from curate.training.parcel import packed, unpacked
from curate.training.ray_cluster import Cluster, import_ray

LOSSES = 3  # of the worker of one job, before it is the job's fault


class RayExecutor:
    """Runs jobs on `cluster`; with the same seeds and threads they give what the local executor gives, bit by bit on a CPU."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster

    def pick_device(self, wanted: str) -> Device:
        return self.cluster.pick_device(wanted)

    def run_jobs(self, work: FoldWork, jobs: Sequence[FoldJob], told: Told, *, done: Set[FoldJob], num_workers: int) -> Finished:
        """Runs all `jobs` but those `done`; results come as they are finished. Ray decides where and how many side by side.

        A job asks for a GPU where the device is one, and for the CPUs that it would have threads of in the local executor.

        Raises:
            CurateError: what a job raised, or its worker was lost `LOSSES` times.
            UsageError: no node is large enough for a job.
        """
        ray = import_ray()
        on_gpu = work.device.kind == "cuda"
        threads = job_threads(work, jobs, num_workers)
        for count in {1} if on_gpu else set(threads.values()):
            self.cluster.check_fits(num_cpus=count, num_gpus=int(on_gpu))
        shares = ray.remote(Shares).options(num_cpus=0, max_restarts=-1).remote()
        held = ray.put(replace(work, images=np.asarray(work.images), _batches=None))  # a memory map would be pickled twice
        task = ray.remote(train_fold)

        def start(job: FoldJob) -> Any:
            options = {"num_cpus": 1 if on_gpu else threads[job], "num_gpus": int(on_gpu), "max_retries": 0}
            return task.options(**options).remote(held, job, threads[job], shares)

        running = {start(job): job for job in jobs if job not in done}
        losses: Counter[FoldJob] = Counter()
        asked = shares.latest.remote()
        try:
            while running:
                ready, _ = ray.wait([*running], timeout=SECONDS_BETWEEN_MESSAGES)
                for ref in ready:
                    job = running.pop(ref)
                    try:
                        kind, content = ray.get(ref)
                    except ray.exceptions.RayTaskError as error:
                        raise RuntimeError(f"a training task failed:\n{error}") from error
                    except ray.exceptions.RayError as error:
                        losses[job] += 1
                        if losses[job] == LOSSES:
                            raise lost_again_and_again(job, error) from error
                        running[start(job)] = job
                        continue
                    if kind == "error":
                        raise content
                    if kind == "bug":
                        raise RuntimeError(f"a training task failed:\n{content}")
                    yield job, unpacked(work, job, content)
                if ray.wait([asked], timeout=0)[0]:
                    with contextlib.suppress(ray.exceptions.RayError):  # lost: it starts anew, and only the progress was in it
                        for job, share in ray.get(asked).items():
                            if job in running.values():
                                told(job, share)
                    asked = shares.latest.remote()
        finally:
            for ref in running:
                ray.cancel(ref, force=True)
            ray.kill(shares)


def lost_again_and_again(job: FoldJob, error: Exception) -> CurateError:
    """The error for a job whose workers end before it does; says what Ray knows of the last one."""
    reason = next(iter(str(error).splitlines()), "") or type(error).__name__
    return CurateError(
        f"the worker that trains fold {job.fold} of repeat {job.repeat} was lost again and again, {LOSSES} times, perhaps out of memory "
        f"({reason.rstrip('.')}); finished folds are kept, run the same command again when the cluster is well"
    )


class Shares:
    """An actor that knows how far each job is."""

    def __init__(self) -> None:
        self.by_job: dict[FoldJob, float] = {}

    def tell(self, job: FoldJob, share: float) -> None:
        self.by_job[job] = share

    def latest(self) -> dict[FoldJob, float]:
        return self.by_job


def train_fold(work: FoldWork, job: FoldJob, num_threads: int, shares: Any) -> tuple[str, Any]:
    """What a worker does: one job; `work` is read from the object store of its node without a copy."""
    torch.set_num_threads(num_threads)
    last = time.monotonic()

    def on_share(share: float) -> None:
        nonlocal last
        if time.monotonic() - last > SECONDS_BETWEEN_MESSAGES:
            last = time.monotonic()
            shares.tell.remote(job, share)

    try:
        return "done", packed(work.run(job, on_share))
    except CurateError as error:
        return "error", error
    except Exception:
        return "bug", traceback.format_exc()
