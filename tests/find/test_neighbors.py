import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate import nearest
from curate.errors import DataError
from curate.find.neighbors import nearest_neighbors


def brute_force(embeddings, k):
    unit = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    similarities = unit @ unit.T
    np.fill_diagonal(similarities, -np.inf)
    indices = np.argsort(-similarities, axis=1, kind="stable")[:, :k]
    return indices, np.take_along_axis(similarities, indices, axis=1)


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 1500), st.integers(1, 40), st.integers(1, 20), st.integers(0, 100))
def test_neighbours_are_those_of_brute_force(num_samples, dimensions, k, seed):
    embeddings = np.random.default_rng(seed).normal(size=(num_samples, dimensions))
    indices, similarities = nearest_neighbors(embeddings, k=k)
    _, expected = brute_force(embeddings, min(k, num_samples - 1))
    np.testing.assert_allclose(similarities, expected, atol=1e-5)
    unit = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    np.testing.assert_allclose((unit[:, None] * unit[indices]).sum(axis=2), similarities, atol=1e-5)


@pytest.mark.parametrize("num_samples", [64, 65, 127, 128, 129, 300, 333])
@pytest.mark.parametrize("k", [1, 10, 40])
def test_pairs_are_compared_across_blocks_of_which_the_last_is_smaller(monkeypatch, num_samples, k):
    monkeypatch.setattr(nearest, "BLOCK", 64)
    embeddings = np.random.default_rng(num_samples).normal(size=(num_samples, 6))
    indices, similarities = nearest_neighbors(embeddings, k=k)
    expected_indices, expected = brute_force(embeddings, k)
    np.testing.assert_allclose(similarities, expected, atol=1e-6)
    assert (indices == expected_indices).mean() > 0.99  # but for the order of equals


def test_opposite_samples_are_never_hidden_by_padding(monkeypatch):
    monkeypatch.setattr(nearest, "BLOCK", 64)
    embeddings = np.zeros((70, 70))
    np.fill_diagonal(embeddings, 1)
    embeddings -= 0.1  # all similarities are negative, those of padding would be 0
    indices, similarities = nearest_neighbors(embeddings, k=69)
    assert (np.sort(indices, axis=1) == [[j for j in range(70) if j != i] for i in range(70)]).all() and np.isfinite(similarities).all()


def test_no_sample_is_its_own_neighbour_even_among_copies():
    indices, similarities = nearest_neighbors(np.ones((700, 4)), k=5)
    assert (indices != np.arange(700)[:, None]).all()
    assert all(len(set(row)) == 5 for row in indices)
    assert similarities.max() <= 1


def test_shapes_and_types_are_those_of_the_contract():
    indices, similarities = nearest_neighbors(np.random.default_rng(0).normal(size=(20, 3)).astype(np.float16))
    assert (indices.shape, indices.dtype, similarities.dtype) == ((20, 10), np.int64, np.float32)


def test_fewer_samples_than_neighbours_gives_all_others():
    assert sorted(nearest_neighbors(np.eye(4), k=10)[0][2].tolist()) == [0, 1, 3]


def test_row_of_zeros_is_similar_to_nothing():
    embeddings = np.random.default_rng(0).normal(size=(30, 5))
    embeddings[4] = 0
    assert (nearest_neighbors(embeddings)[1][4] == 0).all()


def test_row_that_is_not_finite_is_named():
    embeddings = np.ones((5, 2))
    embeddings[3, 1] = np.nan
    with pytest.raises(DataError, match="row 3 of embeddings is not finite"):
        nearest_neighbors(embeddings)


@pytest.mark.parametrize("shape", [(1, 4), (0, 4), (4,)])
def test_too_few_samples_or_another_shape_is_refused(shape):
    with pytest.raises(DataError, match="at least 2 samples"):
        nearest_neighbors(np.ones(shape))


def test_progress_ends_at_the_number_of_samples():
    seen = []
    nearest_neighbors(
        np.random.default_rng(0).normal(size=(1100, 4)), progress=lambda stage, done, total, note="": seen.append((stage, done, total))
    )
    assert seen[-1] == ("neighbors", 1100, 1100) and len(seen) > 1


def test_an_array_that_cannot_be_written_to_is_taken_without_a_warning():
    embeddings = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
    embeddings.flags.writeable = False
    assert nearest_neighbors(embeddings, k=2)[0].shape == (20, 2)
