"""One fold trained by several workers of a Ray cluster: torch's DistributedDataParallel under Ray Train."""

import importlib
from typing import Any

import torch

from curate.errors import CurateError
from curate.temporary import temporary_folder
from curate.training.fold_jobs import FoldJob
from curate.training.parcel import packed
from curate.training.ray_cluster import import_ray
from curate.training.ray_executor import share_teller
from curate.training.team import Team


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
