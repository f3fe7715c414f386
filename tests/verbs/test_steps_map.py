"""map: beside the steps around it, the same as alone; made here where the process ended."""

import numpy as np
import pytest

from curate.find import map as map_steps
from curate.find.find import find
from curate.find.map import finish_map, map_beside


@pytest.fixture
def few_are_enough(monkeypatch):
    """48 samples are enough for a process."""
    monkeypatch.setattr(map_steps, "FEWEST_FOR_UMAP", 10)


def beside(trained, *, then=lambda process: None):
    with map_beside(trained.run, trained.images) as process:
        find(trained.run, trained.images, map_process=process)
        assert not trained.run.has("projection.npy")
        then(process)
        return finish_map(trained.run, process)


def test_the_map_made_beside_is_that_of_find(trained, few_are_enough):
    points = beside(trained)
    np.testing.assert_array_equal(points, trained.run.load_array("projection.npy"))
    assert trained.run.meta["steps"]["map"]["beside"] == "find, app" and trained.run.meta["steps"]["map"]["seconds"] >= 0
    find(trained.run, trained.images)
    np.testing.assert_array_equal(points, trained.run.load_array("projection.npy"))


def test_a_process_that_was_killed_leaves_the_map_to_this_one(trained, few_are_enough):
    def kill(process):
        process._process.kill()
        process._process.wait()

    points = beside(trained, then=kill)
    np.testing.assert_array_equal(points, trained.run.load_array("projection.npy"))
    assert "beside" not in trained.run.meta["steps"]["map"]


def test_few_samples_have_no_process(trained):
    with map_beside(trained.run, trained.images) as process:
        assert process is None
