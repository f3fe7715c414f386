import numpy as np
import pytest

from curate.errors import DataError, UnknownNameError, UsageError
from curate.lab.kernels import as_kernel, kernel_names, make_kernel, parse_kernel


@pytest.mark.parametrize("name", [n for n in kernel_names() if n.startswith(("prewitt", "sobel", "scharr", "laplacian"))])
def test_edge_kernels_say_nothing_of_a_plain_image(name):
    assert make_kernel(name).sum() == 0


@pytest.mark.parametrize("name", ["identity", "sharpen", "box-blur", "gaussian-blur"])
def test_blurs_and_sharpen_keep_the_brightness(name):
    assert make_kernel(name).sum() == pytest.approx(1)


@pytest.mark.parametrize("family", ["prewitt", "sobel", "scharr"])
def test_the_horizontal_kernel_is_the_vertical_one_turned_over(family):
    assert np.array_equal(make_kernel(f"{family}-vertical").T, make_kernel(f"{family}-horizontal"))


@pytest.mark.parametrize("size", [1, 2, 3, 5, 8])
@pytest.mark.parametrize("sigma", [0.01, 0.5, 3.0, 1e6])
def test_a_gaussian_of_any_size_and_sigma_is_a_symmetric_bell_that_sums_to_one(size, sigma):
    kernel = make_kernel("gaussian-blur", size=size, sigma=sigma)
    assert kernel.shape == (size, size)
    assert kernel.sum() == pytest.approx(1)
    assert np.allclose(kernel, kernel.T) and np.allclose(kernel, kernel[::-1, ::-1])
    middle = kernel[(size - 1) // 2]
    assert (np.diff(middle[: (size + 1) // 2]) >= 0).all()


def test_neighbours_in_a_gaussian_have_the_ratio_of_its_formula():
    kernel = make_kernel("gaussian-blur", size=5, sigma=1.5)
    assert kernel[2, 3] / kernel[2, 2] == pytest.approx(np.exp(-1 / (2 * 1.5**2)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0 -1 0; -1 5 -1; 0 -1 0", [[0, -1, 0], [-1, 5, -1], [0, -1, 0]]),
        ("1,0,-1;", [[1, 0, -1]]),
        ("1/9 1/9", [[1 / 9, 1 / 9]]),
        (" -.5e1 ", [[-5]]),
    ],
)
def test_a_matrix_is_read_from_text(text, expected):
    assert np.array_equal(parse_kernel(text), expected)


def test_the_laplacian_without_more_is_that_of_four_neighbours():
    assert np.array_equal(parse_kernel("laplacian"), [[0, 1, 0], [1, -4, 1], [0, 1, 0]])


def test_a_kernel_name_is_read_from_text():
    assert np.array_equal(parse_kernel("box-blur", size=5), np.full((5, 5), 1 / 25))


def test_a_made_kernel_can_be_changed_without_changing_the_next():
    make_kernel("sharpen")[:] = 7
    assert make_kernel("sharpen")[1, 1] == 5


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("sobel-vertikal", UnknownNameError, "unknown kernel 'sobel-vertikal'; did you mean sobel-vertical"),
        ("1 2; 3", DataError, "one length, found 1 and 2"),
        ("1 2; 3 x", DataError, "is no matrix .*'x'"),
        ("1/0", DataError, "divides by 0"),
        ("1e999 0", DataError, "finite"),
        ("", DataError, "at least one number"),
        (";", DataError, "at least one number"),
    ],
)
def test_what_is_no_kernel_is_told(text, error, message):
    with pytest.raises(error, match=message):
        parse_kernel(text)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("sharpen", {"size": 5}, "'sharpen' is 3 x 3"),
        ("box-blur", {"sigma": 1.0}, "only gaussian-blur has a sigma"),
        ("box-blur", {"size": 0}, "must be 1 to 1024, found 0"),
        ("gaussian-blur", {"sigma": 0.0}, "above 0, found 0.0"),
        ("gaussian-blur", {"sigma": float("nan")}, "above 0, found nan"),
    ],
)
def test_options_that_do_not_fit_a_kernel_are_refused(name, options, message):
    with pytest.raises(UsageError, match=message):
        make_kernel(name, **options)


def test_a_matrix_of_no_size_is_refused():
    with pytest.raises(DataError, match="at least one number"):
        as_kernel([])
