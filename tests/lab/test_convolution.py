import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from curate.errors import DataError, UnknownNameError, UsageError
from curate.lab.convolution import convolution_figure, convolve, pad
from curate.lab.figure import to_png
from curate.lab.kernels import kernel_names, make_kernel
from curate.lab.unrolled import convolve_unrolled, im2col

NUMPY_MODES = {"zeros": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def by_loops(image, kernel, *, stride, dilation, flip):
    """Cross-correlation or convolution of one channel without padding, number by number."""
    height, width = kernel.shape
    if flip:
        kernel = [[kernel[height - 1 - i][width - 1 - j] for j in range(width)] for i in range(height)]
    rows = range(0, image.shape[0] - dilation * (height - 1), stride)
    columns = range(0, image.shape[1] - dilation * (width - 1), stride)
    return np.array(
        [
            [sum(image[r + dilation * i][c + dilation * j] * kernel[i][j] for i in range(height) for j in range(width)) for c in columns]
            for r in rows
        ]
    )


def vertical_edge():
    return torch.tensor([[10.0, 10, 10, 0, 0, 0]] * 6)


def test_sharpen_at_the_centre_of_10_to_90_gives_50():
    image = torch.tensor([[10, 20, 30], [40, 50, 60], [70, 80, 90]])
    assert convolve(image, make_kernel("sharpen")).tolist() == [[50]]


def test_the_six_by_six_vertical_edge_gives_0_30_30_0():
    result = convolve(vertical_edge(), make_kernel("prewitt-vertical"))
    assert result.tolist() == [[0, 30, 30, 0]] * 4


def test_true_convolution_turns_the_sign_of_an_edge():
    assert convolve(vertical_edge(), make_kernel("prewitt-vertical"), flip=True).tolist() == [[0, -30, -30, 0]] * 4


def test_a_horizontal_kernel_does_not_see_a_vertical_edge():
    assert not convolve(vertical_edge(), make_kernel("sobel-horizontal")).any()


def test_seven_by_seven_with_three_by_three_at_stride_2_gives_three_by_three():
    assert convolve(torch.rand(7, 7), make_kernel("sobel-vertical"), stride=2).shape == (3, 3)


def test_identity_gives_the_image_back():
    image = torch.rand(3, 6, 9, dtype=torch.float64)
    assert torch.equal(convolve(image, make_kernel("identity", size=5), padding="reflect"), image)


def test_convolution_of_one_bright_pixel_is_the_kernel_and_cross_correlation_the_turned_one():
    image, kernel = torch.zeros(5, 5), np.arange(9.0).reshape(3, 3)
    image[2, 2] = 1
    assert np.array_equal(convolve(image, kernel, flip=True), kernel)
    assert np.array_equal(convolve(image, kernel), kernel[::-1, ::-1])


@st.composite
def cases(draw):
    height, width = draw(st.integers(1, 9)), draw(st.integers(1, 9))
    kernel = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    padding = draw(st.sampled_from(["none", *NUMPY_MODES]))
    mode = "valid" if padding == "none" else draw(st.sampled_from(["same", 1, 2, 12]))
    return {
        "shape": (height, width),
        "kernel": kernel,
        "padding": padding,
        "mode": mode,
        "stride": draw(st.integers(1, 3)),
        "dilation": draw(st.integers(1, 3)),
        "flip": draw(st.booleans()),
        "seed": draw(st.integers(0, 1000)),
    }


@given(cases())
@settings(max_examples=150, deadline=None)
def test_any_convolution_is_the_one_of_slow_loops(case):
    generator = np.random.default_rng(case["seed"])
    image, kernel = generator.integers(-9, 10, case["shape"]), generator.integers(-9, 10, case["kernel"]).astype(float)
    options = {key: case[key] for key in ("stride", "dilation", "flip")}
    if case["mode"] == "same":
        totals = [case["dilation"] * (taps - 1) for taps in case["kernel"]]
        widths = [(total // 2, total - total // 2) for total in totals]
    else:
        widths = [(case["mode"],) * 2] * 2 if case["mode"] != "valid" else [(0, 0)] * 2
    padded = np.pad(image, widths, mode=NUMPY_MODES.get(case["padding"], "constant"))
    expected = by_loops(padded, kernel, **options)
    if expected.size == 0:
        with pytest.raises(DataError, match="larger than the padded image"):
            convolve(image, kernel, padding=case["padding"], mode=case["mode"], **options)
    else:
        assert np.array_equal(convolve(image, kernel, padding=case["padding"], mode=case["mode"], **options), expected)


def test_channels_are_convolved_one_by_one():
    image, kernel = torch.rand(3, 8, 8), make_kernel("scharr-vertical")
    assert torch.equal(convolve(image, kernel)[1], convolve(image[1], kernel))


def test_a_kernel_with_channels_adds_them_up_as_a_layer_does():
    image, weight = torch.rand(3, 8, 8, dtype=torch.float64), torch.rand(3, 5, 5, dtype=torch.float64)
    assert torch.allclose(convolve(image, weight, flip=False), F.conv2d(image[None], weight[None])[0, 0])


def test_mode_same_keeps_the_size_also_for_even_and_dilated_kernels():
    assert convolve(torch.rand(9, 7), torch.rand(4, 2), padding="zeros", dilation=3).shape == (9, 7)


def test_bytes_do_not_overflow():
    image = torch.full((3, 3), 255, dtype=torch.uint8)
    assert convolve(image, np.ones((3, 3))).item() == 9 * 255


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"padding": "mirror"}, UnknownNameError, "unknown padding 'mirror'"),
        ({"padding": "zeros", "mode": "full"}, UnknownNameError, "unknown mode 'full'"),
        ({"padding": "none", "mode": "same"}, UsageError, "'none' and mode 'same' contradict"),
        ({"padding": "zeros", "mode": "valid"}, UsageError, "'zeros' and mode 'valid' contradict"),
        ({"padding": "zeros", "mode": -1}, UsageError, "padded by -1"),
        ({"stride": 0}, UsageError, "1 or more, found 0 and 1"),
        ({"dilation": 3}, DataError, "the kernel of 3x3 with dilation 3 covers 7x7 pixels, which is larger than the padded image of 5x5"),
    ],
)
def test_impossible_convolutions_are_refused(options, error, message):
    with pytest.raises(error, match=message):
        convolve(torch.rand(5, 5), make_kernel("sharpen"), **options)


@pytest.mark.parametrize("shape", [(4,), (1, 1, 4, 4), (0, 4)])
def test_what_is_no_image_is_refused(shape):
    with pytest.raises(DataError, match="must be"):
        convolve(torch.zeros(shape), make_kernel("sharpen"))


@st.composite
def layers(draw):
    groups = draw(st.integers(1, 3))
    return {
        "in": groups * draw(st.integers(1, 3)),
        "out": groups * draw(st.integers(1, 3)),
        "groups": groups,
        "kernel": (draw(st.integers(1, 4)), draw(st.integers(1, 4))),
        "size": (draw(st.integers(10, 13)), draw(st.integers(10, 13))),
        "stride": draw(st.integers(1, 4)),
        "padding": draw(st.integers(0, 4)),
        "dilation": draw(st.integers(1, 3)),
        "bias": draw(st.booleans()),
        "mode": draw(st.sampled_from(["zeros", "reflect", "replicate", "circular"])),
        "seed": draw(st.integers(0, 1000)),
    }


@given(layers())
@settings(max_examples=60, deadline=None)
def test_the_unrolled_convolution_is_torchs_conv2d(case):
    generator = torch.Generator().manual_seed(case["seed"])
    x = torch.randn(2, case["in"], *case["size"], generator=generator, dtype=torch.float64)
    weight = torch.randn(case["out"], case["in"] // case["groups"], *case["kernel"], generator=generator, dtype=torch.float64)
    bias = torch.randn(case["out"], generator=generator, dtype=torch.float64) if case["bias"] else None
    options = {key: case[key] for key in ("stride", "dilation", "groups")}
    amount = case["padding"]
    padded = F.pad(x, (amount,) * 4, mode="constant" if case["mode"] == "zeros" else case["mode"])
    expected = F.conv2d(padded, weight, bias, **options)
    found = convolve_unrolled(x, weight, bias, padding=amount, padding_mode=case["mode"], **options)
    assert torch.allclose(found, expected, rtol=1e-12, atol=1e-12)


def test_columns_are_those_of_torchs_unfold():
    x = torch.rand(2, 3, 9, 8)
    assert torch.equal(im2col(x, (3, 2), stride=2, dilation=2), F.unfold(x, (3, 2), stride=2, dilation=2))


def test_ten_five_by_five_filters_on_32x32x3_with_padding_2_give_32x32x10_from_760_parameters():
    layer = torch.nn.Conv2d(3, 10, 5, padding=2)
    x = torch.rand(1, 3, 32, 32)
    assert convolve_unrolled(x, layer.weight, layer.bias, padding=2).shape == (1, 10, 32, 32)
    assert sum(p.numel() for p in layer.parameters()) == 760


def test_unrolled_weights_that_do_not_fit_are_refused():
    with pytest.raises(DataError, match=r"images \(1, 3, 8, 8\) do not fit weights \(4, 2, 3, 3\) in 1 groups"):
        convolve_unrolled(torch.rand(1, 3, 8, 8), torch.rand(4, 2, 3, 3))


def test_padding_by_more_than_the_image_goes_on_and_on():
    assert pad(torch.tensor([[1, 2, 3]]), (0, 0, 5, 4), "reflect").tolist() == [[2, 1, 2, 3, 2, 1, 2, 3, 2, 1, 2, 3]]


@pytest.mark.parametrize(
    ("name", "channels"),
    [*((name, 1) for name in kernel_names()), ("sharpen", 3), ("sobel-vertical", 3)],  # in colour as images are drawn, and as signs are
)
def test_every_kernel_is_drawn_on_grey_and_colour_images(name, channels):
    image = torch.randint(0, 256, (channels, 22, 20), dtype=torch.uint8)
    figure = convolution_figure(image, make_kernel(name), kernel_name=name, padding="reflect")
    assert to_png(figure).startswith(b"\x89PNG")


def test_the_figure_tells_shapes_and_formula():
    figure = convolution_figure(torch.rand(28, 28), make_kernel("sobel-vertical"), kernel_name="sobel-vertical", stride=2, flip=False)
    titles = [axes.get_title() for axes in figure.axes]
    assert titles[:3] == ["image\n28 × 28", "kernel\n3 × 3", "result\n13 × 13"]
    assert "⌊(28 + 2·0 − 3)/2⌋ + 1 = 13" in figure.get_supxlabel()
    assert figure.get_suptitle() == "sobel-vertical: cross-correlation, as in a CNN layer"
    assert figure.axes[1].get_xlabel() == "laid on as it is"


@pytest.mark.parametrize("kind", [np.asarray, torch.from_numpy])
def test_arrays_give_arrays_and_tensors_give_tensors(kind):
    image = kind(np.arange(9.0).reshape(3, 3))
    assert type(convolve(image, make_kernel("sharpen"))) is type(image)


def test_the_numbers_of_a_small_image_are_drawn_and_can_be_read():
    figure = convolution_figure(np.array([[10.0, 10, 10, 0, 0, 0]] * 6), make_kernel("prewitt-vertical"))
    image, kernel, result = ([text.get_text() for text in axes.texts] for axes in figure.axes[:3])
    assert image == ["10", "10", "10", "0", "0", "0"] * 6
    assert kernel == ["1", "0", "\N{MINUS SIGN}1"] * 3
    assert result == ["0", "30", "30", "0"] * 4
    assert min(text.get_fontsize() for axes in figure.axes for text in axes.texts) >= 9


def test_the_figure_of_a_picture_has_the_numbers_that_are_printed():
    image = np.random.default_rng(0).integers(0, 256, (1, 30, 30), dtype=np.uint8)
    kernel = make_kernel("sobel-vertical")
    drawn = convolution_figure(image, kernel).axes[2].images[0].get_array()
    assert (drawn.min(), drawn.max()) == (convolve(image, kernel).min(), convolve(image, kernel).max())
