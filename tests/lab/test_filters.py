import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from curate.errors import DataError
from curate.judge.models.registry import make_model
from curate.lab.layers import colour_filters, layer_filters, mosaic, normalised_filters, strongest_filters


def drawn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@given(scale=st.floats(1e-3, 1e3), seed=st.integers(0, 100))
def test_the_size_of_a_filter_does_not_show_but_its_signs_and_proportions_do(scale, seed):
    filters = drawn(3, 2, 3, 3, seed=seed)
    scaled = filters.clone()
    scaled[1] *= scale
    once = normalised_filters(filters)
    torch.testing.assert_close(normalised_filters(scaled), once)
    torch.testing.assert_close(once.abs().amax(dim=(1, 2, 3)), torch.ones(3))
    assert torch.equal(once.sign(), filters.sign())


def test_a_filter_of_zeros_stays_one():
    assert torch.equal(normalised_filters(torch.zeros(2, 1, 3, 3)), torch.zeros(2, 1, 3, 3))


def test_with_a_quantile_one_huge_weight_does_not_hide_the_others():
    filters = torch.full((1, 20, 3, 3), 0.01)
    filters[0, 0, 0, 0] = 1
    assert normalised_filters(filters).median() < 0.02
    assert normalised_filters(filters, quantile=0.99).median() == 1


def test_a_weight_of_zero_is_grey_and_the_largest_of_a_channel_fills_its_colour():
    filters = torch.zeros(1, 3, 2, 2)
    filters[0, 0, 0, 0], filters[0, 2, 1, 1] = 5.0, -5.0
    picture = colour_filters(filters)[0]
    assert picture[:, 0, 0].tolist() == [1.0, 0.5, 0.5] and picture[:, 1, 1].tolist() == [0.5, 0.5, 0.0]
    assert (picture[:, 0, 1] == 0.5).all()


def test_only_three_channels_make_a_colour():
    with pytest.raises(DataError, match="these have 6"):
        colour_filters(drawn(2, 6, 3, 3))


def test_the_strongest_filters_are_those_of_the_largest_norm_in_their_order():
    filters = drawn(6, 2, 3, 3) * torch.tensor([1.0, 9, 2, 8, 3, 7]).view(-1, 1, 1, 1)
    assert strongest_filters(filters, 3) == [1, 3, 5]
    assert strongest_filters(filters, 99) == [0, 1, 2, 3, 4, 5]


def test_a_mosaic_holds_every_kernel_once_between_lines():
    kernels = drawn(5, 2, 3)
    sheet = mosaic(kernels, columns=3, zoom=2)
    assert sheet.shape == (2 * 4 + 1, 3 * 6 + 2)
    for i, kernel in enumerate(kernels):
        top, left = i // 3 * 5, i % 3 * 7
        assert torch.equal(sheet[top : top + 4 : 2, left : left + 6 : 2], kernel)
        assert torch.equal(sheet[top + 1 : top + 4 : 2, left + 1 : left + 6 : 2], kernel)
    assert sheet.isnan().sum() == sheet.numel() - kernels.numel() * 4


def test_filters_are_the_weights_of_a_convolution():
    net = make_model("lenet5", num_classes=4, in_channels=1, image_size=28, seed=0)
    assert torch.equal(layer_filters(net, "conv2"), net.conv2.weight)
    with pytest.raises(DataError, match="layer 'fc1' is a Linear, which has no filters; convolutions: conv1, conv2"):
        layer_filters(net, "fc1")
