"""Heads on features: honest, and right where the answer is known."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from curate.errors import DataError
from curate.judge.heads import HeadOptions, fit_head, joint_space, logistic_out_of_fold, principal_space, probabilities
from curate.judge.ridge import PENALTIES, ridge_leave_one_out


def blobs(n=300, k=4, d=20, spread=1.5, seed=0):
    rng = np.random.default_rng(seed)
    labels = rng.integers(k, size=n)
    return (rng.normal(size=(k, d))[labels] + rng.normal(size=(n, d)) * spread).astype(np.float32), labels


def test_the_principal_space_keeps_all_distances():
    features, _ = blobs()
    standard = (features - features.mean(0)) / features.std(0)
    space = principal_space(features, dimensions=20)
    np.testing.assert_allclose(space @ space.T, standard @ standard.T, atol=2e-2)
    assert (np.diff(space.var(0)) <= 1e-4).all()


def test_constant_features_are_left_out_and_nothing_but_constants_is_an_error():
    features, _ = blobs()
    with_constant = np.hstack([features, np.ones((len(features), 2), np.float32)])
    assert principal_space(with_constant, dimensions=50).shape[1] == 20
    with pytest.raises(DataError, match="are they all the same picture"):
        principal_space(np.ones((30, 4), np.float32), dimensions=4)


def test_a_head_is_the_minimum_that_scikit_learn_finds():
    features, labels = blobs()
    space = principal_space(features, dimensions=20)
    ours = probabilities(space, fit_head(space, labels, 4, (0.1,), HeadOptions(balance=0, iterations=500))[-1])
    unit = 1000 / np.square(space).mean(0).sum()
    theirs = LogisticRegression(C=1 / (0.01 / unit * len(labels)), max_iter=2000, tol=1e-8).fit(space, labels).predict_proba(space)
    np.testing.assert_allclose(ours, theirs, atol=0.02)


def test_no_label_of_a_fold_reaches_its_own_probabilities():
    features, labels = blobs()
    fold = np.arange(len(labels)) % 5
    space = principal_space(features, dimensions=20)
    before = logistic_out_of_fold(space, labels, fold, num_classes=4).pred_probs
    changed = labels.copy()
    changed[fold == 2] = (changed[fold == 2] + 1) % 4
    after = logistic_out_of_fold(space, changed, fold, num_classes=4).pred_probs
    np.testing.assert_array_equal(before[fold == 2], after[fold == 2])
    assert not np.array_equal(before[fold == 1], after[fold == 1])


def test_probabilities_are_good_and_sum_to_one_though_a_class_is_in_one_fold_only():
    features, labels = blobs()
    labels[:3] = 4
    fold = np.arange(len(labels)) % 5
    fold[:3] = 0
    found = logistic_out_of_fold(principal_space(features, dimensions=20), labels, fold, num_classes=5).pred_probs
    np.testing.assert_allclose(found.sum(1), 1, atol=1e-5)
    assert found[:3, 4].max() < 1e-6 and (found.argmax(1) == labels).mean() > 0.7


def test_two_folds_are_enough():
    features, labels = blobs()
    found = logistic_out_of_fold(principal_space(features, dimensions=20), labels, np.arange(len(labels)) % 2, num_classes=4).pred_probs
    assert (found.argmax(1) == labels).mean() > 0.7


def test_unlabelled_samples_are_judged_and_never_learnt_from():
    features, labels = blobs()
    fold, hidden = np.arange(len(labels)) % 5, labels.copy()
    hidden[:50] = -1
    space = principal_space(features, dimensions=20)
    found = logistic_out_of_fold(space, hidden, fold, num_classes=4).pred_probs
    assert (found[:50].argmax(1) == labels[:50]).mean() > 0.6
    ridge = ridge_leave_one_out(space, hidden, np.arange(300), fold, num_classes=4).pred_probs
    assert (ridge[:50].argmax(1) == labels[:50]).mean() > 0.6


def test_ridge_is_what_refitting_without_the_group_gives():
    features, labels = blobs(n=60, d=8)
    space = principal_space(features, dimensions=8).astype(np.float64)
    groups = np.arange(60)
    groups[[3, 4, 5]] = 3
    found = ridge_leave_one_out(space.astype(np.float32), labels, groups, np.arange(60) % 5, num_classes=4, balance=0.0)
    scale = np.square(space).sum(1).mean()
    design, targets = np.hstack([space / np.sqrt(scale), np.ones((60, 1))]), np.eye(4)[labels] - 0.25
    assert found.penalty in PENALTIES
    scores = np.empty((60, 4))
    for i in range(60):
        rest = groups != groups[i]
        gram = design[rest].T @ design[rest] + found.penalty * 60 / 100 * np.eye(9)
        scores[i] = design[i] @ np.linalg.solve(gram, design[rest].T @ targets[rest])
    same_order = [np.corrcoef(scores[:, k], np.log(found.pred_probs[:, k] + 1e-12))[0, 1] for k in range(4)]
    assert min(same_order) > 0.7
    assert (scores.argmax(1) == found.pred_probs.argmax(1)).mean() > 0.9


def test_features_of_two_nets_are_joined():
    first, labels = blobs(seed=0)
    rng = np.random.default_rng(5)
    second = (rng.normal(size=(4, 10))[labels] * 3 + rng.normal(size=(300, 10))).astype(np.float32)
    assert joint_space([first, second], dimensions=30).shape == (300, 30)
