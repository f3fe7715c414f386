import numpy as np
import pytest

from curate.errors import DataError
from curate.judge.probabilities import checked_labels, checked_pred_probs

FINE = np.array([[0.9, 0.1], [0.2, 0.8], [0.5, 0.5]])


def broken(row, values):
    probs = FINE.copy()
    probs[row] = values
    return probs


def test_first_row_that_is_not_finite_is_named():
    with pytest.raises(DataError, match="row 1 of pred_probs is not finite"):
        checked_pred_probs(broken(1, [np.nan, 1]))


def test_row_that_does_not_sum_to_one_is_named():
    with pytest.raises(DataError, match=r"row 2 of pred_probs sums to 0\.9000"):
        checked_pred_probs(broken(2, [0.4, 0.5]))


def test_logits_are_refused():
    with pytest.raises(DataError, match="row 0 of pred_probs has values outside"):
        checked_pred_probs(broken(0, [3.0, -2.0]))


def test_rounding_of_a_row_is_tolerated_and_clipped():
    assert checked_pred_probs(broken(0, [1.0004, -0.0004])).max() == 1


@pytest.mark.parametrize("shape", [(3,), (3, 1), (3, 2, 2)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(DataError, match="must be \\(N, K\\)"):
        checked_pred_probs(np.ones(shape))


def test_classes_instead_of_probabilities_are_refused():
    with pytest.raises(DataError, match="floating point, found int64"):
        checked_pred_probs(np.eye(3, dtype=np.int64))


def test_other_number_of_rows_is_refused():
    with pytest.raises(DataError, match="3 rows but there are 4 labels"):
        checked_pred_probs(FINE, 4)


@pytest.mark.parametrize("label", [2, -2])
def test_label_out_of_range_is_named(label):
    with pytest.raises(DataError, match=f"label {label} of sample 1 is outside 0..1"):
        checked_labels([0, label], num_classes=2)


def test_labels_that_are_not_integers_are_refused():
    with pytest.raises(DataError, match="must be integers"):
        checked_labels([0.0, 1.0], num_classes=2)
