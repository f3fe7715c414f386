"""Which executor runs the jobs of cross-validation, by name: `local`, this machine, or `ray`, a cluster."""

import contextlib
from collections.abc import Iterator, Sequence, Set
from typing import Protocol

from curate.errors import UnknownNameError, UsageError
from curate.judge.training.device import Device, pick_device
from curate.judge.training.jobs import FoldJob, FoldWork
from curate.judge.training.local_executor import Finished, Told, run_jobs

EXECUTORS = ("local", "ray")


class Executor(Protocol):
    """Where jobs run."""

    def pick_device(self, wanted: str) -> Device:
        """The device that jobs train on, as `curate.judge.training.device.pick_device`."""

    def run_jobs(self, work: FoldWork, jobs: Sequence[FoldJob], told: Told, *, done: Set[FoldJob], num_workers: int) -> Finished:
        """Runs all `jobs` but those `done`, as `curate.judge.training.local_executor.run_jobs`."""


class LocalExecutor:
    """This machine."""

    pick_device = staticmethod(pick_device)
    run_jobs = staticmethod(run_jobs)


def check_executor(name: str, *, address: str | None = None, data_parallel: int = 1) -> None:
    """Says now, before anything is loaded, that an executor cannot be used.

    Raises:
        UnknownNameError: there is none of that name.
        UsageError: an address or `data_parallel` without `ray`, or no cluster answers there.
        DependencyError: Ray is not installed.
    """
    if name not in EXECUTORS:
        raise UnknownNameError.of("executor", name, EXECUTORS)
    if name == "ray":
        from curate.judge.training.ray_cluster import check_ray

        check_ray(address)
    elif address is not None:
        raise UsageError(f"--address {address} is that of a Ray cluster: add --executor ray")
    elif data_parallel > 1:
        raise UsageError(f"--data-parallel {data_parallel} trains each fold by workers of a Ray cluster: add --executor ray")


@contextlib.contextmanager
def open_executor(name: str, *, address: str | None = None, data_parallel: int = 1) -> Iterator[Executor]:
    """Context with the executor `name`; `ray` is connected to the cluster at `address` meanwhile.

    Args:
        data_parallel: how many workers of the cluster train one net together.

    Raises:
        UnknownNameError, UsageError, DependencyError: as `check_executor`.
    """
    check_executor(name, address=address, data_parallel=data_parallel)
    if name == "local":
        yield LocalExecutor()
        return
    from curate.judge.training.ray_cluster import connected
    from curate.judge.training.ray_executor import RayExecutor

    with connected(address) as cluster:
        yield RayExecutor(cluster, data_parallel=data_parallel)
