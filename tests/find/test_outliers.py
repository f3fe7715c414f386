import numpy as np
import pytest

from curate.find.outliers import find_outliers


def skewed(num_samples=5000, seed=0):
    """Similarities to 5 neighbours whose distances are log-normal, as in the embedding of a network."""
    return 1 - np.random.default_rng(seed).lognormal(-5, 0.7, size=(num_samples, 1)).repeat(5, axis=1).clip(0, 2)


def test_sample_far_from_everything_is_flagged_and_scores_lowest():
    similarities = skewed()
    similarities[7] = 0.0
    found = find_outliers(similarities)
    assert found.is_outlier_issue[7] and found.outlier_score.argmin() == 7


def test_skewed_distances_alone_flag_next_to_nothing():
    assert find_outliers(skewed()).is_outlier_issue.mean() < 0.005


def test_score_of_the_usual_distance_is_exp_minus_one():
    assert np.median(find_outliers(skewed()).outlier_score) == pytest.approx(np.exp(-1), rel=1e-3)


def test_scores_stay_in_zero_to_one_where_all_are_equal():
    found = find_outliers(np.ones((20, 3), dtype=np.float32))
    assert found.outlier_score.min() >= 0 and found.outlier_score.max() <= 1 and not found.is_outlier_issue.any()
