import numpy as np
import pytest

from curate.errors import DataError, UsageError
from curate.gain.compare import paired_bootstrap, paired_difference


def test_interval_is_that_of_students_t():
    found = paired_difference([0.90, 0.91, 0.92], [0.92, 0.92, 0.95])
    half = 4.302652729911275 * 0.01 / np.sqrt(3)  # t for 97.5 % and 2 degrees of freedom; differences 0.02, 0.01, 0.03
    assert found.mean == pytest.approx(0.02)
    assert (found.low, found.high) == (pytest.approx(0.02 - half), pytest.approx(0.02 + half))
    assert (found.confidence, found.num_seeds) == (0.95, 3)


def test_pairing_removes_what_both_share():
    spread = np.array([0.5, 0.9, 0.7])
    assert paired_difference(spread, spread + 0.01).high == pytest.approx(0.01)


def test_interval_holds_the_true_difference_as_often_as_it_says():
    rng = np.random.default_rng(0)
    hits = [found.low <= 0.01 <= found.high for found in (paired_difference(np.zeros(4), rng.normal(0.01, 0.005, 4)) for _ in range(400))]
    assert 0.92 <= np.mean(hits) <= 0.98


@pytest.mark.parametrize("values", [[], [0.9]])
def test_under_two_seeds_there_is_no_interval(values):
    with pytest.raises(UsageError, match="at least 2 seeds, found"):
        paired_difference(values, values)


def test_lists_of_another_length_are_refused():
    with pytest.raises(DataError, match="2 accuracies before but 3 after"):
        paired_difference([0.9, 0.9], [0.9, 0.9, 0.9])


def test_accuracy_that_is_not_finite_is_refused():
    with pytest.raises(DataError, match="seed 1 are not finite"):
        paired_difference([0.9, np.nan], [0.9, 0.9])


def test_confidence_out_of_range_is_refused():
    with pytest.raises(UsageError, match="between 0 and 1, found 95"):
        paired_difference([0.9, 0.9], [0.9, 0.9], confidence=95)


def made_up(num_images=800, gain=0.05, seed=0):
    rng = np.random.default_rng(seed)
    before = rng.random((3, num_images)) < 0.9
    return before, before | (rng.random((3, num_images)) < gain / 0.1)


def test_bootstrap_over_images_is_centred_on_the_mean_difference():
    before, after = made_up()
    found = paired_bootstrap(before, after)
    assert found.mean == pytest.approx(after.mean() - before.mean())
    assert 0 < found.low < found.mean < found.high


def test_more_images_narrow_the_bootstrap():
    few, many = paired_bootstrap(*made_up(200)), paired_bootstrap(*made_up(5000))
    assert many.high - many.low < (few.high - few.low) / 2


def test_bootstrap_of_equal_models_is_zero():
    before, _ = made_up()
    found = paired_bootstrap(before, before)
    assert (found.mean, found.low, found.high) == (0, 0, 0)


def test_same_seed_same_bootstrap():
    assert paired_bootstrap(*made_up(100), seed=4) == paired_bootstrap(*made_up(100), seed=4)


def test_bootstrap_of_other_shapes_is_refused():
    with pytest.raises(DataError, match=r"found \(2, 3\) and \(2, 4\)"):
        paired_bootstrap(np.zeros((2, 3)), np.zeros((2, 4)))
