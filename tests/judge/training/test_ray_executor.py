"""Folds on a Ray cluster: the same arrays as here, and whatever is lost, finished folds are kept and one line says what to do."""

import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
from ray_processes import left_of, processes_with

from curate.errors import CurateError, DataError, DependencyError, UnknownNameError, UsageError
from curate.judge.models.registry import ModelSpec
from curate.judge.training import ray_cluster
from curate.judge.training.cross_validation import cross_validate
from curate.judge.training.executors import check_executor
from curate.judge.training.recipes import Recipe

pytestmark = pytest.mark.usefixtures("one_thread")


class Store(dict):
    """Keeps arrays, and of models their weights and statistics."""

    def load(self, name):
        return self.get(name)

    def save(self, name, array):
        self[name] = np.array(array)

    def save_model(self, name, model):
        self[f"{name} statistics"] = np.array(model.input_statistics)
        self.update({f"{name} {key}": value.numpy().copy() for key, value in model.state_dict().items()})


def validated(shapes, cpu, *, epochs=3, peak_lr=0.005, **options):
    recipe = Recipe(epochs=epochs, batch_size=20, optimizer="sgd", peak_lr=peak_lr, head_lr=peak_lr, bias_lr=peak_lr, shift=1)
    spec = ModelSpec("lenet5", 3, 1, (16, 16))
    return cross_validate(spec, shapes.images, shapes.labels, num_classes=3, recipe=recipe, device=cpu, num_folds=3, **options)


def same_content(one, other):
    return one.keys() == other.keys() and all(one[name].tobytes() == other[name].tobytes() for name in one)


def kill_workers(environment):
    for pid in processes_with(environment["RAY_AUTH_TOKEN"], "ray::train_fold"):
        os.kill(pid, signal.SIGKILL)


@pytest.mark.slow
def test_a_cluster_gives_the_same_arrays_weights_and_statistics_as_this_machine(make_shapes, cpu, ray_executor):
    shapes, told, here, there = make_shapes(45), [], Store(), Store()
    alone = validated(shapes, cpu, num_repeats=2, store=here)
    result = validated(
        shapes, cpu, num_repeats=2, store=there, executor=ray_executor, progress=lambda stage, done, total, note="": told.append(done)
    )
    assert result.pred_probs.dtype == np.float32 and result.pred_probs.tobytes() == alone.pred_probs.tobytes()
    assert same_content(here, there) and {"curve-r1-f2", "models/fold-2 statistics", "model conv1.weight"} <= here.keys()
    assert told == sorted(told) and told[-1] == 6


@pytest.mark.slow
def test_a_worker_killed_in_mid_fold_is_replaced_and_the_arrays_are_the_same(make_shapes, cpu, ray_executor, ray_home):
    shapes, killed = make_shapes(45), []

    def kill_once(stage, done, total, note=""):
        if not killed:
            killed.append(done % 1)
            kill_workers(ray_home)

    result = validated(shapes, cpu, epochs=300, executor=ray_executor, progress=kill_once)
    assert 0 < killed[0] < 1  # a fold was under way
    assert result.pred_probs.tobytes() == validated(shapes, cpu, epochs=300).pred_probs.tobytes()


@pytest.mark.slow
def test_a_worker_lost_again_and_again_is_one_line_and_finished_folds_are_kept(make_shapes, cpu, ray_executor, ray_home):
    store = Store()

    def kill(stage, done, total, note=""):
        if note.startswith(("1 of", "2 of")):
            kill_workers(ray_home)

    with pytest.raises(CurateError, match=r"lost again and again, 3 times, .*finished folds are kept") as told:
        validated(make_shapes(45), cpu, epochs=1500, store=store, executor=ray_executor, progress=kill)
    assert "\n" not in str(told.value)
    assert 1 <= sum(name.startswith("pred_probs") for name in store) < 3


@pytest.mark.slow
def test_what_goes_wrong_in_a_task_is_told_as_it_would_be_here(make_shapes, cpu, ray_executor):
    with pytest.raises(DataError, match=r"the training of fold [012] diverged"):
        validated(make_shapes(45), cpu, peak_lr=1e20, executor=ray_executor)


@pytest.mark.slow
def test_more_than_the_cluster_has_is_told_and_not_waited_for(make_shapes, cpu, ray_executor):
    with pytest.raises(UsageError, match=r"device cuda was asked for, but the Ray cluster at .* has no GPU"):
        ray_executor.pick_device("cuda")
    with pytest.raises(UsageError, match=r"each fold asks for 1 GPU and 1 CPU, but the Ray cluster at .* has 2 CPUs, 0 GPUs; "):
        validated(make_shapes(45), replace(cpu, kind="cuda"), executor=ray_executor)
    with pytest.raises(UsageError, match="each fold asks for 64 CPUs, but"):
        validated(make_shapes(45), replace(cpu, threads=64), executor=ray_executor)


@pytest.fixture
def train_command(make_shapes, write_shapes, tmp_path, ray_home):
    """The command that trains on 45 pictures with Ray, and its environment."""
    folder = write_shapes(make_shapes(45), tmp_path / "shapes")
    command = [
        sys.executable,
        "-c",
        "from curate.cli import main; main()",
        "train",
        folder,
        "--model",
        "lenet5",
        "--folds",
        3,
        "--repeats",
        1,
    ]
    command += ["--device", "cpu", "--executor", "ray"]
    return [str(part) for part in command], {**ray_home, "CURATE_DATA": str(tmp_path / "data")}


@pytest.mark.slow
def test_a_driver_that_is_killed_goes_on_after_its_finished_folds(train_command, tmp_path, ray_address, ray_home):
    command, environment = train_command
    folds = tmp_path / "data" / "runs" / "shapes" / "folds"
    with subprocess.Popen([*command, "--address", ray_address], env=environment, stderr=subprocess.DEVNULL) as driver:
        while not list(folds.glob("pred_probs-*.npy")):
            assert driver.poll() is None
            time.sleep(0.02)
        driver.kill()
    kept = {path: path.stat().st_mtime_ns for path in folds.glob("pred_probs-*.npy")}
    assert not left_of(ray_home["RAY_AUTH_TOKEN"], "ray::train_fold") and len(kept) < 3
    done = subprocess.run([*command, "--address", ray_address], env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert len(list(folds.glob("pred_probs-*.npy"))) == 3
    assert all(path.stat().st_mtime_ns == written for path, written in kept.items())


@pytest.mark.slow
def test_a_cluster_of_its_own_leaves_nothing_behind_even_when_the_driver_is_killed(train_command, tmp_path, ray_home):
    command, environment = train_command
    token = ray_home["RAY_AUTH_TOKEN"][::-1]
    (tmp_path / "home").mkdir()
    environment |= {"HOME": str(tmp_path / "home"), "RAY_AUTH_TOKEN": token}
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as driver:
        while not processes_with(token, "ray::train_fold"):
            assert driver.poll() is None
            time.sleep(0.1)
        driver.kill()
    assert not left_of(token, "ray::train_fold")
    assert not left_of(token)  # agents of Ray that were just starting ask for their killed head for 60 seconds
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert not left_of(token) and not list((tmp_path / "home").iterdir())


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def test_an_address_that_does_not_answer_is_one_line_and_exit_code_2(train_command):
    command, environment = train_command
    port = free_port()
    done = subprocess.run([*command, "--address", f"127.0.0.1:{port}"], env=environment, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"error: no Ray cluster answers at 127.0.0.1:{port}; start one with `ray start --head --port {port}`, or leave --address out\n"
    )


def test_a_port_behind_which_there_is_no_ray_is_given_up(ray_home, monkeypatch):
    monkeypatch.setattr(ray_cluster, "ANSWER_SECONDS", 2.0)
    with socket.create_server(("127.0.0.1", 0)) as server, pytest.raises(UsageError, match="no Ray cluster answers at"):
        check_executor("ray", address=f"127.0.0.1:{server.getsockname()[1]}")


@pytest.mark.slow
def test_a_cluster_that_wants_a_token_says_so(ray_executor, monkeypatch):
    monkeypatch.setattr(ray_cluster, "ANSWER_SECONDS", 8.0)
    monkeypatch.setenv("RAY_AUTH_TOKEN", "0" * 64)
    with pytest.raises(UsageError, match="wants a token that this process does not have; set RAY_AUTH_MODE=token"):
        check_executor("ray", address=ray_executor.cluster.address)


@pytest.mark.parametrize("address", ["localhost", "ray://10.0.0.1:10001", "10.0.0.1:x", "auto"])
def test_an_address_that_is_none_is_told(address, ray_home):
    with pytest.raises(UsageError, match="HOST:PORT, such as"):
        check_executor("ray", address=address)


def test_without_ray_the_pip_command_is_told(monkeypatch):
    monkeypatch.setattr(ray_cluster.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(DependencyError, match=r"install it with: pip install 'curate\[ray\]'"):
        check_executor("ray")


def test_an_address_without_ray_and_an_unknown_executor_are_refused():
    for options in ({"address": "10.0.0.1:6379"}, {"data_parallel": 2}):
        with pytest.raises(UsageError, match="add --executor ray"):
            check_executor("local", **options)
    with pytest.raises(UnknownNameError, match="did you mean ray"):
        check_executor("rey")
