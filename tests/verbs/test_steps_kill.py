"""kill -9 in the middle of training on real digits: the same command ends with the arrays of an undisturbed run."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from curate.data.fetch import fetch
from curate.run import data_root

pytestmark = [pytest.mark.slow, pytest.mark.network]
ARRAYS = ("pred_probs.npy", "fold.npy", "embeddings.npy")
FOLDS = 4
TRAIN = ("train", "mnist", "--limit", "6000", "--model", "lenet5", "--preset", "quick", "--folds", str(FOLDS), "--device", "cpu")


def started(data: Path, run: str, num_threads: int) -> subprocess.Popen:
    environment = {**os.environ, "CURATE_DATA": str(data), "OMP_NUM_THREADS": str(num_threads)}
    command = [sys.executable, "-m", "curate", *TRAIN, "--run", run]
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def finished(process: subprocess.Popen) -> None:
    _, told = process.communicate(timeout=120)
    assert process.returncode == 0, told


@pytest.fixture
def data(tmp_path):
    """A data folder of its own that has the real MNIST."""
    fetch("mnist")
    (tmp_path / "raw").symlink_to((data_root() / "raw").absolute())
    return tmp_path


def kill_in_training(process: subprocess.Popen, folds: Path) -> None:
    """Kills it at a random moment after its first fold, and waits until the processes that it started are gone, too."""
    deadline = time.monotonic() + 120
    while not list(folds.glob("pred_probs-*.npy")) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(random.uniform(0, 0.3))
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    process.send_signal(signal.SIGKILL)
    process.communicate()
    while any(is_training(child) for child in children) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(is_training(child) for child in children)


def is_training(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


@pytest.mark.parametrize("num_threads", [1, 2])  # with two, two processes train side by side
def test_a_run_that_was_killed_ends_with_the_same_arrays(data, num_threads):
    finished(started(data, "reference", num_threads))
    run, reference = data / "runs" / "killed", data / "runs" / "reference"
    kill_in_training(started(data, "killed", num_threads), run / "folds")
    kept = {file: file.stat().st_mtime_ns for file in (run / "folds").glob("pred_probs-*.npy")}
    assert 0 < len(kept) < FOLDS and not (run / "pred_probs.npy").exists()
    finished(started(data, "killed", num_threads))
    assert all(file.stat().st_mtime_ns == written for file, written in kept.items())  # what was finished was not trained again
    for name in ARRAYS:
        assert (run / name).read_bytes() == (reference / name).read_bytes()
    assert (np.load(run / "pred_probs.npy").argmax(axis=1) == np.load(run / "labels.npy")).mean() > 0.8
