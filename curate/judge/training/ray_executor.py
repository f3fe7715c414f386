"""Jobs of cross-validation on a Ray cluster: one task each, or one fold trained by several workers together."""

import contextlib
import importlib
import time
import traceback
from collections import Counter
from collections.abc import Sequence, Set
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from curate.errors import CurateError
from curate.judge.training.device import Device
from curate.judge.training.jobs import FoldJob, FoldWork, OnShare, packed, unpacked
from curate.judge.training.joint_training import Team
from curate.judge.training.local_executor import SECONDS_BETWEEN_MESSAGES, Finished, Told, job_threads
from curate.judge.training.ray_cluster import Cluster, import_ray
from curate.temporary import temporary_folder


def train_fold_together(held: list, job: FoldJob, num_workers: int, num_threads: int, on_gpu: bool, shares: Any) -> tuple[str, Any]:
    """What the task of one job does: it has Ray Train start `num_workers` workers, on a GPU or on `num_threads` CPUs each.

    Args:
        held: the reference of the FoldWork, in a list so that Ray does not fetch it here.

    Returns:
        As `ray_executor.train_fold`; or `lost` and why, when a worker ended before the training did.
    """
    ray = import_ray()
    rt, rt_torch = (importlib.import_module(name) for name in ("ray.train", "ray.train.torch"))

    resources = {"CPU": 1, "GPU": 1} if on_gpu else {"CPU": num_threads}
    with temporary_folder("curate-ray-train-") as folder:  # Ray Train would write to the user's home
        trainer = rt_torch.TorchTrainer(
            train_part,
            train_loop_config={"held": held, "job": job, "num_threads": num_threads, "shares": shares},
            torch_config=rt_torch.TorchConfig(backend="nccl" if on_gpu else "gloo"),
            scaling_config=rt.ScalingConfig(num_workers=num_workers, use_gpu=on_gpu, resources_per_worker=resources),
            run_config=rt.RunConfig(
                storage_path=str(folder),
                failure_config=rt.FailureConfig(max_failures=0),
                logging_config=rt.LoggingConfig(log_level="ERROR"),
            ),
        )
        try:
            return trainer.fit().return_value
        except rt.WorkerGroupError as error:
            failures = list(error.worker_failures.values())
            reasons = "\n".join(map(str, failures))
            if "OutOfMemoryError" in reasons:
                return "error", CurateError(
                    f"fold {job.fold} does not fit into the memory of {num_workers} workers; set --data-parallel to more"
                )
            ends = any(isinstance(getattr(failure, "health_check_failure", failure), ray.exceptions.RayError) for failure in failures)
            was_lost = ends or "gloo" in reasons or "NCCL" in reasons  # the others are told by these that a connection is closed
            return ("lost", "one of its workers ended") if was_lost else ("bug", reasons)


def train_part(config: dict[str, Any]) -> tuple[str, Any]:
    """What each worker does: the whole training on its part of every batch; the first one's answer is the team's."""
    ray = import_ray()
    from ray.train import get_context

    context = get_context()
    team = Team(context.get_world_rank(), context.get_world_size())
    torch.set_num_threads(config["num_threads"])
    job = config["job"]
    told = share_teller(config["shares"], job) if team.judges else lambda share: None
    try:
        return "done", packed(ray.get(config["held"][0]).run(job, told, team))
    except CurateError as error:
        return "error", error


LOSSES = 3  # of the worker of one job, before it is the job's fault


class RayExecutor:
    """Runs jobs on `cluster`; with the same seeds and threads they give what the local executor gives, bit by bit on a CPU.

    Args:
        data_parallel: how many workers train one net together. With more than 1 the results are the same up to rounding,
            but for dropout, which draws otherwise, and on CPUs batch norm, which sees a worker's part of the batch.
    """

    def __init__(self, cluster: Cluster, *, data_parallel: int = 1) -> None:
        self.cluster, self.data_parallel = cluster, data_parallel

    def pick_device(self, wanted: str) -> Device:
        return self.cluster.pick_device(wanted)

    def run_jobs(self, work: FoldWork, jobs: Sequence[FoldJob], told: Told, *, done: Set[FoldJob], num_workers: int) -> Finished:
        """Runs all `jobs` but those `done`; results come as they are finished. Ray decides where and how many side by side.

        A job asks for a GPU where the device is one, and for the CPUs that it would have threads of in the local executor.

        Raises:
            CurateError: what a job raised, or its worker was lost `LOSSES` times.
            UsageError: the cluster is too small for a job.
        """
        waiting = [job for job in jobs if job not in done]
        if not waiting:
            return
        ray = import_ray()
        on_gpu = work.device.kind == "cuda"
        threads = job_threads(work, jobs, num_workers)
        num_cpus = 1 if on_gpu else max(threads.values())
        teams = self.cluster.check_fits(num_cpus=num_cpus, num_gpus=int(on_gpu), num_workers=self.data_parallel)
        side_by_side = teams if self.data_parallel > 1 else len(jobs)  # Ray has a queue for tasks, not for teams
        shares = ray.remote(Shares).options(num_cpus=0, max_restarts=-1).remote()
        held = ray.put(replace(work, images=np.asarray(work.images), _batches=None))  # a memory map would be pickled twice

        def start(job: FoldJob) -> Any:
            if self.data_parallel > 1:
                task = ray.remote(train_fold_together).options(num_cpus=0, max_retries=0)
                return task.remote([held], job, self.data_parallel, threads[job], on_gpu, shares)
            task = ray.remote(train_fold).options(num_cpus=1 if on_gpu else threads[job], num_gpus=int(on_gpu), max_retries=0)
            return task.remote(held, job, threads[job], shares)

        running: dict[Any, FoldJob] = {}
        losses: Counter[FoldJob] = Counter()
        asked = shares.latest.remote()
        try:
            while waiting or running:
                while waiting and len(running) < side_by_side:
                    job = waiting.pop(0)
                    running[start(job)] = job
                ready, _ = ray.wait([*running], timeout=SECONDS_BETWEEN_MESSAGES)
                for ref in ready:
                    job = running.pop(ref)
                    kind, content = outcome(ref)
                    if kind == "done":
                        yield job, unpacked(work, job, content)
                    elif kind == "lost":
                        losses[job] += 1
                        if losses[job] == LOSSES:
                            raise lost_again_and_again(job, content)
                        waiting.insert(0, job)
                    elif kind == "error":
                        raise content
                    else:
                        raise RuntimeError(f"a training task failed:\n{content}")
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


def outcome(ref: Any) -> tuple[str, Any]:
    """What came of a task: `done`, `error` or `bug` as the task says, or `lost` and why."""
    ray = import_ray()
    try:
        return ray.get(ref)
    except ray.exceptions.RayTaskError as error:
        return "bug", error
    except ray.exceptions.RayError as error:
        return "lost", str(error) or type(error).__name__


def lost_again_and_again(job: FoldJob, reason: str) -> CurateError:
    """The error for a job whose workers end before it does; says what Ray knows of the last one."""
    return CurateError(
        f"the worker that trains fold {job.fold} of repeat {job.repeat} was lost again and again, {LOSSES} times, perhaps out of memory "
        f"({reason.splitlines()[0].rstrip('.')}); finished folds are kept, run the same command again when the cluster is well"
    )


class Shares:
    """An actor that knows how far each job is."""

    def __init__(self) -> None:
        self.by_job: dict[FoldJob, float] = {}

    def tell(self, job: FoldJob, share: float) -> None:
        self.by_job[job] = share

    def latest(self) -> dict[FoldJob, float]:
        return self.by_job


def share_teller(shares: Any, job: FoldJob) -> OnShare:
    """Tells the actor how far the job is, a few times a second."""
    last = time.monotonic()

    def on_share(share: float) -> None:
        nonlocal last
        if time.monotonic() - last > SECONDS_BETWEEN_MESSAGES:
            last = time.monotonic()
            shares.tell.remote(job, share)

    return on_share


def train_fold(work: FoldWork, job: FoldJob, num_threads: int, shares: Any) -> tuple[str, Any]:
    """What a worker does: one job; `work` is read from the object store of its node without a copy."""
    torch.set_num_threads(num_threads)
    try:
        return "done", packed(work.run(job, share_teller(shares, job)))
    except CurateError as error:
        return "error", error
    except Exception:
        return "bug", traceback.format_exc()
