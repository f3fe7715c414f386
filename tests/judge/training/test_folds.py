"""Folds: even, never dividing a group, repeatable."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from curate.errors import DataError, UsageError
from curate.judge.training.folds import assign_folds

LABELS = hnp.arrays(np.int64, st.integers(1, 60), elements=st.integers(0, 3))


@given(LABELS, st.integers(2, 5), st.integers(0, 2**31), st.data())
@settings(deadline=None)
def test_every_class_and_each_of_its_splits_is_spread_within_one(some, num_folds, seed, data):
    labels = np.concatenate([np.repeat(np.unique(some), num_folds), some])  # enough of each class
    strata = data.draw(hnp.arrays(np.int64, len(labels), elements=st.integers(0, 1)))
    fold = assign_folds(labels, num_folds=num_folds, seed=seed, strata=strata)
    for label in np.unique(labels):
        parts = [labels == label, *((labels == label) & (strata == stratum) for stratum in (0, 1))]
        for part in parts:
            counts = np.bincount(fold[part], minlength=num_folds)
            assert counts.max() - counts.min() <= 1


@given(LABELS, st.integers(2, 4), st.integers(0, 2**31), st.data())
@settings(deadline=None)
def test_no_group_is_divided_and_every_fold_is_used(some, num_folds, seed, data):
    labels = np.concatenate([np.repeat(np.unique(some), num_folds), some])
    groups = np.arange(len(labels))
    alike = data.draw(hnp.arrays(np.int64, len(some), elements=st.integers(0, len(labels) - 1)))
    groups[len(labels) - len(some) :] = alike  # some are copies of others, whatever their labels
    try:
        fold = assign_folds(labels, num_folds=num_folds, seed=seed, groups=groups)
    except DataError as error:
        assert "distinct" in str(error)
        return
    assert all(len(np.unique(fold[groups == group])) == 1 for group in np.unique(groups))
    assert np.unique(fold).tolist() == list(range(num_folds))


@given(LABELS, st.integers(2, 5), st.integers(0, 2**31), st.data())
@settings(deadline=None)
def test_no_class_is_held_out_whole(some, num_folds, seed, data):
    labels = np.concatenate([np.repeat(np.unique(some), num_folds), some])
    strata = data.draw(hnp.arrays(np.int64, len(labels), elements=st.integers(0, 2)))
    fold = assign_folds(labels, num_folds=num_folds, seed=seed, strata=strata)
    for held_out in range(num_folds):
        assert set(labels[fold != held_out]) == set(labels)


def test_the_same_seed_divides_alike_and_another_one_otherwise():
    labels = np.arange(100) % 4
    first, again, other = (assign_folds(labels, num_folds=5, seed=seed) for seed in (3, 3, 4))
    assert (first == again).all() and (first != other).any()


def test_unlabelled_samples_are_spread_evenly():
    labels = np.r_[np.arange(40) % 2, np.full(25, -1)]
    fold = assign_folds(labels, num_folds=5, seed=0)
    assert np.bincount(fold[labels < 0]).tolist() == [5] * 5


def test_a_class_with_one_sample_is_named():
    labels = np.r_[np.repeat(np.arange(7), 10), 7]
    with pytest.raises(DataError, match="class seven has 1 distinct sample to train on, fewer than the 5 folds; add samples"):
        assign_folds(labels, num_folds=5, seed=0, class_names=("zero", "one", "two", "three", "four", "five", "six", "seven"))


def test_copies_of_one_sample_count_once():
    labels, groups = np.repeat([0, 1], 6), np.r_[np.zeros(6, int), np.arange(1, 7)]
    with pytest.raises(DataError, match="class 0 has 1 distinct sample "):
        assign_folds(labels, num_folds=2, seed=0, groups=groups)


def test_samples_that_are_not_trained_on_do_not_make_a_class_frequent_enough():
    labels, trainable = np.repeat([0, 1], 6), np.r_[np.arange(6) < 3, np.ones(6, bool)]
    with pytest.raises(DataError, match="class 0 has 3 distinct samples to train on, fewer than the 4 folds; use --folds 3,"):
        assign_folds(labels, num_folds=4, seed=0, trainable=trainable)


def test_one_fold_is_refused():
    with pytest.raises(UsageError, match="at least 2 folds, found 1"):
        assign_folds(np.array([0, 1]), num_folds=1, seed=0)


@pytest.mark.parametrize("seed", range(40))
def test_every_fold_leaves_something_to_learn_from_or_it_is_said(seed):
    rng = np.random.default_rng(seed)
    num = int(rng.integers(1, 7))
    labels, groups = rng.integers(0, 2, num), rng.integers(0, 3, num)
    trainable = rng.random(num) < 0.7
    num_folds = int(rng.integers(2, 4))
    try:
        fold = assign_folds(labels, num_folds=num_folds, seed=seed, groups=groups, trainable=trainable, keep_rare=True)
    except DataError as error:
        assert "to learn from are all the same picture or of one group; add others" in str(error)
        return
    assert not trainable.any() or all((trainable & (fold != held)).any() for held in range(num_folds))
