import os
import subprocess
import sys

import numpy as np
import pytest

from curate.find.neighbors import nearest_neighbors
from curate.find.projection import project


@pytest.fixture(scope="module")
def clusters():
    """Three well separated directions, 60 samples each."""
    rng = np.random.default_rng(0)
    return np.repeat(np.eye(3, 8) * 10, 60, axis=0) + rng.normal(size=(180, 8))


def test_samples_of_one_cluster_lie_together(clusters):
    points = project(clusters, nearest_neighbors(clusters))
    centres = points.reshape(3, 60, 2).mean(axis=1)
    nearest = np.linalg.norm(points[:, None] - centres, axis=2).argmin(axis=1)
    assert (nearest == np.repeat([0, 1, 2], 60)).all()


def test_same_seed_gives_the_same_map(clusters):
    np.testing.assert_array_equal(project(clusters, seed=3), project(clusters, seed=3))


def test_neighbours_that_are_given_are_the_ones_used(clusters):
    np.testing.assert_array_equal(project(clusters, nearest_neighbors(clusters)), project(clusters))


@pytest.mark.parametrize("num_samples", [1, 2, 49])
def test_few_samples_are_placed_by_principal_components(num_samples):
    embeddings = np.random.default_rng(0).normal(size=(num_samples, 5)) * [10, 3, 0.1, 0.1, 0.1]
    points = project(embeddings)
    assert points.shape == (num_samples, 2) and points.dtype == np.float32 and np.isfinite(points).all()


def test_map_is_float32_and_finite(clusters):
    points = project(clusters)
    assert points.shape == (180, 2) and points.dtype == np.float32 and np.isfinite(points).all()


COMPILED = """
import numpy as np
from curate.find.projection import load_umap, project

project(np.random.default_rng(0).normal(size=(60, 4)))
epoch = load_umap().layouts._nb_optimize_layout_euclidean_single_epoch
print(sum(epoch.stats.cache_hits.values()), sum(epoch.stats.cache_misses.values()))
"""


@pytest.mark.slow
def test_what_one_process_compiled_no_other_compiles_again(tmp_path):
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    told = [subprocess.run([sys.executable, "-c", COMPILED], env=environment, capture_output=True, text=True) for _ in range(2)]
    assert [done.stdout.split() for done in told] == [["0", "1"], ["1", "0"]], told[0].stderr + told[1].stderr
