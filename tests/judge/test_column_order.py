import numpy as np
import pytest

from curate.errors import DataError
from curate.judge.probabilities import check_column_order

NAMES = ("cat", "dog", "frog", "ship")
LABELS = np.arange(400) % 4


def predicted(share_right, seed=0):
    generator = np.random.default_rng(seed)
    return np.where(generator.random(400) < share_right, LABELS, generator.integers(4, size=400))


def test_columns_in_another_order_are_named():
    with pytest.raises(DataError, match=r"probs.npy are in another order.*column 2 looks like class 'cat' \(which is column 0\)"):
        check_column_order(LABELS, np.array([2, 0, 3, 1])[predicted(0.9)], NAMES, what="probs.npy")


@pytest.mark.parametrize("share_right", [0.0, 0.1, 0.5, 1.0])
def test_a_model_of_any_strength_passes(share_right):
    check_column_order(LABELS, predicted(share_right), NAMES, what="probs.npy")


def test_a_class_without_samples_passes():
    check_column_order(LABELS[LABELS < 3], predicted(0.9)[LABELS < 3], NAMES, what="probs.npy")


def test_unlabelled_samples_say_nothing():
    check_column_order(np.full(400, -1), predicted(0.9), NAMES, what="probs.npy")
