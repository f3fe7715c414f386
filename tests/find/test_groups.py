import numpy as np
import pytest

from curate.find.groups import find_groups

NAMES = ("cat", "dog")


@pytest.fixture
def blobs():
    """Ten tight directions of 100 samples each; the labels of five are `cat`."""
    generator = np.random.default_rng(0)
    centres = np.eye(10)
    embeddings = np.repeat(centres, 100, axis=0) + generator.normal(scale=0.02, size=(1000, 10))
    return embeddings, np.repeat([0, 1], 500)


def test_the_part_that_the_model_gets_wrong_is_found_and_named(blobs):
    embeddings, labels = blobs
    predicted = labels.copy()
    predicted[300:340] = 1
    predicted[::50] ^= 1  # errors everywhere else, too
    found = find_groups(embeddings, labels, predicted, np.zeros(1000, bool), NAMES)
    assert found.is_underperforming[300:400].mean() > 0.95 and found.is_underperforming[:300].mean() < 0.05
    worst = found.table.iloc[0]
    assert worst["is_underperforming"] and worst["name"] == "cat (100 %)" and worst["accuracy"] == pytest.approx(0.6, abs=0.05)


def test_errors_spread_evenly_flag_no_group(blobs):
    embeddings, labels = blobs
    flagged = 0
    for seed in range(10):
        predicted = np.where(np.random.default_rng(seed).random(1000) < 0.1, 1 - labels, labels)
        flagged += int(find_groups(embeddings, labels, predicted, np.zeros(1000, bool), NAMES).table["is_underperforming"].sum())
    assert flagged <= 1


def test_few_samples_are_one_group():
    found = find_groups(np.eye(20), np.zeros(20, np.int64), np.zeros(20, np.int64), np.zeros(20, bool), NAMES)
    assert found.table["num_samples"].tolist() == [20] and not found.is_underperforming.any()


def test_unlabelled_samples_belong_to_groups_but_count_for_nothing(blobs):
    embeddings, labels = blobs
    blank = np.where(np.arange(1000) < 100, -1, labels)
    found = find_groups(embeddings, blank, labels, np.zeros(1000, bool), NAMES)
    assert "no labels" in found.table["name"].tolist() and found.table["num_samples"].sum() == 1000
