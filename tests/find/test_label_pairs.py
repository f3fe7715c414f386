import numpy as np

from curate.find.classes import label_pairs

NAMES = ["cat", "dog", "eel"]


def test_most_frequent_pair_of_flagged_samples_comes_first():
    labels, suggested = np.array([0, 1, 1, 2, 2]), np.array([1, 2, 2, 0, 1])
    pairs = label_pairs(labels, suggested, np.array([True, True, True, True, False]), np.full(5, 0.1), NAMES)
    assert pairs.to_numpy().tolist() == [["dog", "eel", 2], ["cat", "dog", 1], ["eel", "cat", 1]]


def test_of_equally_frequent_pairs_that_of_the_worst_label_comes_first():
    labels, suggested = np.array([0, 1, 2, 2]), np.array([1, 2, 0, 0])
    pairs = label_pairs(labels, suggested, np.array([True, True, True, False]), np.array([0.3, 0.1, 0.2, 0.0]), NAMES)
    assert pairs.to_numpy().tolist() == [["dog", "eel", 1], ["eel", "cat", 1], ["cat", "dog", 1]]


def test_unflagged_disagreements_and_unlabelled_samples_are_left_out():
    assert label_pairs(np.array([0, -1]), np.array([1, -1]), np.array([False, False]), np.zeros(2), NAMES).empty
