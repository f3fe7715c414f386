import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from curate.errors import DataError, UnknownNameError, UsageError
from curate.lab.pooling import KINDS, global_pool, pool, pooling_figure

BLOCKS = torch.tensor([[1.0, 3, 2, 1], [2, 9, 1, 1], [1, 3, 2, 3], [5, 6, 1, 2]])


def test_max_pooling_of_the_courses_example_gives_9_2_6_3():
    assert pool(BLOCKS, "max", size=2).tolist() == [[9, 2], [6, 3]]


def test_mean_pooling_of_the_courses_example_gives_3_75_1_25_3_75_2():
    assert pool(BLOCKS, "mean", size=2).tolist() == [[3.75, 1.25], [3.75, 2]]


@given(st.integers(1, 4), st.integers(1, 4), st.sampled_from(KINDS), st.integers(0, 1000))
@settings(max_examples=60, deadline=None)
def test_any_pooling_is_the_one_of_slow_loops(size, stride, kind, seed):
    image = np.random.default_rng(seed).normal(size=(2, 7, 5))
    reduce = {"max": np.max, "mean": np.mean, "sum": np.sum}[kind]
    rows, columns = range(0, 7 - size + 1, stride), range(0, 5 - size + 1, stride)
    expected = [[[reduce(channel[r : r + size, c : c + size]) for c in columns] for r in rows] for channel in image]
    assert np.allclose(pool(image, kind, size=size, stride=stride), expected)


def test_pooling_is_torchs():
    x = torch.rand(3, 9, 8, dtype=torch.float64)
    assert torch.equal(pool(x, "max", size=3, stride=2), F.max_pool2d(x, 3, 2))
    assert torch.allclose(pool(x, "mean", size=3, stride=2), F.avg_pool2d(x, 3, 2))


def test_global_pooling_is_pooling_over_the_whole_image():
    x = torch.rand(3, 6, 6)
    for kind in KINDS:
        assert torch.allclose(global_pool(x, kind), pool(x, kind, size=6).flatten())


def test_global_pooling_does_not_care_where_things_are():
    x = torch.rand(8, 8)
    for kind in KINDS:
        assert torch.allclose(global_pool(x.roll((3, 2), (0, 1)), kind), global_pool(x, kind))


@pytest.mark.parametrize(
    ("kind", "options", "error", "message"),
    [
        ("maxx", {}, UnknownNameError, "unknown pooling 'maxx'; did you mean max"),
        ("max", {"size": 0}, UsageError, "1 pixel or more, found 0 and 0"),
        ("max", {"stride": 0}, UsageError, "1 pixel or more, found 2 and 0"),
        ("max", {"size": 5}, DataError, "a window of 5x5 is larger than the image of 4x4; take a smaller size"),
    ],
)
def test_impossible_poolings_are_refused(kind, options, error, message):
    with pytest.raises(error, match=message):
        pool(BLOCKS, kind, **options)


def test_the_figure_tells_the_shapes():
    figure = pooling_figure(torch.rand(3, 9, 9), size=3, stride=2)
    assert [axes.get_title() for axes in figure.axes] == [f"{kind}\n3 × {side} × {side}" for kind, side in
                                                          (("image", 9), ("max", 4), ("mean", 4), ("sum", 4))]  # fmt: skip


def test_global_values_of_a_photograph_stay_under_their_picture():
    figure = pooling_figure(np.full((3, 534, 400), 200, np.uint8))
    figure.canvas.draw()
    for axes in figure.axes:
        label = axes.xaxis.label.get_window_extent()
        assert label.x0 >= 0 and label.x1 <= figure.bbox.width
    assert "global sum:\n42,720,000, 42,720,000, 42,720,000\n" in figure.axes[3].get_xlabel()
