"""Noise told apart from difficulty, and what an audit says of itself, on made-up samples that are more and less clear."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.data.planted_noise import plant_flips
from curate.errors import DataError
from curate.find.evaluation import best_cut, evaluate_detection
from curate.find.label_issues import find_label_issues
from curate.find.label_noise import Bins, NoiseCurve, fit_noise_curve, make_bins, unclear
from curate.find.ranking import balanced, margin_over_epochs, mean_of_ranks, neighbor_agreement
from curate.find.self_estimate import estimate_detection, estimate_sentences

N, K = 20000, 6


def samples(seed=0):
    """True labels, and probabilities of a net that is right about as often as it says, 81 % of the time."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(N, K)) + rng.exponential(8, size=(N, 1)) * np.eye(K)[rng.integers(K, size=N)]
    probs = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    true = (probs.cumsum(axis=1) < rng.random((N, 1))).sum(axis=1).clip(max=K - 1)
    return true, probs.astype(np.float32)


def learnt(probs, transition):
    """What a net gives that was trained on labels with such noise."""
    return (probs @ transition).astype(np.float32)


def test_difficult_samples_are_not_taken_for_wrong_labels():
    true, probs = samples()
    issues = find_label_issues(true, probs)
    assert (issues.predicted != true).mean() > 0.1
    assert issues.noise.num_errors < 0.03 * N and issues.is_label_issue.mean() < 0.03


@pytest.mark.parametrize("rate", [0.2, 0.4])
def test_uniform_noise_is_counted(rate):
    true, probs = samples()
    labels, wrong = plant_flips(true, K, rate=rate, kind="symmetric", seed=0)
    issues = find_label_issues(labels, learnt(probs, (1 - rate) * np.eye(K) + rate * (1 - np.eye(K)) / (K - 1)))
    assert issues.noise.num_errors == pytest.approx(wrong.sum(), rel=0.2)
    assert not issues.noise.confusions.is_systematic.any()


def test_a_systematic_confusion_is_named_and_ranked_above_difficulty():
    true, probs = samples()
    transition = np.eye(K)
    transition[2, :4] = 0, 0, 0.7, 0.3
    labels = np.where((true == 2) & (np.random.default_rng(1).random(N) < 0.3), 3, true)
    issues = find_label_issues(labels, learnt(probs, transition))
    assert np.argwhere(issues.noise.confusions.is_systematic).tolist() == [[2, 3]]
    found = evaluate_detection(labels != true, issues.is_label_issue, issues.label_quality)
    assert found.f1 > best_cut(labels != true, issues.label_quality).f1 - 0.05
    assert found.average_precision > 0.6


def test_own_precision_and_recall_are_near_the_true_ones():
    true, probs = samples()
    labels, wrong = plant_flips(true, K, rate=0.2, kind="symmetric", seed=0)
    probs = learnt(probs, 0.8 * np.eye(K) + 0.2 * (1 - np.eye(K)) / (K - 1))
    issues = find_label_issues(labels, probs)
    said, found = estimate_detection(issues, labels, probs), evaluate_detection(wrong, issues.is_label_issue, issues.label_quality)
    assert said.recall.value == pytest.approx(found.recall, abs=0.16)
    assert said.precision.value == pytest.approx(found.precision, abs=0.16)
    assert said.num_errors.low <= wrong.sum() <= said.num_errors.high


def test_peoples_noise_is_counted_to_a_seventh_among_25000_labels():
    """Without an expectation of how the fall of the mistakes bends, the worst of these counts is off by a quarter."""
    num = np.full(100, 250)
    bins = Bins(np.linspace(0, 1, 100), 1.0, num, num)
    truth = NoiseCurve(tie=0.4, slope=8.0, bend=2.5, uniform=0.015, ambiguous=0.13, bins=bins, num_classes=10)
    noise = truth.uniform + truth.ambiguous * unclear(bins.place)
    share = truth.mistakes * (1 - truth.ambiguous / 2 - truth.uniform / 9) + (1 - truth.mistakes) * noise
    for seed in range(12):
        drawn = replace(bins, num_disagree=np.random.default_rng(seed).binomial(num, share))
        assert fit_noise_curve(drawn, 10).num_errors == pytest.approx(truth.num_errors, rel=1 / 7)


def test_labels_that_the_net_contradicts_where_it_hardly_errs_are_flagged_however_few():
    true, probs = samples()
    clearest = np.argsort(probs.max(axis=1))[-12:]
    labels = true.copy()
    labels[clearest] = (probs[clearest].argmax(axis=1) + 1) % K
    assert find_label_issues(labels, probs).is_label_issue[clearest].all()


def test_the_estimate_is_worded_with_what_it_cannot_see():
    true, probs = samples()
    labels, _ = plant_flips(true, K, rate=0.1, kind="symmetric", seed=0)
    first, second, last = estimate_sentences(estimate_detection(find_label_issues(labels, probs), labels, probs).to_json())
    assert "estimated to be wrong (95 %:" in first and "planted" in second and "cannot be seen" in last


def test_where_more_is_flagged_than_the_noise_can_have_made_nothing_is_claimed_of_it():
    true, probs = samples()
    clearest = np.argsort(probs.max(axis=1))[-60:]
    labels = true.copy()
    labels[clearest] = (probs[clearest].argmax(axis=1) + 1) % K
    issues = find_label_issues(labels, probs)
    none_disagrees = make_bins(issues.noise.confusions.margin, np.zeros(N, dtype=bool))
    noise = replace(issues.noise, curve=fit_noise_curve(none_disagrees, K))
    said = estimate_detection(replace(issues, noise=noise), labels, probs).to_json()
    assert [said[name]["value"] for name in ("precision", "recall", "num_left")] == [None, None, None]
    assert said["num_errors"]["high"] == issues.is_label_issue.sum() >= 60
    assert "cannot be told from the nets' own mistakes" in estimate_sentences(said)[0]


def test_without_labels_nothing_is_estimated():
    _, probs = samples()
    labels = np.full(N, -1)
    said = estimate_detection(find_label_issues(labels, probs), labels, probs).to_json()
    assert said["num_errors"]["value"] == 0 and said["precision"]["value"] is None


@settings(max_examples=10, deadline=None)
@given(st.integers(1, 40), st.integers(2, 5), st.integers(0, 1000))
def test_any_labels_and_probabilities_can_be_judged(num, num_classes, seed):
    rng = np.random.default_rng(seed)
    labels, probs = rng.integers(-1, num_classes, num), rng.dirichlet(np.full(num_classes, 0.3), num)
    issues = find_label_issues(labels, probs)
    said = estimate_detection(issues, labels, probs)
    assert not issues.is_label_issue[labels < 0].any()
    assert said.num_errors.low <= said.num_errors.value <= said.num_errors.high


def test_best_cut_is_that_of_trying_all():
    rng = np.random.default_rng(0)
    truth, quality = rng.random(60) < 0.3, rng.random(60)
    each = [evaluate_detection(truth, quality <= cut, quality).f1 for cut in quality]
    assert best_cut(truth, quality).f1 == pytest.approx(max(each))
    with pytest.raises(DataError, match="expected errors"):
        best_cut(np.zeros(60, bool), quality)


def test_balanced_columns_have_the_means_of_the_prior():
    _, probs = samples()
    prior = np.arange(2, K + 2) / 27
    scaled = balanced(probs, prior)
    np.testing.assert_allclose(scaled.mean(axis=0), prior, atol=5e-3)
    np.testing.assert_allclose(scaled.sum(axis=1), 1)
    with pytest.raises(DataError, match="6 positive shares"):
        balanced(probs, prior[:5])


def test_scores_of_other_signals_are_those_by_hand():
    assert margin_over_epochs([[1.0, np.nan, np.nan], [3.0, -2.0, np.nan]])[:2].tolist() == [2.0, -2.0]
    assert neighbor_agreement(np.array([0, 0, 1, -1]), np.array([[1, 2], [0, 2], [0, 1], [0, 1]]))[:3].tolist() == [0.5, 0.5, 0.0]
    assert mean_of_ranks([0.1, 0.2, 0.3], [5.0, 9.0, 7.0]).tolist() == [0.0, 0.75, 0.75]
