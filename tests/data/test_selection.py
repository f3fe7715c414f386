import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.data.image_set import select
from curate.errors import DataError, UnknownNameError, UsageError

SPLITS = np.repeat(["train", "validation", "test"], [60, 20, 20])


@given(st.integers(1, 300), st.integers(1, 400))
def test_a_limit_gives_that_many_distinct_samples_in_order(num_samples, limit):
    positions = select(np.repeat("train", num_samples), limit=limit)
    assert len(positions) == min(limit, num_samples)
    assert (np.diff(positions) > 0).all() and positions[0] >= 0 and positions[-1] < num_samples


def test_a_limit_keeps_the_shares_of_the_splits():
    assert [(SPLITS[select(SPLITS, limit=10)] == split).sum() for split in ("train", "validation", "test")] == [6, 2, 2]


def test_a_split_is_taken_alone():
    np.testing.assert_array_equal(select(SPLITS, split="validation"), np.arange(60, 80))


def test_a_limit_holds_within_the_split():
    np.testing.assert_array_equal(select(SPLITS, split="test", limit=2), [80, 99])


def test_unknown_split_names_the_nearest():
    with pytest.raises(UnknownNameError, match="unknown split 'tset'; did you mean test"):
        select(SPLITS, split="tset")


def test_a_split_without_samples_names_those_there_are():
    with pytest.raises(DataError, match="no samples in split 'test'; the splits are train"):
        select(np.array(["train"]), split="test")


def test_a_limit_of_nothing_is_refused():
    with pytest.raises(UsageError, match="1 or more, found 0"):
        select(SPLITS, limit=0)
