import numpy as np
import pytest

import curate.find.neighbors as exact
from curate.errors import DataError
from curate.find import neighbors as approximate
from curate.find import projection
from curate.find.neighbors import CellIndex, approximate_neighbors, find_neighbors, nearest_neighbors


@pytest.fixture(scope="module")
def clusters():
    """4,000 samples around 40 directions of a 16-dimensional space: four cells of an index."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(40, 16))
    return (np.repeat(centres, 100, axis=0) + 0.3 * rng.normal(size=(4000, 16))).astype(np.float32)


def shrink_cells(monkeypatch, size, searched=12):
    monkeypatch.setattr(approximate, "CELL", size)
    monkeypatch.setattr(approximate, "LARGEST_CELL", 2 * size)
    monkeypatch.setattr(approximate, "NUM_CELLS", searched)


def recall(found, expected):
    return np.mean([len(set(a) & set(b)) / len(b) for a, b in zip(found.tolist(), expected.tolist(), strict=True)])


def test_where_all_cells_are_searched_neighbours_are_exact(clusters):
    found, similarities = approximate_neighbors(clusters, k=6)
    expected, exact_similarities = nearest_neighbors(clusters, k=6)
    assert recall(found, expected) > 0.999  # but for the order of equals
    np.testing.assert_allclose(similarities, exact_similarities, atol=1e-5)


def test_most_neighbours_are_found_where_half_of_the_cells_is_searched(clusters, monkeypatch):
    shrink_cells(monkeypatch, 200)
    found, _ = approximate_neighbors(clusters, k=6)
    assert recall(found, nearest_neighbors(clusters, k=6)[0]) > 0.95


def test_exact_duplicates_are_found_whichever_cell_they_are_in(monkeypatch):
    shrink_cells(monkeypatch, 50, searched=1)
    once = np.random.default_rng(1).normal(size=(1000, 8))
    found, similarities = approximate_neighbors(np.concatenate([once, once]), k=1)
    np.testing.assert_array_equal(found[:, 0], np.roll(np.arange(2000), 1000))
    np.testing.assert_allclose(similarities, 1, atol=1e-6)


def test_no_sample_is_its_own_neighbour_and_none_is_named_twice(clusters):
    copies = np.concatenate([np.ones((300, 16), np.float32), np.zeros((20, 16), np.float32), clusters])
    found, _ = approximate_neighbors(copies, k=5)
    assert (found != np.arange(len(copies))[:, None]).all() and found.min() >= 0
    assert all(len(set(row)) == 5 for row in found.tolist())


def test_samples_that_are_all_the_same_take_no_square_of_memory():
    found, similarities = approximate_neighbors(np.ones((20_000, 4), np.float32), k=3)
    assert (found != np.arange(20_000)[:, None]).all()
    np.testing.assert_allclose(similarities, 1, atol=1e-6)


def test_small_cells_do_not_leave_a_sample_without_neighbours(monkeypatch):
    shrink_cells(monkeypatch, 4, searched=1)
    found, _ = approximate_neighbors(np.random.default_rng(0).normal(size=(60, 3)), k=10)
    assert found.min() >= 0 and all(len(set(row)) == 10 for row in found.tolist())


def test_the_same_seed_finds_the_same(clusters, monkeypatch):
    shrink_cells(monkeypatch, 100)
    np.testing.assert_array_equal(approximate_neighbors(clusters)[0], approximate_neighbors(clusters)[0])


def test_row_that_is_not_finite_is_named(clusters):
    spoilt = clusters.copy()
    spoilt[3210, 2] = np.inf
    with pytest.raises(DataError, match="row 3210 of embeddings is not finite"):
        CellIndex(spoilt)


def test_only_large_sets_are_searched_approximately(clusters, monkeypatch):
    monkeypatch.setattr(exact, "approximate_neighbors", lambda embeddings, **rest: "approximate")
    monkeypatch.setattr(exact, "EXACT_UP_TO", 4000)
    assert find_neighbors(clusters[:1000])[0].shape == (1000, 10)
    assert find_neighbors(np.concatenate([clusters, clusters[:1]])) == "approximate"


def test_samples_of_one_cluster_lie_together_on_the_map_of_a_large_set(clusters, monkeypatch):
    monkeypatch.setattr(projection, "EXACT_UP_TO", 3999)
    monkeypatch.setattr(projection, "NUM_FITTED", 1000)
    points = projection.project(clusters, seed=1)
    assert points.shape == (4000, 2) and points.dtype == np.float32 and np.isfinite(points).all()
    by_cluster = points.reshape(40, 100, 2)
    centres = np.median(by_cluster, axis=1)
    nearest = np.linalg.norm(points[:, None] - centres, axis=2).argmin(axis=1)
    assert (nearest == np.repeat(np.arange(40), 100)).mean() > 0.95
