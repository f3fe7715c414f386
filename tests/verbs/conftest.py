"""A small image folder with two splits and three wrong labels, and the run that was made from it."""

import shutil
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from making import train

from curate.data.load import load
from curate.find.find import find
from curate.options import LookFor
from curate.run import Run

NUM, NUM_TEST = 48, 12
OPTIONS = {"model": "lenet5", "preset": "quick", "num_folds": 2, "device": "cpu"}


@pytest.fixture(autouse=True)
def few_threads(one_thread):
    """Every test here trains on one thread."""


@pytest.fixture(scope="session")
def shape_folder(make_shapes, write_shapes, tmp_path_factory):
    """Its first, fifth and ninth training images are filed under a wrong class."""
    shapes = make_shapes(NUM, num_test=NUM_TEST)
    labels = shapes.labels.copy()
    labels[[0, 4, 8]] = (labels[[0, 4, 8]] + 1) % 3
    return write_shapes(replace(shapes, labels=labels), tmp_path_factory.mktemp("folder") / "shapes")


@pytest.fixture
def data(tmp_path, monkeypatch):
    """A data folder of its own."""
    monkeypatch.setenv("CURATE_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


@pytest.fixture
def shapes(shape_folder, data):
    return load(str(shape_folder))


@pytest.fixture(scope="session")
def trained_once(shape_folder, tmp_path_factory):
    """The folder of a run of the shapes, which nobody changes."""
    folder = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CURATE_DATA", str(folder))
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        run = train(load(str(shape_folder)), folder / "runs" / "shapes", **OPTIONS)
        torch.set_num_threads(threads)
    return run.path


@pytest.fixture
def trained(trained_once, shapes, data):
    """A run and its images; `true` are the right labels."""
    run = Run.open(shutil.copytree(trained_once, data / "runs" / "shapes"))
    drawn = np.array([int(sample_id[-8:-4]) for sample_id in shapes.sample_ids.tolist()]) % 3  # across, down, disc
    return SimpleNamespace(run=run, images=shapes, true=np.array([0, 2, 1])[drawn])  # by name: across, disc, down


@pytest.fixture
def sure_probs(trained, tmp_path):
    """A file of probabilities that know the right labels."""
    probs = np.full((NUM, 3), 0.02, np.float64)
    probs[np.arange(NUM), trained.true] = 0.96
    np.save(tmp_path / "sure.npy", probs)
    return tmp_path / "sure.npy"


@pytest.fixture
def found(trained, sure_probs):
    """The run with an issue table that flags the three wrong labels."""
    find(trained.run, trained.images, pred_probs=sure_probs, look_for=LookFor(method="predicted_neq_given"))
    return trained


@pytest.fixture
def no_training(monkeypatch):
    """Any step of training fails the test."""

    def fail(*_args, **_options):
        raise AssertionError("something was trained")

    monkeypatch.setattr(torch.Tensor, "backward", fail)
