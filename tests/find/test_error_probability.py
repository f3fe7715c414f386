"""The probability that a label is wrong, on made-up judges: the worst cells of pipelines/detection_bench.py among them."""

import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.bench.made_up_judges import Cell, make_up
from curate.errors import DataError, UsageError
from curate.find.evaluation import best_cut, evaluate_detection
from curate.find.label_channel import Rows, counted_step, find_habits, fit_channel, label_sharpness, read_labels
from curate.find.label_issues import CLEANLAB_METHODS, cleanlab_flags, find_label_issues
from curate.find.self_estimate import estimate_sentences, expected_yield

PEOPLE = Cell(num_classes=10, num_samples=6000, accuracy=0.92, confidence=1.5, smoothing=0.1, noise="class-dependent", rate=0.2, own=0.6)


def judged(cell, opinions=1):
    made = make_up(cell)
    issues = find_label_issues(made.labels, list(made.opinions[:opinions]))
    return issues, made.labels != made.true, made


def f1(flags, wrong):
    return 2 * (flags & wrong).sum() / max(1, flags.sum() + wrong.sum())


CLEAN = [
    Cell(num_samples=20_000, accuracy=0.4, confidence=2.5, smoothing=0.1, own=0.6),  # 58 % were flagged once
    Cell(num_classes=60, num_samples=1200, accuracy=0.75, confidence=2.5, smoothing=0.1, learnt=0.0, own=0.0, imbalance=10.0),  # and 16 %
    *(
        Cell(num_classes=size, num_samples=count, accuracy=accuracy, confidence=confidence, own=own, hard=hard)
        for size, count, accuracy, confidence, own, hard in (
            (2, 1000, 0.85, 2.5, 0.6, False),
            (10, 500, 0.62, 1.0, 0.0, False),
            (10, 5000, 0.4, 2.5, 0.3, True),
            (10, 5000, 0.995, 0.5, 0.9, False),
            (60, 5000, 0.31, 1.0, 0.0, False),
            (300, 6000, 0.75, 0.7, 0.6, False),
        )
    ),
]


@pytest.mark.parametrize("cell", CLEAN, ids=lambda cell: f"{cell.num_classes}x{cell.num_samples} at {cell.accuracy}")
def test_of_clean_labels_at_most_one_and_a_half_in_a_hundred_are_flagged(cell):
    issues, _, _ = judged(cell)
    assert issues.is_label_issue.mean() <= 0.015
    assert issues.estimate.num_errors.low == 0


TAUGHT = [
    Cell(num_classes=2, num_samples=10_000, accuracy=0.92, noise="one class", rate=0.3, learnt=1.0, own=0.0),
    Cell(num_classes=2, num_samples=10_000, accuracy=0.92, noise="one class", rate=0.1, learnt=1.0, own=0.0),
    Cell(num_classes=60, num_samples=12_000, accuracy=0.75, noise="every other class", rate=0.1, learnt=1.0, own=0.0),
    Cell(num_classes=60, num_samples=12_000, accuracy=0.75, noise="every other class", rate=0.05, learnt=1.0, own=0.0),
    Cell(num_classes=10, num_samples=5000, accuracy=0.75, noise="every other class", rate=0.2, learnt=1.0, own=0.0),
]


@pytest.mark.parametrize("cell", TAUGHT, ids=lambda cell: f"{cell.num_classes} classes, {cell.rate}")
def test_mistakes_that_the_judge_was_taught_are_found_better_than_by_any_filter(cell):
    issues, wrong, made = judged(cell)
    assert f1(issues.is_label_issue, wrong) > best_cut(wrong, issues.label_quality).f1 - 0.05
    filters = [f1(cleanlab_flags(made.labels, made.opinions[0], method), wrong) for method in CLEANLAB_METHODS]
    assert f1(issues.is_label_issue, wrong) > max(filters) - 0.01


NOISY = [
    PEOPLE,
    replace(PEOPLE, noise="uniform", learnt=0.0),
    replace(PEOPLE, noise="pairs", accuracy=0.97, num_classes=3),
    replace(PEOPLE, noise="one class", rate=0.3, accuracy=0.97),
    replace(PEOPLE, num_classes=300, accuracy=0.85, confidence=1.0, smoothing=0.0, noise="uniform", rate=0.1, learnt=0.0),
]


@pytest.mark.parametrize("opinions", [1, 2])
@pytest.mark.parametrize("cell", NOISY, ids=lambda cell: f"{cell.noise}, {cell.num_classes}")
def test_flags_are_near_the_best_cut_and_the_truth_lies_in_the_interval(cell, opinions):
    issues, wrong, _ = judged(cell, opinions)
    assert f1(issues.is_label_issue, wrong) > best_cut(wrong, issues.label_quality).f1 - (0.05 if opinions == 2 else 0.25)
    assert issues.estimate.num_errors.low <= wrong.sum() <= issues.estimate.num_errors.high
    left = (wrong & ~issues.is_label_issue).sum()
    assert issues.estimate.num_left.low <= left <= issues.estimate.num_left.high


def test_the_parts_are_sums_of_one_quantity():
    issues, _, _ = judged(PEOPLE)
    probability, flagged, said = issues.error_probability, issues.is_label_issue, issues.estimate
    assert (flagged == (probability > 0.5)).all()
    assert said.num_errors.value == pytest.approx(probability.sum(), rel=1e-4)
    assert said.precision.value == pytest.approx(probability[flagged].mean(), rel=1e-4)
    assert said.recall.value == pytest.approx(probability[flagged].sum() / probability.sum(), rel=1e-4)
    assert said.num_left.value == pytest.approx(probability[~flagged].sum(), rel=1e-3)
    assert said.num_worth_a_look == (probability >= 0.05).sum()
    np.testing.assert_allclose(issues.label_quality, 1 - probability, atol=1e-6)
    first = expected_yield(issues.label_quality, issues.rank, num=100)
    assert first == pytest.approx(np.sort(probability)[-100:].sum(), rel=1e-4)


def test_everything_above_five_percent_can_be_asked_for():
    made = make_up(PEOPLE)
    issues = find_label_issues(made.labels, made.opinions[0], threshold=0.05)
    assert issues.is_label_issue.sum() == issues.estimate.num_worth_a_look
    with pytest.raises(UsageError, match=r"a probability in 0\.\.1, found 5"):
        find_label_issues(made.labels, made.opinions[0], threshold=5)


def test_probabilities_are_calibrated_where_two_judges_measure_the_mistakes():
    issues, wrong, _ = judged(PEOPLE, 2)
    order = np.argsort(issues.error_probability)
    error = [abs(issues.error_probability[part].mean() - wrong[part].mean()) for part in np.array_split(order, 10)]
    assert np.mean(error) < 0.05


def test_a_second_opinion_makes_the_interval_narrower():
    one, two = judged(PEOPLE)[0].estimate, judged(PEOPLE, 2)[0].estimate
    assert two.num_opinions == 2 and two.num_errors.high - two.num_errors.low < one.num_errors.high - one.num_errors.low


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        (Cell(num_classes=60, num_samples=6000, accuracy=0.22, own=0.0), r"agrees with 2\d % of the labels$"),
        (Cell(num_classes=10, num_samples=15), "15 labels are too few"),
    ],
)
def test_a_judge_that_is_too_weak_ranks_only_and_says_why(cell, reason):
    issues, _, _ = judged(cell)
    assert not issues.is_label_issue.any() and not issues.estimate.can_count
    assert "We cannot tell how many labels are wrong" in estimate_sentences(issues.estimate.to_json())[0]
    assert re.search(reason, issues.estimate.reason)


def test_shuffled_rows_are_told():
    made = make_up(Cell(accuracy=0.9, num_samples=2000))
    rows = np.random.default_rng(0).permutation(2000)
    issues = find_label_issues(made.labels, made.opinions[0][rows])
    assert not issues.is_label_issue.any() and "hardly more than by chance (10 %)" in issues.estimate.reason
    assert not find_label_issues(made.labels, np.full((2000, 10), 0.1)).estimate.can_count


def test_chance_among_many_classes_is_no_zero():
    labels = np.arange(900) % 300
    probs = np.full((900, 300), 0.002, np.float32)
    probs[np.arange(900), np.where(np.arange(900) < 15, labels, (labels + 1) % 300)] += 0.4
    said = find_label_issues(labels, probs).estimate
    assert not said.can_count and said.num_flagged == 0
    assert "agrees with 1.7 % of the labels, hardly more than by chance (0.3 %); where the probabilities are your own" in said.reason


def test_the_estimate_is_worded_as_people_speak():
    issues, _, _ = judged(PEOPLE, 2)
    first = estimate_sentences(issues.estimate.to_json())[0]
    assert first.startswith("About 1,") and " of 6,000 labels are wrong (" in first
    assert "We flag " in first and "of them are really wrong. About " in first and "wrong labels are not flagged." in first


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 60), st.integers(2, 300), st.integers(0, 1000), st.integers(1, 2))
def test_any_labels_and_probabilities_can_be_judged_and_no_figure_is_impossible(num, num_classes, seed, opinions):
    rng = np.random.default_rng(seed)
    labels, probs = rng.integers(-1, num_classes, num), rng.dirichlet(np.full(num_classes, 0.3), (opinions, num)).astype(np.float32)
    probs /= probs.sum(axis=2, keepdims=True)
    issues = find_label_issues(labels, list(probs))
    said, known = issues.estimate, labels >= 0
    assert not issues.is_label_issue[~known].any() and np.isnan(issues.error_probability[~known]).all()
    assert ((issues.error_probability[known] >= 0) & (issues.error_probability[known] <= 1)).all()
    for figure, most in ((said.num_errors, known.sum()), (said.num_left, known.sum()), (said.precision, 1), (said.recall, 1)):
        assert 0 <= figure.low <= figure.high <= most
        assert np.isnan(figure.value) or figure.low <= figure.value <= figure.high


def test_without_labels_nothing_is_estimated():
    made = make_up(PEOPLE)
    said = find_label_issues(np.full(6000, -1), made.opinions[0]).estimate
    assert said.num_errors.value == 0 and not said.can_count
    assert estimate_sentences(said.to_json()) == ["No label is judged: there are no labels."]


@pytest.mark.parametrize(
    ("flagged", "words"), [(0, "We flag none."), (1, "We flag the most suspect one of 600."), (17, "the 17 most suspect of 600.")]
)
def test_flags_that_nothing_is_claimed_of_are_counted_in_plain_words(flagged, words):
    told = {"num_labels": 600, "num_flagged": flagged, "can_count": False, "reason": "one weak judge", "num_errors": {"value": 9.0}}
    told |= {"num_worth_a_look": 0}
    assert words in " ".join(estimate_sentences(told))


def test_opinions_on_other_images_are_refused():
    made = make_up(PEOPLE)
    with pytest.raises(DataError, match="opinions must be of one shape"):
        find_label_issues(made.labels, [made.opinions[0], made.opinions[1][:-1]])


def test_habits_of_training_are_taken_out():
    made = make_up(Cell(num_classes=5, num_samples=3000, accuracy=0.97, own=0.0))
    seen = made.opinions[0]
    transition = np.eye(5, dtype=np.float32)
    transition[2, 2:4] = 0.8, 0.2
    habits = find_habits(0.9 * seen @ transition + 0.1 / 5)
    assert habits.floor == pytest.approx(0.02, rel=0.1) and habits.taught.tolist() == [[2, 3]]
    assert habits.ratio[0] == pytest.approx(0.25, rel=0.15)
    assert not len(find_habits(seen).taught) and find_habits(seen).floor == 0
    np.testing.assert_array_equal(find_habits(seen).without(seen), seen)


@pytest.mark.parametrize("size", [4, 30])
def test_a_channel_reads_new_labels_as_those_it_was_fitted_to(size):
    cell = Cell(num_classes=size, num_samples=4000, accuracy=0.9, noise="uniform", rate=0.2, learnt=0.0)
    made = make_up(cell)
    rows = Rows(made.opinions[0], made.labels)
    channel, reading = fit_channel(rows, 4 * label_sharpness(rows), steps=10)
    assert channel.class_rate.mean() == pytest.approx(0.2, abs=0.1)
    np.testing.assert_allclose(read_labels(rows, channel).quality, reading.quality, atol=0.1)
    assert evaluate_detection(made.labels != made.true, reading.quality < 0.5, reading.quality.astype(np.float32)).f1 > 0.8


def test_best_cut_is_that_of_trying_all():
    rng = np.random.default_rng(0)
    truth, quality = rng.random(60) < 0.3, rng.random(60)
    each = [evaluate_detection(truth, quality <= cut, quality).f1 for cut in quality]
    assert best_cut(truth, quality).f1 == pytest.approx(max(each))
    with pytest.raises(DataError, match="expected errors"):
        best_cut(np.zeros(60, bool), quality)


def test_a_class_that_no_tree_votes_for_is_not_impossible():
    generator = np.random.default_rng(0)
    seen = generator.dirichlet(np.full(5, 0.3), 2000)
    votes = np.array([generator.multinomial(20, row) for row in seen]) / 20
    habits = find_habits(votes)
    assert habits.step == pytest.approx(1 / 20) and habits.floor == 0
    read = habits.without(votes)
    np.testing.assert_allclose(read.sum(axis=1), 1, rtol=1e-6)
    assert read.min() == pytest.approx(0.05 / 5 / 1.05)
    assert (read.argmax(axis=1) == votes.argmax(axis=1)).all()
    assert counted_step(seen) == 0  # a net leaves something to every class
    assert counted_step(np.eye(5)[generator.integers(5, size=100)]) == 0  # predictions alone do not tell what a vote weighs
