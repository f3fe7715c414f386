"""One Ray cluster of two CPUs for all tests, in processes of its own; none of them is left at the end."""

import importlib.util
import os
import secrets
import subprocess
import sys
from pathlib import Path

import pytest
from ray_processes import left_of

SERVE = """
import sys
from curate.judge.training.ray_cluster import connected, import_ray
with connected():
    print(import_ray().get_runtime_context().gcs_address, flush=True)
    sys.stdin.read()
"""


@pytest.fixture(scope="session")
def ray_home(tmp_path_factory):
    """A home folder and an environment for a cluster: its token marks all of its processes."""
    if importlib.util.find_spec("ray") is None:  # not imported here: Ray reads the token as it is imported
        pytest.skip("Ray is not installed: pip install 'curate[ray]'")
    home = tmp_path_factory.mktemp("home")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    return {**kept, "HOME": str(home), "OMP_NUM_THREADS": "2", "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}


@pytest.fixture(scope="session")
def ray_address(ray_home):
    """HOST:PORT of the cluster."""
    with subprocess.Popen([sys.executable, "-c", SERVE], env=ray_home, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        address = process.stdout.readline().strip()
        assert address, f"no cluster: the process ended with {process.wait()}"
        yield address
        process.stdin.close()
        process.wait()
    assert not left_of(ray_home["RAY_AUTH_TOKEN"]) and not list(Path(ray_home["HOME"]).glob(".ray*"))


@pytest.fixture(scope="module")
def ray_executor(ray_home, ray_address):
    """The Ray executor, this process connected to the cluster.

    For one file of tests: what later files start, a database say, must not have the cluster's token, nor its home folder.
    """
    from curate.judge.training.executors import open_executor

    with pytest.MonkeyPatch.context() as patch:
        for name in ("HOME", "RAY_AUTH_MODE", "RAY_AUTH_TOKEN"):
            patch.setenv(name, ray_home[name])
        with open_executor("ray", address=ray_address) as executor:
            yield executor
