import multiprocessing

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.errors import DataError, UnknownNameError
from curate.find.confident_joint import confident_joint_errors
from curate.find.label_issues import METHODS, find_label_issues, rank_of
from curate.find.ranking import pairwise_quality


def made_up(num_samples=600, num_classes=4, noise=0.1, seed=0):
    """True labels, given labels of which `noise` are flipped, and probabilities that mostly know the truth."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(num_classes, size=num_samples)
    labels = truth.copy()
    flipped = rng.random(num_samples) < noise
    labels[flipped] = (truth[flipped] + rng.integers(1, num_classes, flipped.sum())) % num_classes
    logits = rng.normal(size=(num_samples, num_classes)) + 5 * np.eye(num_classes)[truth]
    probs = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return truth, labels, probs.astype(np.float32)


@pytest.mark.parametrize("method", METHODS)
def test_planted_flips_are_found(method):
    truth, labels, probs = made_up()
    found = find_label_issues(labels, probs, method=method).is_label_issue
    wrong = truth != labels
    assert (found & wrong).sum() / wrong.sum() > 0.9
    assert (found & wrong).sum() / found.sum() > 0.9


@pytest.mark.parametrize("method", METHODS)
def test_unlabelled_samples_change_nothing_for_the_others(method):
    _, labels, probs = made_up()
    extra = np.full((50, 4), 0.25, dtype=np.float32)
    alone = find_label_issues(labels, probs, method=method)
    mixed = find_label_issues(np.concatenate([np.full(50, -1), labels]), np.concatenate([extra, probs]), method=method)
    np.testing.assert_array_equal(mixed.is_label_issue[50:], alone.is_label_issue)
    assert not mixed.is_label_issue[:50].any()


def test_unlabelled_samples_have_no_quality_no_suggestion_and_the_last_ranks():
    _, labels, probs = made_up()
    labels[:3] = -1
    found = find_label_issues(labels, probs)
    assert np.isnan(found.label_quality[:3]).all() and np.isnan(found.suggested_confidence[:3]).all()
    assert (found.suggested[:3] == -1).all()
    assert found.rank[:3].tolist() == [598, 599, 600]


def test_all_unlabelled_flags_nothing():
    _, labels, probs = made_up()
    assert not find_label_issues(np.full_like(labels, -1), probs).is_label_issue.any()


@pytest.mark.parametrize("method", METHODS)
def test_class_without_labels_can_be_suggested(method):
    _, labels, probs = made_up()
    labels[labels == 3] = 2
    found = find_label_issues(labels, probs, method=method)
    assert (found.suggested == 3).any()


@pytest.mark.parametrize("method", METHODS)
def test_class_with_one_label_does_not_break(method):
    _, labels, probs = made_up()
    labels[np.flatnonzero(labels == 3)[1:]] = 0
    assert find_label_issues(labels, probs, method=method).is_label_issue.any()


def test_suggestion_is_the_best_class_other_than_the_given():
    labels, probs = np.array([0, 0, 1]), np.array([[0.5, 0.2, 0.3], [0.1, 0.3, 0.6], [0.2, 0.7, 0.1]])
    found = find_label_issues(labels, probs, method="predicted_neq_given")
    assert found.suggested.tolist() == [-1, 2, -1]
    assert found.suggested_confidence[1] == pytest.approx(0.6)


def test_every_flagged_sample_has_a_suggestion_that_is_not_its_label():
    _, labels, probs = made_up(noise=0.4)
    for method in METHODS:
        found = find_label_issues(labels, probs, method=method)
        flagged = found.is_label_issue
        assert (found.suggested[flagged] >= 0).all() and (found.suggested[flagged] != labels[flagged]).all()


def test_certain_and_impossible_labels_have_quality_one_and_zero():
    probs = np.array([[1.0, 0.0, 0.0]] * 3)
    assert pairwise_quality(np.array([0, 1, 2]), probs).tolist() == [1, 0, 0]


@settings(max_examples=50, deadline=None)
@given(st.integers(2, 6), st.integers(0, 10_000))
def test_quality_ranks_as_the_log_margin(num_classes, seed):
    rng = np.random.default_rng(seed)
    probs = rng.dirichlet(np.ones(num_classes), size=30)
    labels = rng.integers(num_classes, size=30)
    own = probs[np.arange(30), labels]
    other = np.where(np.eye(num_classes, dtype=bool)[labels], 0, probs).max(axis=1)
    margin = np.log(own) - np.log(other)
    quality = pairwise_quality(labels, probs)
    assert (np.diff(quality[np.argsort(margin)]) >= 0).all()


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sampled_from([0.1, 0.5, 0.9, float("nan")]), min_size=1, max_size=20))
def test_ranks_are_a_permutation_with_ties_in_dataset_order(quality):
    rank = rank_of(np.array(quality))
    assert sorted(rank) == list(range(1, len(quality) + 1))
    keys = [(value != value, value if value == value else 0, place) for place, value in enumerate(quality)]
    assert np.argsort(rank).tolist() == [place for *_, place in sorted(keys)]


def test_unknown_method_names_the_nearest():
    with pytest.raises(UnknownNameError, match="did you mean prune_by_class"):
        find_label_issues([0, 1], np.full((2, 2), 0.5), method="prune_by_clas")


def test_lengths_that_differ_are_refused():
    with pytest.raises(DataError, match="2 rows but there are 3 labels"):
        find_label_issues([0, 1, 1], np.full((2, 2), 0.5))


def test_no_process_is_started_and_no_probability_is_changed(monkeypatch):
    _, labels, probs = made_up()
    before = probs.copy()
    monkeypatch.setattr(multiprocessing, "Pool", None)
    find_label_issues(labels, probs, method="prune_by_noise_rate")
    np.testing.assert_array_equal(probs, before)


def test_by_default_the_flagged_are_the_first_in_rank():
    _, labels, probs = made_up(noise=0.3)
    labels[5:9] = -1
    found = find_label_issues(labels, probs)
    assert sorted(found.rank[found.is_label_issue]) == list(range(1, found.is_label_issue.sum() + 1))


def test_number_of_errors_is_estimated_close_to_the_truth():
    truth, labels, probs = made_up(3000, noise=0.2)
    assert confident_joint_errors(labels, probs) == pytest.approx((truth != labels).sum(), rel=0.05)


def test_without_labels_no_error_is_estimated():
    assert confident_joint_errors(np.full(600, -1), made_up()[2]) == 0


@pytest.mark.parametrize("method", METHODS)
def test_with_labels_of_a_single_class_the_filters_flag_nothing(method):
    _, _, probs = made_up(30)
    found = find_label_issues(np.where(np.arange(30) < 20, 1, -1), probs, method=method)
    assert not found.is_label_issue[20:].any() and (method == METHODS[0] or not found.is_label_issue.any())
