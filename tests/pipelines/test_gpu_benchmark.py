"""The benchmark of GPUs, tried on the CPU: it reads its files in parts, and each way of training gives a whole row."""

import json
import os
import subprocess
import sys
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


@pytest.mark.parametrize("how", ["array", "files"])
def test_features_are_computed_from_the_array_and_from_files(gpu_benchmark, folder, how, tmp_path, monkeypatch):
    monkeypatch.setenv("CURATE_DATA", str(tmp_path / "data"))
    row = next(row for row in gpu_benchmark.ROWS if row["how"] == how)
    if how == "files":
        row = {**row, "photographs": str(tmp_path / "photographs")}
        gpu_benchmark.write_photographs(tmp_path / "photographs", *gpu_benchmark.read("cifar10", folder, 6))
    measured = gpu_benchmark.measure_features(row, folder, "cpu", 6, time.time())
    assert measured["num_computed"] == 6 and measured["seconds"] >= measured["seconds_of_start"] > 0
    assert 0 < measured["share_of_the_rate"] < 1


BARE = """
import runpy, sys

for name in sys.argv[1].split(","):
    sys.modules[name] = None  # any import of it fails
sys.argv = sys.argv[2:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""
MISSING = (
    "bson,cleanlab,faiss,fiftyone,matplotlib,numba,pandas,platformdirs,psutil,pyarrow,pymongo,ray,rich,safetensors,skorch,timm,typer,umap"
)
"""What curate and its extras bring along; a GPU machine may have torch, torchvision, numpy, scikit-learn and what comes with them only."""


@pytest.mark.slow
@pytest.mark.parametrize("how", ["default", "array", "files"])
def test_a_row_needs_nothing_but_what_a_bare_gpu_machine_has(gpu_benchmark, folder, tmp_path, how):
    row = next(row for row in gpu_benchmark.ROWS if row["how"] == how)
    if how == "files":
        row = {**row, "photographs": str(tmp_path / "photographs")}
        gpu_benchmark.write_photographs(tmp_path / "photographs", *gpu_benchmark.read("cifar10", folder, 6))
    limit = "60" if how == "default" else "6"
    told = json.dumps({**row, "started": time.time()})
    command = [sys.executable, "-c", BARE, MISSING, gpu_benchmark.__file__, str(folder), "--device", "cpu", "--limit", limit, "--row", told]
    environment = {**os.environ, "CURATE_DATA": str(tmp_path / "data"), "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["seconds"] > 0


def test_every_row_is_of_a_model_and_a_recipe_that_there_are(gpu_benchmark):
    from dataclasses import replace

    from curate.judge.training.recipes import preset_for

    for row in gpu_benchmark.ROWS:
        if row["model"] == "vit-s16":
            assert gpu_benchmark.vit_s16().dimensions == 384
            continue
        replace(preset_for(row["model"], row["preset"], in_channels=3).recipe, **row.get("recipe", {}))
