"""Figures with intervals: against other people's code, and against truths that are known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn.metrics import confusion_matrix as sklearn_confusion
from sklearn.metrics import f1_score
from sklearn.metrics import log_loss as sklearn_log_loss

from curate.errors import DataError
from curate.intervals import bootstrap, wilson
from curate.lab.metrics import accuracy_difference, class_qualities, confusion_matrix, quality


def drawn(num, num_classes=4, *, sharpness=1.0, seed=0):
    """Labels drawn from true probabilities, and probabilities that are those where `sharpness` is 1."""
    generator = np.random.default_rng(seed)
    logits = 2 * generator.normal(size=(num, num_classes))
    true, told = (np.exp(logits * power) for power in (1.0, sharpness))
    true, told = true / true.sum(1, keepdims=True), told / told.sum(1, keepdims=True)
    return (true.cumsum(1) > generator.random((num, 1))).argmax(1), told.astype(np.float32)


@given(st.integers(1, 2000), st.data())
def test_wilson_agrees_with_scipy(num, data):
    num_right = data.draw(st.integers(0, num))
    found = wilson(num_right, num)
    expected = binomtest(num_right, num).proportion_ci(0.95, method="wilson")
    np.testing.assert_allclose([found.low, found.high], [expected.low, expected.high], atol=1e-12)
    assert found.low <= found.value <= found.high


def test_a_share_of_nothing_is_not_a_number():
    assert np.isnan(wilson(0, 0).value)


def test_accuracy_f1_and_log_loss_agree_with_scikit_learn():
    labels, probs = drawn(500)
    found = quality(labels, probs)
    assert found.accuracy.value == (probs.argmax(1) == labels).mean()
    assert found.macro_f1.value == pytest.approx(f1_score(labels, probs.argmax(1), average="macro"))
    assert found.log_loss.value == pytest.approx(sklearn_log_loss(labels, probs), rel=1e-5)
    np.testing.assert_array_equal(confusion_matrix(labels, probs), sklearn_confusion(labels, probs.argmax(1)))


def test_unlabelled_samples_do_not_count():
    labels, probs = drawn(300)
    more = np.concatenate([labels, [-1] * 50]), np.concatenate([probs, probs[:50]])
    assert quality(*more) == quality(labels, probs)


def test_a_probability_of_zero_for_the_label_leaves_the_log_loss_finite():
    assert np.isfinite(quality(np.array([0, 1]), np.array([[0.0, 1.0], [0.0, 1.0]])).log_loss.value)


def test_the_intervals_hold_the_truth_about_as_often_as_they_say():
    labels, probs = drawn(200_000, seed=1)
    cells = confusion_matrix(labels, probs)
    both = cells.sum(0) + cells.sum(1)
    truth = {
        "accuracy": (probs.argmax(1) == labels).mean(),
        "macro_f1": (2 * cells.diagonal() / both).mean(),
        "log_loss": -np.log(probs[np.arange(len(labels)), labels]).mean(),
    }
    trials = 60
    found = [quality(labels[part], probs[part]) for part in np.random.default_rng(2).integers(len(labels), size=(trials, 300))]
    for name, true in truth.items():
        estimates = [getattr(each, name) for each in found]
        share = np.mean([each.low <= true <= each.high for each in estimates])
        assert 0.87 <= share <= 1.0, name  # 0.95 - 3 standard errors
        assert np.mean([each.high - each.low for each in estimates]) < 0.5


def test_the_bootstrap_of_a_mean_is_as_wide_as_theory_says():
    values = np.random.default_rng(0).normal(5, 2, 2000)
    found = bootstrap(lambda positions: values[positions].mean(), len(values))
    assert (found.high - found.low) / (2 * 1.96 * values.std() / np.sqrt(2000)) == pytest.approx(1, abs=0.1)


def test_precision_and_recall_of_a_class_are_read_off_the_right_side_of_the_matrix():
    rows = class_qualities(np.array([[8, 2], [0, 10]]), ["cat", "dog"])
    assert (rows[0].recall.value, rows[0].precision.value) == (0.8, 1.0)
    assert (rows[1].recall.value, rows[1].precision.value) == (1.0, 10 / 12)
    assert (rows[0].num_samples, rows[0].num_predicted) == (10, 8)


def test_a_class_that_is_never_predicted_has_no_precision():
    found = class_qualities(np.array([[0, 3], [0, 5]]), ["cat", "dog"])[0]
    assert np.isnan(found.precision.value) and found.recall.value == 0


@settings(max_examples=30)
@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=2, max_size=200))
def test_a_difference_changes_its_sign_when_the_two_change_places(pairs):
    first, second = np.array(pairs).T
    there, back = accuracy_difference(first, second), accuracy_difference(second, first)
    assert there.value == pytest.approx(second.mean() - first.mean())
    np.testing.assert_allclose([there.value, there.low, there.high], [-back.value, -back.high, -back.low], atol=1e-12)
    assert there.low < there.high


def test_the_interval_of_a_difference_holds_the_truth_about_as_often_as_it_says():
    generator = np.random.default_rng(3)
    hits = 0
    for _ in range(400):
        luck = generator.random(200)
        found = accuracy_difference(luck < 0.9, (luck < 0.88) | (luck > 0.95))  # 0.9 against 0.93, right on other samples
        hits += found.low <= 0.03 <= found.high
    assert 0.91 <= hits / 400 <= 0.99


@pytest.mark.parametrize(
    ("labels", "shape", "message"),
    [
        ([0, 1], (3, 2), "a row of probabilities for each label"),
        ([-1, -1], (2, 2), "none of the samples has a label"),
        ([0, 2], (2, 2), r"label 2 is outside 0\.\.1"),
    ],
)
def test_labels_that_do_not_fit_are_refused(labels, shape, message):
    with pytest.raises(DataError, match=message):
        quality(np.array(labels), np.full(shape, 0.5))
