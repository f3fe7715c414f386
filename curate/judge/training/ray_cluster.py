"""A Ray cluster: one that runs already, or one of this machine's own that ends with the program."""

import contextlib
import importlib.util
import json
import os
import secrets
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import torch

from curate.errors import CurateError, DependencyError, UsageError
from curate.judge.training.device import Device, pick_device
from curate.temporary import temporary_folder

CONNECT_SECONDS = 3.0  # to reach the port
ANSWER_SECONDS = 20.0  # to be told which nodes there are, the start of a Python with Ray included
SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",  # Ray would tell its makers about every cluster
    "RAY_worker_niceness": "0",  # of an own cluster: Ray's 15 would let every other program of this machine go first
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # what later versions do; without it Ray warns that they will
}
PROBE = """
import json, sys, ray
ray.init(address=sys.argv[1], logging_level="ERROR", log_to_driver=False)
print(json.dumps([node["Resources"] for node in ray.nodes() if node["Alive"]]))
"""


@dataclass(frozen=True)
class Cluster:
    """A cluster that this process is connected to.

    Attributes:
        address: as the user gave it; None = one of this machine's own.
    """

    address: str | None

    @property
    def name(self) -> str:
        return f"the Ray cluster at {self.address}" if self.address else "the Ray cluster of this machine"

    def nodes(self) -> list[dict[str, float]]:
        """What the nodes that are alive have in all: `CPU`, `GPU` and more."""
        return [node["Resources"] for node in import_ray().nodes() if node["Alive"]]

    @property
    def num_gpus(self) -> int:
        return sum(int(node.get("GPU", 0)) for node in self.nodes())

    def pick_device(self, wanted: str) -> Device:
        """The device for `wanted`, as `pick_device` of this machine: `auto` is a GPU where a node has one.

        The CPU is described as this machine's: with the same number of threads the same float32 comes out.

        Raises:
            UsageError: `cuda` is asked for and no node has a GPU.
        """
        if wanted == "cuda" and not self.num_gpus:
            raise UsageError(f"device cuda was asked for, but {self.name} has no GPU; start a node with one, or use --device cpu")
        if wanted == "cpu" or not self.num_gpus:
            return pick_device("cpu")
        ray = import_ray()
        return ray.get(ray.remote(pick_device).options(num_gpus=1).remote("cuda"))

    def check_fits(self, *, num_cpus: int, num_gpus: int, num_workers: int) -> int:
        """How many folds can train side by side, each by `num_workers` workers with so many CPUs and GPUs.

        Raises:
            UsageError: none can; it would wait forever.
        """
        nodes = self.nodes()
        cpus = [int(node.get("CPU", 0)) for node in nodes]
        gpus = [int(node.get("GPU", 0)) for node in nodes]
        workers = sum(min(c // num_cpus, g // num_gpus if num_gpus else c) for c, g in zip(cpus, gpus, strict=True))
        if workers >= num_workers:
            return workers // num_workers
        asked = ("1 GPU and " if num_gpus else "") + f"{num_cpus} CPU{'s' if num_cpus > 1 else ''}"
        together = f"{num_workers} workers with {asked} each" if num_workers > 1 else asked
        found = " + ".join(f"{c} CPUs, {g} GPUs" for c, g in zip(cpus, gpus, strict=True))
        fewer = "--data-parallel" if num_workers > 1 else "OMP_NUM_THREADS"
        raise UsageError(f"each fold asks for {together}, but {self.name} has {found}; set {fewer} to fewer, or start more or larger nodes")


def check_ray(address: str | None) -> None:
    """Says within seconds that Ray, or the cluster at `address`, cannot be used.

    Raises:
        DependencyError: Ray is not installed.
        UsageError: the address is none, nothing answers there, or what answers is no Ray cluster of this version.
    """
    if importlib.util.find_spec("ray") is None:
        raise DependencyError("--executor ray needs Ray; install it with: pip install 'curate[ray]'")
    address = address or os.environ.get("RAY_ADDRESS")
    if address is not None:
        _probe(address)


@contextlib.contextmanager
def connected(address: str | None = None) -> Iterator[Cluster]:
    """Context with the cluster at `address` (HOST:PORT), else at `$RAY_ADDRESS`, else one of this machine's own.

    The own one keeps its files in a temporary folder, lets nobody in without its secret, and ends with the context, or with
    this process however that ends: what trains within seconds; Ray's agents, if they were just starting, once they have asked the
    killed head for a minute.

    Raises:
        DependencyError, UsageError: as `check_ray`.
    """
    check_ray(address)
    address = address or os.environ.get("RAY_ADDRESS")
    quiet = {"logging_level": "ERROR", "log_to_driver": False}
    with contextlib.ExitStack() as stack:
        stack.enter_context(_environment(SETTINGS))
        if address is not None:
            ray = import_ray()
            ray.init(address=address, **quiet)
        else:
            if "ray" not in sys.modules:  # Ray reads this when it is imported
                stack.enter_context(_environment({"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}))
            folder = stack.enter_context(temporary_folder("curate-ray-", _short_folder()))
            ray = import_ray()
            ray.init(address="local", num_cpus=torch.get_num_threads(), include_dashboard=False, _temp_dir=str(folder), **quiet)
        stack.callback(ray.shutdown)
        yield Cluster(address)


def import_ray() -> ModuleType:
    """Ray, imported only where it is used: it takes most of a second."""
    import ray

    return ray


def _probe(address: str) -> None:
    """Connects in a process of its own, which can be given up: Ray itself tries for many minutes."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit() or "/" in host:
        raise UsageError(f"the address of a Ray cluster is HOST:PORT, such as 10.0.0.1:6379, found '{address}'")
    no_answer = f"no Ray cluster answers at {address}; start one with `ray start --head --port {port}`, or leave --address out"
    try:
        socket.create_connection((host, int(port)), timeout=CONNECT_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise UsageError(no_answer) from error
    probe = [sys.executable, "-c", PROBE, address]
    try:
        done = subprocess.run(probe, env={**os.environ, **SETTINGS}, capture_output=True, text=True, timeout=ANSWER_SECONDS)
    except subprocess.TimeoutExpired as error:
        if b"InvalidAuthToken" in (error.stderr or b""):
            wanted = "set RAY_AUTH_MODE=token, and RAY_AUTH_TOKEN or RAY_AUTH_TOKEN_PATH, as on its nodes"
            raise UsageError(f"the Ray cluster at {address} wants a token that this process does not have; {wanted}") from error
        raise UsageError(no_answer) from error
    if done.returncode:
        last = done.stderr.rpartition("Error: ")[2] or f"it ended with code {done.returncode}"
        raise UsageError(f"the Ray cluster at {address} cannot be used: {' '.join(last.split())}")
    if not json.loads(done.stdout.splitlines()[-1]):
        raise CurateError(f"the Ray cluster at {address} has no node that is alive; start one with `ray start --address {address}`")


@contextlib.contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    """Sets those of `values` that the user has not set, and takes them back at the end."""
    new = {name: value for name, value in values.items() if name not in os.environ}
    os.environ.update(new)
    try:
        yield
    finally:
        for name in new:
            os.environ.pop(name, None)


def _short_folder() -> Path:
    """Where temporary files go, unless the paths of Ray's sockets there would be longer than Linux allows (107)."""
    folder = Path(tempfile.gettempdir())
    return folder if len(str(folder)) <= 20 else Path("/tmp")
