import numpy as np
import pytest

from curate.lab.convolution import convolve
from curate.lab.figure import to_png
from curate.lab.invariance import invariance_figure, pooling_invariance, relative_difference
from curate.lab.kernels import make_kernel
from curate.lab.pooling import pool

SHIFTS = range(9)


@pytest.fixture
def image():
    return np.random.default_rng(0).random((1, 28, 28))


def test_global_pooling_does_not_notice_shifts(image):
    changes = pooling_invariance(image, make_kernel("sobel-vertical"), shifts=SHIFTS, sizes=(1, 2, 4))
    assert changes["global max"].max() < 1e-12
    assert changes["no pooling"][1:].min() > 0.1


def test_larger_windows_notice_a_small_shift_less(image):
    kernel = make_kernel("sobel-vertical")
    for kind in ("max", "mean", "sum"):
        by_size = [changes[1] for changes in pooling_invariance(image, kernel, shifts=[0, 1], sizes=(1, 2, 4, 7), kind=kind).values()]
        assert by_size == sorted(by_size, reverse=True)


def test_a_change_is_what_shifting_the_image_itself_gives(image):
    kernel = make_kernel("sobel-vertical")
    before, after = (pool(convolve(x, kernel, padding="circular").clip(min=0), "max", size=2) for x in (image, np.roll(image, 3, -1)))
    found = pooling_invariance(image, kernel, shifts=[3], sizes=(2,))["max over 2 × 2"][0]
    assert found == pytest.approx(np.linalg.norm(after - before) / np.linalg.norm(before))


def test_the_figure_is_drawn(image):
    changes = pooling_invariance(image, make_kernel("sharpen"), shifts=[0, 1])
    figure = invariance_figure(changes, [0, 1], title="x", kernel="sharpen")
    assert to_png(figure).startswith(b"\x89PNG")
    assert "the image through sharpen" in figure.get_supxlabel()
    figure.canvas.draw()
    note = figure._supxlabel.get_window_extent()
    assert note.x0 >= 0 and note.x1 <= figure.bbox.width


@pytest.mark.parametrize(("after", "before", "expected"), [([3, 6], [3, 2], 4 / 13**0.5), ([0, 0], [0, 0], 0), ([0, 1], [0, 0], np.inf)])
def test_a_relative_difference_is_against_the_norm_before(after, before, expected):
    assert relative_difference(np.array(after, np.float32), np.array(before, np.float32)) == pytest.approx(expected)
