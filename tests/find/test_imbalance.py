import numpy as np

from curate.find.classes import check_imbalance


def test_rare_class_is_an_issue():
    found = check_imbalance(np.repeat([0, 1], [96, 4]), ["cat", "dog"])
    assert found.is_imbalance_issue and (found.rarest_class, found.rarest_count) == ("dog", 4)


def test_class_with_a_tenth_of_its_share_is_not_an_issue():
    assert not check_imbalance(np.repeat([0, 1], [95, 5]), ["cat", "dog"]).is_imbalance_issue


def test_class_without_samples_is_the_rarest():
    assert check_imbalance(np.array([0, 0, -1]), ["cat", "dog"]).rarest_class == "dog"
