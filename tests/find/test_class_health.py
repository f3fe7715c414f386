import numpy as np
import pytest

from curate.find.classes import COLUMNS, class_health

NAMES = ["cat", "dog", "eel"]


@pytest.fixture
def health():
    """100 cats of which 20 are truly dogs, 100 dogs, no eels."""
    truth = np.repeat([0, 1, 1], [80, 20, 100])
    labels = np.repeat([0, 0, 1], [80, 20, 100])
    probs = np.full((200, 3), 0.02)
    probs[np.arange(200), truth] = 0.96
    wrong = truth != labels
    return class_health(labels, probs, wrong, np.where(wrong, 0.1, 0.9), NAMES)


def test_classes_keep_their_order(health):
    assert health["class_name"].tolist() == NAMES and health.columns.tolist() == COLUMNS


def test_noise_of_a_class_is_the_share_of_its_labels_that_are_wrong(health):
    assert health["label_noise"][0] == pytest.approx(0.2)
    assert health["label_noise"][1] == pytest.approx(0)


def test_inverse_noise_of_a_class_is_the_share_of_its_members_labelled_otherwise(health):
    assert health["inverse_label_noise"][1] == pytest.approx(20 / 120)


def test_issues_are_counted_by_given_label(health):
    assert health["num_issues"].tolist() == [20, 0, 0] and health["num_samples"].tolist() == [100, 100, 0]


def test_class_without_labels_has_no_rates(health):
    assert health.loc[2, ["label_noise", "inverse_label_noise", "label_quality"]].isna().all()


def test_quality_is_the_mean_over_the_class(health):
    assert health["label_quality"][0] == pytest.approx(0.8 * 0.9 + 0.2 * 0.1)


def test_unlabelled_samples_do_not_count():
    none = class_health(np.full(4, -1), np.full((4, 3), 1 / 3), np.zeros(4, bool), np.full(4, np.nan), NAMES)
    assert none["num_samples"].sum() == 0 and none["label_quality"].isna().all()
