import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import betabinom

from curate.errors import DataError, UsageError
from curate.review.estimates import (
    AMBIGUOUS,
    RIGHT,
    UNDECIDED,
    WRONG,
    Estimate,
    Prediction,
    advice,
    error_rate,
    errors_by_decisions,
    expected_errors_in_next,
    missed_errors,
    number_of_errors,
    pace,
    precision_by_bucket,
)


@pytest.mark.parametrize(("num_errors", "num_decided"), [(7, 20), (5, 10), (1, 40)])
def test_interval_of_a_share_leaves_a_fortieth_of_the_posterior_on_each_side(num_errors, num_decided):
    found = error_rate(num_errors, num_decided)
    share = (np.arange(1_000_000) + 0.5) / 1_000_000
    posterior = share ** (num_errors - 0.5) * (1 - share) ** (num_decided - num_errors - 0.5)
    below, above = posterior[share < found.low].sum(), posterior[share > found.high].sum()
    assert (below / posterior.sum(), above / posterior.sum()) == (pytest.approx(0.025, abs=1e-3), pytest.approx(0.025, abs=1e-3))
    assert found.value == num_errors / num_decided


def test_interval_reaches_the_end_where_none_or_all_are_errors():
    assert error_rate(0, 10).low == 0 and error_rate(10, 10).high == 1
    assert error_rate(0, 10).high == pytest.approx(1 - error_rate(10, 10).low)


def test_share_of_nothing_is_unknown():
    found = error_rate(0, 0)
    assert np.isnan(found.value) and (found.low, found.high) == (0, 1)


@pytest.mark.parametrize("counts", [(2, 1), (-1, 3)])
def test_more_errors_than_decisions_are_refused(counts):
    with pytest.raises(DataError, match="expected 0 <= num_errors <= num_decided"):
        error_rate(*counts)


def test_interval_of_a_share_covers_it():
    rng = np.random.default_rng(0)
    counts = rng.binomial(100, 0.3, 500)
    assert np.mean([found.low <= 0.3 <= found.high for found in (error_rate(int(k), 100) for k in counts)]) > 0.92


def test_buckets_say_how_many_of_the_first_hundred_were_errors():
    codes = [WRONG] * 31 + [RIGHT] * 60 + [AMBIGUOUS] * 9 + [WRONG, UNDECIDED, UNDECIDED]
    first, second = precision_by_bucket(codes, 100)
    assert (first.start, first.stop, first.num_decided, first.num_errors, first.num_ambiguous) == (0, 100, 100, 31, 9)
    assert first.error_rate == error_rate(31, 100)
    assert (second.start, second.stop, second.num_decided, second.num_errors) == (100, 103, 1, 1)


@given(st.lists(st.sampled_from([UNDECIDED, RIGHT, WRONG, AMBIGUOUS]), max_size=60), st.integers(1, 70))
@settings(max_examples=50, deadline=None)
def test_buckets_hold_every_suspect_once(codes, size):
    buckets = precision_by_bucket(codes, size)
    assert [place for bucket in buckets for place in range(bucket.start, bucket.stop)] == list(range(len(codes)))
    assert sum(bucket.num_errors for bucket in buckets) == codes.count(WRONG)
    assert sum(bucket.num_decided for bucket in buckets) == len(codes) - codes.count(UNDECIDED)


@pytest.mark.parametrize("codes", [[0, 3], [-2], [[0]]])
def test_other_codes_are_refused(codes):
    with pytest.raises(DataError, match="verdict codes must be"):
        precision_by_bucket(codes)


def test_bucket_of_no_size_is_refused():
    with pytest.raises(UsageError, match="bucket_size must be at least 1"):
        precision_by_bucket([0], 0)


def queue(chance, num_decided, seed):
    """Truth of a simulated queue, and its codes with the first ones decided."""
    truth = np.random.default_rng(seed).random(len(chance)) < chance
    codes = np.where(truth, WRONG, RIGHT)
    codes[num_decided:] = UNDECIDED
    return truth, codes


RANK = np.arange(1000)


@pytest.mark.parametrize(
    "chance", [0.6 * np.exp(-RANK / 500), 0.9 / (1 + RANK / 200), 0.9 / (1 + np.exp((RANK - 1000) / 250)), np.full(1000, 0.3)]
)
def test_prediction_holds_what_comes_though_errors_get_rarer(chance):
    hits = []
    for seed in range(42):
        num_decided = (60, 150, 400)[seed % 3]
        truth, codes = queue(chance, num_decided, seed)
        errors = expected_errors_in_next(codes, 200).num_errors
        hits.append(errors.low <= truth[num_decided : num_decided + 200].sum() <= errors.high)
    assert np.mean(hits) > 0.85


def test_prediction_is_for_the_next_undecided_wherever_they_lie():
    truth, codes = queue(np.where(RANK < 500, 0.9, 0.05), 500, seed=0)
    codes[600:] = np.where(truth[600:], WRONG, RIGHT)  # decided out of turn: the hundred between lie among rare errors
    found = expected_errors_in_next(codes, 300)
    assert (found.num_next, found.num_used) == (100, 200)
    assert expected_errors_in_next(codes[:600], 300).num_errors.value > found.num_errors.value


def test_same_codes_same_prediction():
    _, codes = queue(0.5 * np.exp(-RANK / 300), 100, seed=1)
    assert expected_errors_in_next(codes, 50) == expected_errors_in_next(codes, 50)


def test_number_of_errors_is_that_of_a_mixture_of_coins():
    weights, chances = np.array([0.25, 0.75]), np.array([[0.5, 0.5, 0.1], [0.9, 0.2, 0.0]])
    found = number_of_errors(weights, chances)
    draws = np.random.default_rng(0)
    drawn = (draws.random((100_000, 3)) < chances[draws.choice(2, 100_000, p=weights)]).sum(axis=1)
    assert found.value == pytest.approx(drawn.mean(), abs=0.01)
    assert (found.low, found.high) == tuple(np.quantile(drawn, (0.025, 0.975)))


@pytest.mark.parametrize("codes", [[], [UNDECIDED] * 50, [WRONG] * 19 + [UNDECIDED], [WRONG] * 50])
def test_without_evidence_or_anything_left_there_is_no_prediction(codes):
    assert expected_errors_in_next(codes, 10) is None


def test_ambiguous_suspects_are_no_errors():
    codes = np.array(([WRONG] + [RIGHT] * 4) * 20 + [UNDECIDED] * 50)
    assert expected_errors_in_next(np.where(codes == RIGHT, AMBIGUOUS, codes), 50) == expected_errors_in_next(codes, 50)


def test_prediction_for_nothing_is_refused():
    with pytest.raises(UsageError, match="num_next must be at least 1"):
        expected_errors_in_next([0], 0)


def test_missed_errors_are_those_of_the_sample_scaled_up():
    found = missed_errors(10_000, 200, 4)
    assert found.value == 200
    low, high = betabinom.interval(0.95, 9800, 4.5, 196.5)
    assert (found.low, found.high) == (pytest.approx(4 + low, abs=1), pytest.approx(4 + high, abs=1))


def test_a_whole_sample_leaves_nothing_to_guess():
    assert missed_errors(50, 50, 3) == Estimate(3, 3, 3)


def test_without_a_sample_nothing_is_known_about_the_unflagged():
    found = missed_errors(100, 0, 0)
    assert np.isnan(found.value) and (found.low, found.high) == (0, 100)


def test_missed_errors_cover_the_truth():
    rng = np.random.default_rng(0)
    hits = []
    for _ in range(300):
        is_error = rng.random(2000) < 0.05
        found = missed_errors(2000, 150, int(rng.choice(is_error, 150, replace=False).sum()))
        hits.append(found.low <= is_error.sum() <= found.high)
    assert np.mean(hits) > 0.92


def test_a_sample_larger_than_the_unflagged_is_refused():
    with pytest.raises(DataError, match="expected a sample of the 10 unflagged, found 11"):
        missed_errors(10, 11, 0)


def test_pauses_over_two_minutes_do_not_slow_the_pace():
    found = pace([0, 6, 12, 12 + 3600, 18 + 3600], num_left=10)
    assert (found.per_minute, found.seconds_left) == (pytest.approx(10), pytest.approx(60))


def test_decisions_taken_in_one_go_do_not_hasten_the_pace():
    assert pace([0, *[6 + k / 1e4 for k in range(500)], 12], 1).per_minute == pytest.approx(10, abs=0.1)


@pytest.mark.parametrize("times", [[], [5], [0, 500]])
def test_too_few_decisions_have_no_pace(times):
    found = pace(times, 10)
    assert (found.per_minute, found.seconds_left) == (None, None)


def test_times_that_are_none_are_refused():
    with pytest.raises(DataError, match="expected finite times"):
        pace([0, np.nan], 1)


def predicted(value, low, high, num_next=200):
    return Prediction(Estimate(value, low, high), num_next, 200)


@pytest.mark.parametrize(
    ("prediction", "left", "start"),
    [
        (predicted(60, 48, 71), 500, "Go on: about 60 of the next 200 are errors (48 to 71), one in 20 s."),
        (predicted(6, 2, 14), 500, "Errors get rare: about 6 of the next 200"),
        (predicted(2, 0, 6), 500, "You can stop: about 2 of the next 200"),
        (predicted(0, 0, 0), 500, "You can stop: about 0 of the next 200 are errors (0 to 0)."),
        (None, 500, "Go on: decide 15 more, worst first."),
        (None, 3, "Go on: decide 3 more, worst first."),
        (None, 0, "All suspects are decided"),
    ],
)
def test_advice_says_whether_to_go_on_and_why(prediction, left, start):
    told = advice(prediction, num_decided=5, num_left=left, seconds_each=6)
    assert told.startswith(start) and told.endswith(".")


def test_decisions_sharpen_the_errors_ahead():
    before = errors_by_decisions(0, 0.0, 60.0, num_ahead=80)
    after = errors_by_decisions(20, 40.0, 60.0, num_ahead=80)
    assert before.value == pytest.approx(60) and after.value == pytest.approx(36)
    assert after.low < 36 < after.high < before.high == 80 and after.high - after.low < before.high - before.low
