import numpy as np
import pytest

from curate.errors import DataError
from curate.find.evaluation import evaluate_detection

TRUTH = np.array([True, False, True, False, False])
FLAGS = np.array([True, True, False, False, False])
QUALITY = np.array([0.1, 0.2, 0.3, 0.8, 0.9])


def test_figures_of_a_small_case_are_those_by_hand():
    found = evaluate_detection(TRUTH, FLAGS, QUALITY)
    assert (found.precision, found.recall, found.f1) == (0.5, 0.5, 0.5)
    assert found.average_precision == pytest.approx((1 / 1 + 2 / 3) / 2)
    assert found.last_error_rank == 3


def test_unknown_truth_and_missing_quality_are_left_out():
    known, quality = np.array([True, False, True, True, True]), np.array([0.1, 0.2, 0.3, 0.8, np.nan])
    found = evaluate_detection(TRUTH, FLAGS, quality, is_known=known)
    assert (found.num_samples, found.precision, found.last_error_rank) == (3, 1.0, 2)


def test_errors_that_tie_with_other_samples_are_ranked_last_of_the_tie():
    assert evaluate_detection([True, False, False], [True, False, False], [0.5, 0.5, 0.5]).last_error_rank == 3


def test_without_errors_recall_has_no_meaning():
    found = evaluate_detection(np.zeros(5, bool), FLAGS, QUALITY)
    assert np.isnan(found.recall) and found.precision == 0 and found.last_error_rank == 0


def test_lengths_that_differ_are_refused():
    with pytest.raises(DataError, match="5 true values, 4 flags"):
        evaluate_detection(TRUTH, FLAGS[:4], QUALITY)


def test_nothing_known_is_refused():
    with pytest.raises(DataError, match="nothing can be evaluated"):
        evaluate_detection(TRUTH, FLAGS, QUALITY, is_known=np.zeros(5, bool))
