"""Threads and processes side by side: the same arrays as in one, and their end is told."""

import os
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from multiprocessing import active_children

import numpy as np
import pytest
import torch

from curate.errors import CurateError, DataError, StorageError
from curate.judge.models.registry import ModelSpec
from curate.judge.training.cross_validation import cross_validate
from curate.judge.training.jobs import FoldJob, FoldWork
from curate.judge.training.local_executor import LARGEST_COPY, evened, job_threads, num_processes
from curate.judge.training.recipes import Recipe

pytestmark = pytest.mark.usefixtures("one_thread")


class InThreads(ModelSpec):
    """Makes nets that are not too small for threads."""

    def __call__(self, seed, **options):
        net = super().__call__(seed, **options)
        net.is_tiny = False
        return net


class InProcesses(ModelSpec):
    """Makes nets that say that they draw from torch's global generators."""

    def __call__(self, seed, **options):
        net = super().__call__(seed, **options)
        net.draws_globally = True
        return net


def validated(shapes, cpu, *, epochs=1, peak_lr=0.005, kind=InProcesses, **options):
    recipe = Recipe(epochs=epochs, batch_size=20, optimizer="sgd", peak_lr=peak_lr, head_lr=peak_lr, bias_lr=peak_lr, shift=1)
    spec = kind("lenet5", 3, 1, (16, 16))
    return cross_validate(spec, shapes.images, shapes.labels, num_classes=3, recipe=recipe, device=cpu, num_folds=3, **options)


class Weights(dict):
    """A store that keeps nothing but weights and curves."""

    def load(self, name):
        return None

    def save(self, name, array):
        if name.startswith("curve"):
            self[name] = array

    def save_model(self, name, model):
        self.update({f"{name} {key}": value.numpy().copy() for key, value in model.state_dict().items()})


def test_two_processes_give_the_same_arrays_and_weights_as_none(make_shapes, cpu):
    shapes, told, here, there = make_shapes(45), [], Weights(), Weights()
    alone = validated(shapes, cpu, store=here)
    result = validated(shapes, cpu, num_workers=2, store=there, progress=lambda stage, done, total, note="": told.append(done))
    assert result.pred_probs.tobytes() == alone.pred_probs.tobytes()
    assert result.embeddings.tobytes() == alone.embeddings.tobytes() and np.array_equal(result.fold, alone.fold)
    assert here.keys() == there.keys() and {"curve-r0-f2", "models/fold-2 conv1.weight", "model conv1.weight"} <= here.keys()
    assert all(np.array_equal(here[key], there[key]) for key in here)
    assert told == sorted(told) and told[-1] == 3


def test_threads_give_the_same_arrays_and_weights_as_none(make_shapes, cpu):
    shapes, told, here, there = make_shapes(45), [], Weights(), Weights()
    alone = validated(shapes, cpu, store=here)
    result = validated(
        shapes, cpu, kind=InThreads, num_workers=2, store=there, progress=lambda stage, done, total, note="": told.append(done)
    )
    assert result.pred_probs.tobytes() == alone.pred_probs.tobytes() and result.embeddings.tobytes() == alone.embeddings.tobytes()
    assert here.keys() == there.keys() and all(np.array_equal(here[key], there[key]) for key in here)
    assert told == sorted(told) and told[-1] == 3


def test_tiny_nets_train_in_processes_with_one_core_each_and_give_the_same_arrays(make_shapes, cpu, monkeypatch):
    monkeypatch.delattr("curate.judge.training.local_executor.run_in_threads")
    shapes, cores = make_shapes(45), replace(cpu, threads=2)
    alone, beside = (validated(shapes, cores, kind=ModelSpec, num_workers=n) for n in (1, 2))
    assert alone.pred_probs.tobytes() == beside.pred_probs.tobytes()


def test_nets_with_dropout_repeat_in_threads(make_shapes, cpu):
    images, labels = make_shapes(45).images, make_shapes(45).labels
    options = {"num_classes": 3, "recipe": Recipe(epochs=2, batch_size=10), "device": cpu, "num_folds": 3}
    alone, beside = (cross_validate(ModelSpec("mnist-cnn", 3, 1, (16, 16)), images, labels, num_workers=n, **options) for n in (1, 2))
    assert alone.pred_probs.tobytes() == beside.pred_probs.tobytes()


def test_threads_leave_the_global_generator_and_the_number_of_threads_as_they_were(make_shapes, cpu):
    before = torch.get_rng_state(), torch.get_num_threads()
    validated(make_shapes(45), cpu, kind=InThreads, num_workers=2)
    assert torch.equal(torch.get_rng_state(), before[0]) and torch.get_num_threads() == before[1]


def test_what_goes_wrong_in_a_thread_is_told_as_it_would_be_here_and_ends_the_others(make_shapes, cpu):
    before = threading.active_count()
    with pytest.raises(DataError, match=r"the training of fold [012] diverged"):
        validated(make_shapes(45), cpu, kind=InThreads, peak_lr=1e20, num_workers=2)
    assert threading.active_count() == before


def test_ctrl_c_ends_the_threads_at_the_next_step(make_shapes, cpu):
    def stop(stage, done, total, note=""):
        raise KeyboardInterrupt

    before = threading.active_count()
    with pytest.raises(KeyboardInterrupt):
        validated(make_shapes(300), cpu, kind=InThreads, epochs=3000, num_workers=2, progress=stop)
    assert threading.active_count() == before


def test_no_core_waits_at_the_end_where_a_few_more_jobs_side_by_side_can_help():
    assert [evened(2, jobs) for jobs in (2, 3, 4, 5, 15)] == [2, 3, 2, 3, 3]
    assert evened(4, 5) == 5 and evened(1, 5) == 1


def test_many_cores_are_shared_out_among_the_folds(make_shapes, cpu):
    jobs, shapes = [FoldJob(0, fold) for fold in range(5)], make_shapes(45)
    given = shapes.images, shapes.labels, np.zeros((1, 45), np.int16), shapes.labels >= 0, Recipe(epochs=1)

    def threads(cores, name="mnist-cnn"):
        device = replace(cpu, threads=cores)
        work = FoldWork(ModelSpec(name, 3, 1, (16, 16)), *given, device, 0)
        return list(job_threads(work, jobs, num_processes(5, 1000, device)).values())

    assert [threads(cores) for cores in (2, 8, 12, 64)] == [[1] * 5, [1] * 5, [2] * 5, [12] * 5]
    assert threads(64, "lenet5") == [1] * 5


@pytest.mark.slow
def test_what_goes_wrong_in_a_process_is_told_as_it_would_be_here(make_shapes, cpu):
    with pytest.raises(DataError, match=r"the training of fold [012] diverged"):
        validated(make_shapes(45), cpu, peak_lr=1e20, num_workers=2)


@pytest.mark.slow
def test_a_process_that_is_killed_is_told(make_shapes, cpu):
    def kill(stage, done, total, note=""):
        for child in active_children():
            os.kill(child.pid, signal.SIGKILL)

    with pytest.raises(CurateError, match="ended by signal 9, perhaps out of memory; finished folds are kept"):
        validated(make_shapes(300), cpu, epochs=3000, num_workers=2, progress=kill)
    assert not active_children()


def test_small_sets_on_a_cpu_get_a_process_per_thread(cpu):
    assert [num_processes(jobs, 1000, replace(cpu, threads=4)) for jobs in (1, 3, 15)] == [1, 3, 4]
    assert num_processes(15, LARGEST_COPY + 1, replace(cpu, threads=4)) == 1
    assert num_processes(15, 1000, replace(cpu, kind="cuda", threads=4)) == 1


@pytest.mark.slow
def test_ctrl_c_ends_the_processes_at_once(make_shapes, cpu):
    def stop(stage, done, total, note=""):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as kept:  # holds the traceback, as a notebook does
        validated(make_shapes(300), cpu, epochs=3000, num_workers=2, progress=stop)
    assert kept.tb is not None and not active_children()


class FullDisk(Weights):
    def save(self, name, array):
        if name != "fold":
            raise StorageError("the disk is full")


@pytest.mark.slow
def test_a_full_disk_ends_the_processes_at_once(make_shapes, cpu):
    with pytest.raises(StorageError) as kept:
        validated(make_shapes(45), cpu, epochs=300, num_workers=2, store=FullDisk())
    assert kept.tb is not None and not active_children()


UNGUARDED = """
import numpy as np
from curate.judge.models.registry import ModelSpec
from curate.judge.training.cross_validation import cross_validate
from curate.judge.training.device import Device
from curate.judge.training.recipes import Recipe

images = np.random.default_rng(0).integers(0, 256, (30, 1, 32, 32)).astype(np.uint8)
options = {"num_classes": 3, "recipe": Recipe(epochs=1), "device": Device("cpu", "CPU", "float32", 1), "num_folds": 2}
cross_validate(ModelSpec("resnet18", 3, 1, (32, 32)), images, np.arange(30) % 3, num_workers=2, **options)
"""


@pytest.mark.slow
def test_a_script_without_a_main_guard_is_told_what_it_lacks(tmp_path):
    (tmp_path / "script.py").write_text(UNGUARDED)
    done = subprocess.run([sys.executable, tmp_path / "script.py"], capture_output=True, text=True, timeout=120)
    assert "must call curate inside `if __name__ == '__main__':`" in done.stderr
