"""Ensembles: the mean of what nets say."""

import numpy as np
import pytest

from curate.errors import DataError
from curate.judge.training.predict import ensemble


def members(num=3, rows=50):
    probs = np.random.default_rng(0).dirichlet(np.ones(4), (num, rows)).astype(np.float32)
    return list(probs)


def test_the_ensemble_is_the_mean_and_does_not_depend_on_the_order():
    several = members()
    np.testing.assert_allclose(ensemble(several), sum(several) / 3, atol=1e-6)
    np.testing.assert_allclose(ensemble(several[::-1]), ensemble(several), atol=1e-7)
    np.testing.assert_allclose(ensemble(several).sum(axis=1), 1, atol=1e-6)


def test_two_of_three_unsure_nets_overrule_a_sure_one_only_if_they_weigh_more():
    sure, unsure = np.array([[0.9, 0.1]], np.float32), np.array([[0.4, 0.6]], np.float32)
    assert ensemble([sure, unsure, unsure]).argmax() == 0
    assert ensemble([np.array([[0.6, 0.4]], np.float32), unsure, unsure]).argmax() == 1


@pytest.mark.parametrize(("wrong", "found"), [([], "none"), ([np.ones((2, 3)), np.ones((2, 4))], r"\(2, 3\) and \(2, 4\)")])
def test_members_that_do_not_fit_are_told(wrong, found):
    with pytest.raises(DataError, match=f"of one shape from at least one net, found {found}"):
        ensemble(wrong)
