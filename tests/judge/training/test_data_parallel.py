"""One fold trained by two workers together: what one worker with the whole batch gives, up to rounding."""

import os
import signal
from dataclasses import replace

import numpy as np
import pytest
from ray_processes import processes_with

from curate.errors import UsageError
from curate.judge.models.registry import ModelSpec
from curate.judge.training.cross_validation import cross_validate
from curate.judge.training.ray_executor import RayExecutor
from curate.judge.training.recipes import Recipe

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("one_thread")]


def validated(shapes, cpu, *, epochs=4, batch_size=9, **options):
    recipe = Recipe(epochs=epochs, batch_size=batch_size, optimizer="sgd", peak_lr=0.02, head_lr=0.02, bias_lr=0.02, shift=1, mixup=0.2)
    spec = ModelSpec("lenet5", 3, 1, (16, 16))
    return cross_validate(spec, shapes.images, shapes.labels, num_classes=3, recipe=recipe, device=cpu, num_folds=2, **options)


def test_two_workers_give_what_one_gives_up_to_rounding_even_if_one_is_killed(make_shapes, cpu, ray_executor, ray_home):
    shapes, killed = make_shapes(60), []

    def kill_once(stage, done, total, note=""):
        workers = processes_with(ray_home["RAY_AUTH_TOKEN"], "ray::RayTrainWorker")
        if workers and not killed:
            killed.append(workers[0])
            os.kill(workers[0], signal.SIGKILL)

    alone = validated(shapes, cpu)  # batches of 9: the parts are of 5 and of 4
    executor = RayExecutor(ray_executor.cluster, data_parallel=2)
    together = validated(shapes, cpu, executor=executor, progress=kill_once)
    assert killed
    assert np.abs(together.pred_probs - alone.pred_probs).max() < 1e-4 < np.abs(alone.pred_probs - 1 / 3).max()
    np.testing.assert_allclose(together.embeddings, alone.embeddings, rtol=1e-3, atol=1e-4)


def test_more_workers_than_the_cluster_has_are_told(make_shapes, cpu, ray_executor):
    executor = RayExecutor(ray_executor.cluster, data_parallel=3)
    with pytest.raises(UsageError, match=r"fold asks for 3 workers with 1 CPU each, but .* has 2 CPUs, 0 GPUs; set --data-parallel"):
        validated(make_shapes(60), cpu, executor=executor)
    with pytest.raises(UsageError, match=r"each fold asks for 3 workers with 1 GPU and 1 CPU each"):
        validated(make_shapes(60), replace(cpu, kind="cuda"), executor=executor)
