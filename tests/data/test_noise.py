import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.data.planted_noise import plant_flips, similar_classes
from curate.errors import DataError, UnknownNameError, UsageError


@st.composite
def label_arrays(draw):
    num_classes = draw(st.integers(2, 7))
    labels = draw(st.lists(st.integers(-1, num_classes - 1), max_size=80))
    return np.array(labels, dtype=np.int64), num_classes


rates = st.floats(0, 1, allow_nan=False)
kinds = st.sampled_from(["symmetric", "class-dependent"])
seeds = st.integers(0, 2**32 - 1)


@given(label_arrays(), rates, kinds, seeds)
def test_exactly_the_asked_share_of_labelled_samples_is_flipped(arrays, rate, kind, seed):
    labels, num_classes = arrays
    _, is_flipped = plant_flips(labels, num_classes, rate=rate, kind=kind, seed=seed)
    assert is_flipped.sum() == round(rate * (labels >= 0).sum())


@given(label_arrays(), rates, kinds, seeds)
def test_labels_differ_exactly_where_flipped(arrays, rate, kind, seed):
    labels, num_classes = arrays
    noisy, is_flipped = plant_flips(labels, num_classes, rate=rate, kind=kind, seed=seed)
    np.testing.assert_array_equal(noisy != labels, is_flipped)


@given(label_arrays(), rates, kinds, seeds)
def test_unlabelled_samples_stay_and_labels_stay_in_range(arrays, rate, kind, seed):
    labels, num_classes = arrays
    noisy, _ = plant_flips(labels, num_classes, rate=rate, kind=kind, seed=seed)
    np.testing.assert_array_equal(noisy == -1, labels == -1)
    assert noisy.dtype == np.int64 and (noisy < num_classes).all()


@given(label_arrays(), rates, kinds, seeds)
def test_the_same_seed_plants_the_same_flips(arrays, rate, kind, seed):
    labels, num_classes = arrays
    first, _ = plant_flips(labels, num_classes, rate=rate, kind=kind, seed=seed)
    second, _ = plant_flips(labels, num_classes, rate=rate, kind=kind, seed=seed)
    np.testing.assert_array_equal(first, second)


def test_another_seed_plants_other_flips():
    labels = np.arange(1000) % 10
    first, _ = plant_flips(labels, 10, rate=0.1, kind="symmetric", seed=0)
    second, _ = plant_flips(labels, 10, rate=0.1, kind="symmetric", seed=1)
    assert (first != second).any()


def test_given_labels_are_not_changed_in_place():
    labels = np.arange(100) % 10
    plant_flips(labels, 10, rate=0.5, kind="symmetric", seed=0)
    np.testing.assert_array_equal(labels, np.arange(100) % 10)


def test_symmetric_flips_spread_evenly_over_the_other_classes():
    noisy, _ = plant_flips(np.zeros(30_000, dtype=np.int64), 4, rate=1.0, kind="symmetric", seed=0)
    np.testing.assert_allclose(np.bincount(noisy, minlength=4), [0, 10_000, 10_000, 10_000], atol=400)


def test_class_dependent_flips_go_to_the_next_class_by_default():
    labels = np.arange(30) % 3
    noisy, _ = plant_flips(labels, 3, rate=1.0, kind="class-dependent", seed=0)
    np.testing.assert_array_equal(noisy, (labels + 1) % 3)


def test_a_transition_matrix_sets_the_shares_of_the_new_labels():
    transition = np.array([[0, 0.25, 0.75], [0, 0, 0], [0, 0, 0]])
    labels = np.repeat([0, 1, 2], 8000)
    noisy, _ = plant_flips(labels, 3, rate=8000 / 24_000, kind="class-dependent", seed=0, transition=transition)
    np.testing.assert_allclose(np.bincount(noisy[:8000], minlength=3), [0, 2000, 6000], atol=200)
    np.testing.assert_array_equal(noisy[8000:], labels[8000:])


def test_only_look_alikes_flip_on_mnist():
    labels = np.repeat(np.arange(10), 100)
    noisy, is_flipped = plant_flips(labels, 10, rate=0.5, kind="class-dependent", seed=0, transition=similar_classes("mnist"))
    assert set(zip(labels[is_flipped].tolist(), noisy[is_flipped].tolist(), strict=True)) == {(2, 7), (3, 8), (5, 6), (6, 5), (7, 1)}


def test_more_flips_than_samples_that_may_flip_are_refused():
    with pytest.raises(UsageError, match="asks for 8 flips but only 5 samples"):
        plant_flips(np.arange(10), 10, rate=0.8, kind="class-dependent", seed=0, transition=similar_classes("mnist"))


@pytest.mark.parametrize(
    "transition", [np.eye(3), np.full((3, 3), 1 / 3), np.array([[0, 0.4, 0.4], [0, 0, 1], [1, 0, 0]]), np.zeros((2, 2))]
)
def test_a_matrix_that_is_no_flip_matrix_is_refused(transition):
    with pytest.raises(UsageError, match="transition matrix"):
        plant_flips(np.arange(3), 3, rate=0.3, kind="class-dependent", seed=0, transition=transition)


def test_rate_over_one_is_refused():
    with pytest.raises(UsageError, match=r"\[0, 1\], found 10"):
        plant_flips(np.arange(3), 3, rate=10, kind="symmetric", seed=0)


def test_label_outside_the_classes_is_refused():
    with pytest.raises(DataError, match=r"-1\.\.2, found 0\.\.3"):
        plant_flips(np.arange(4), 3, rate=0.1, kind="symmetric", seed=0)


def test_unknown_kind_names_the_nearest():
    with pytest.raises(UnknownNameError, match="symmetric"):
        plant_flips(np.arange(3), 3, rate=0.1, kind="symetric", seed=0)
