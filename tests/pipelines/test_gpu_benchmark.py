"""The benchmark of GPUs, tried on the CPU: it reads its files in parts, and each way of training gives a whole row."""

import time
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def gpu_benchmark(monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parents[2] / "pipelines")
    import gpu_benchmark

    return gpu_benchmark


@pytest.fixture
def folder(make_shapes, tmp_path):
    for name, channels, size in (("mnist", 1, 28), ("cifar10", 3, 32)):
        shapes = make_shapes(60, channels=channels, size=size)
        np.save(tmp_path / f"{name}-labels.npy", shapes.labels)
        for part in range(2):
            np.save(tmp_path / f"{name}-images-{part}.npy", shapes.images[30 * part : 30 * part + 30])
    return tmp_path


@pytest.mark.parametrize("how", ["default", "one by one", "recorded"])
def test_each_way_gives_a_row(gpu_benchmark, folder, how):
    row = next(row for row in gpu_benchmark.ROWS if row["how"] == how and row["dataset"] == "mnist")
    measured = gpu_benchmark.measure({**row, "recipe": {"epochs": 1}}, folder, "cpu", None, time.time())
    assert measured["seconds"] >= measured["seconds_of_start"] > 0 and 0 < measured["accuracy"] <= 1
    assert 0 < measured["share_of_the_rate"] < 1 and measured["how"] == how


def test_the_check_compares_stacked_nets_with_those_trained_one_by_one(gpu_benchmark, folder):
    differences = gpu_benchmark.check(folder, "cpu")
    assert set(differences) == {"stacked", "recorded"} and max(differences.values()) < 1e-3


def test_every_row_is_of_a_model_and_a_recipe_that_there_are(gpu_benchmark):
    from dataclasses import replace

    from curate.judge.training.recipes import preset_for

    for row in gpu_benchmark.ROWS:
        replace(preset_for(row["model"], row["preset"], in_channels=3).recipe, **row.get("recipe", {}))
