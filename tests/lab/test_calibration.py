"""Calibration and temperature, on probabilities whose truth is known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.errors import DataError, UsageError
from curate.lab.calibration import calibration, cross_fitted, fit_temperature, reliability_figure, scaled
from curate.lab.figure import BLUE, ORANGE, to_png


def drawn(num, *, sharpness=1.0, seed=0):
    """Labels drawn from true probabilities of 4 classes, and what is told: the same where `sharpness` is 1, else surer or less sure."""
    generator = np.random.default_rng(seed)
    logits = 2 * generator.normal(size=(num, 4))
    true, told = (np.exp(logits * power) for power in (1.0, sharpness))
    true, told = true / true.sum(1, keepdims=True), told / told.sum(1, keepdims=True)
    return (true.cumsum(1) > generator.random((num, 1))).argmax(1), told


def by_hand(labels, probs, num_bins):
    """The expected calibration error, sample by sample."""
    bins: dict[int, list] = {}
    for label, row in zip(labels.tolist(), probs, strict=True):
        bins.setdefault(max(0, int(np.ceil(row.max() * num_bins)) - 1), []).append((row.max(), row.argmax() == label))
    parts = [len(each) * abs(np.mean([right for _, right in each]) - np.mean([sure for sure, _ in each])) for each in bins.values()]
    return sum(parts) / len(labels)


@settings(max_examples=8, deadline=None)
@given(st.integers(1, 30), st.integers(0, 100))
def test_the_error_is_that_of_a_sum_by_hand(num_bins, seed):
    labels, probs = drawn(60, sharpness=1.5, seed=seed)
    assert calibration(labels, probs, num_bins=num_bins).error.value == pytest.approx(by_hand(labels, probs, num_bins))


def test_an_error_that_is_known_is_found():
    labels = np.array([0] * 70 + [1] * 30)
    found = calibration(labels, np.tile([0.9, 0.1], (100, 1)))  # 90 % sure, right in 70 %
    assert found.error.value == pytest.approx(0.2)
    assert (found.confidence, found.accuracy) == (pytest.approx(0.9), 0.7)
    (only,) = found.bins
    assert only.num_samples == 100 and only.low < 0.9 <= only.high + 1e-12


def test_what_is_drawn_from_its_probabilities_shows_no_more_than_chance():
    found = calibration(*drawn(5000))
    assert found.error.value < 2 * found.chance


@pytest.mark.parametrize("sharpness", [0.5, 2.0])
def test_what_is_too_sure_or_not_sure_enough_shows_more_than_chance(sharpness):
    found = calibration(*drawn(5000, sharpness=sharpness))
    assert found.error.low > 3 * found.chance
    assert (found.confidence > found.accuracy) == (sharpness > 1)


def test_the_interval_of_the_error_holds_the_truth_about_as_often_as_it_says():
    labels, probs = drawn(200_000, sharpness=0.6, seed=1)
    truth = by_hand(labels[:100_000], probs[:100_000], 15)
    parts = np.random.default_rng(2).integers(len(labels), size=(40, 2000))
    found = [calibration(labels[part], probs[part]).error for part in parts]
    assert np.mean([each.low <= truth <= each.high for each in found]) >= 0.85


def test_bins_hold_every_labelled_sample_once():
    labels, probs = drawn(500)
    labels[:100] = -1
    found = calibration(labels, probs)
    assert sum(each.num_samples for each in found.bins) == found.num_samples == 400


def test_no_bin_is_refused():
    with pytest.raises(UsageError, match="at least 1 bin, found 0"):
        calibration(*drawn(10), num_bins=0)


@pytest.mark.parametrize("sharpness", [0.4, 1.0, 2.5])
def test_the_temperature_that_undoes_the_sharpening_is_found(sharpness):
    labels, probs = drawn(20_000, sharpness=sharpness)
    assert fit_temperature(labels, probs) == pytest.approx(sharpness, rel=0.05)


def test_scaling_changes_no_answer_and_one_changes_nothing():
    _, probs = drawn(300)
    np.testing.assert_array_equal(scaled(probs, 3.0).argmax(1), probs.argmax(1))
    np.testing.assert_allclose(scaled(probs, 1.0), probs, atol=1e-6)
    np.testing.assert_allclose(scaled(probs, 0.3).sum(1), 1)


def test_no_label_has_a_say_in_the_scaling_of_its_own_fold():
    labels, probs = drawn(600, sharpness=2)
    fold = np.arange(600) % 3
    before, _ = cross_fitted(labels, probs, fold)
    labels[fold == 0] = (labels[fold == 0] + 1) % 4
    after, _ = cross_fitted(labels, probs, fold)
    np.testing.assert_array_equal(before[fold == 0], after[fold == 0])
    assert (before[fold == 1] != after[fold == 1]).any()


def test_scaling_across_folds_calibrates():
    labels, probs = drawn(6000, sharpness=0.5)
    better, temperature = cross_fitted(labels, probs, np.arange(6000) % 5)
    found = calibration(labels, better)
    assert found.error.value < 2 * found.chance
    assert temperature == pytest.approx(0.5, rel=0.1)


def test_one_fold_is_refused():
    with pytest.raises(DataError, match="found 1 fold"):
        cross_fitted(*drawn(10), np.zeros(10, int))


def test_few_samples_have_a_diagram_too():
    assert to_png(reliability_figure(calibration(*drawn(5)))).startswith(b"\x89PNG")


def test_the_diagram_shows_each_bin_with_its_interval_and_both_series_in_their_colours():
    first, second = (calibration(*drawn(3000, sharpness=power)) for power in (2.0, 1.0))
    figure = reliability_figure(first, second)
    above = figure.axes[0]
    for found, colour in ((first, BLUE), (second, ORANGE)):
        bars = [
            line.get_ydata()
            for line in above.lines
            if line.get_color() == colour and len(set(line.get_xdata())) == 1 and len(line.get_xdata()) == 2
        ]
        assert [tuple(bar) for bar in bars] == [(each.accuracy.low, each.accuracy.high) for each in found.bins]
    assert [text.get_text() for text in above.get_legend().get_texts()] == ["as trained", "after temperature scaling"]
    assert to_png(figure).startswith(b"\x89PNG")
