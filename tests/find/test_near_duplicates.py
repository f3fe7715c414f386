import numpy as np

from curate.find.near_duplicates import find_leaks, find_near_duplicates
from curate.find.neighbors import nearest_neighbors


def with_copies(num_samples=200, seed=0):
    """Embeddings in which 150 and 151 are almost sample 3, and everything else is far apart."""
    embeddings = np.random.default_rng(seed).normal(size=(num_samples, 16))
    embeddings[150] = embeddings[3] + 1e-3
    embeddings[151] = embeddings[3] - 1e-3
    return nearest_neighbors(embeddings, k=5)


def test_almost_equal_samples_share_a_set():
    found = find_near_duplicates(*with_copies())
    assert np.flatnonzero(found.is_duplicate_issue).tolist() == [3, 150, 151]
    assert found.duplicate_set[[3, 150, 151]].tolist() == [0, 0, 0]


def test_samples_without_duplicates_have_no_set_and_a_higher_score():
    found = find_near_duplicates(*with_copies())
    others = ~found.is_duplicate_issue
    assert (found.duplicate_set[others] == -1).all()
    assert found.duplicate_score[others].min() > found.duplicate_score[[3, 150, 151]].max()


def test_exact_duplicates_share_a_set_even_when_they_are_no_neighbours():
    groups = np.arange(200)
    groups[[8, 60, 120]] = 8
    found = find_near_duplicates(*with_copies(), groups=groups)
    assert len(set(found.duplicate_set[[8, 60, 120]])) == 1 and found.duplicate_set[8] >= 0
    assert (found.duplicate_score[[8, 60, 120]] == 0).all()
    assert found.is_duplicate_issue.sum() == 6


def test_negative_groups_mean_no_duplicates():
    assert find_near_duplicates(*with_copies(), groups=np.full(200, -1)).is_duplicate_issue.sum() == 3


def test_sets_are_numbered_in_dataset_order():
    groups = np.arange(200)
    groups[[1, 2]] = 1
    sets = find_near_duplicates(*with_copies(), groups=groups).duplicate_set
    assert sets[1] == 0 and sets[3] == 1


def test_set_that_spans_two_splits_leaks():
    splits = np.array(["train", "train", "test", "train", "test"])
    leaks = find_leaks(np.array([0, 1, 1, 0, -1]), splits)
    assert leaks.tolist() == [False, True, True, False, False]


def test_no_sets_leak_nothing():
    assert not find_leaks(np.full(3, -1), np.array(["train", "test", "test"])).any()


def test_dense_class_is_not_one_set_of_duplicates():
    rng = np.random.default_rng(0)
    dense = np.ones((100, 16)) + rng.normal(scale=0.02, size=(100, 16))
    neighbors = nearest_neighbors(np.concatenate([rng.normal(size=(300, 16)), dense]))
    assert find_near_duplicates(*neighbors).is_duplicate_issue.sum() == 0


def test_copies_are_found_even_when_they_fill_every_place_among_the_neighbours():
    embeddings = np.random.default_rng(0).normal(size=(100, 16))
    embeddings[:20] = embeddings[0]
    found = find_near_duplicates(*nearest_neighbors(embeddings, k=5))
    assert np.flatnonzero(found.is_duplicate_issue).tolist() == list(range(20))
