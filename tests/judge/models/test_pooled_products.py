"""LeNet-5 by matrix products: the same function and the same gradients as by convolution and pooling."""

import pytest
import torch
from torch.nn import functional as F

from curate.judge.models.pooled_products import Places, conv_relu_pool, to_phases
from curate.judge.models.registry import make_model

pytestmark = pytest.mark.usefixtures("one_thread")


def by_convolution(x, weight, bias, padding):
    return F.max_pool2d(F.relu(F.conv2d(x, weight, bias, padding=padding)), 2)


@pytest.mark.parametrize(("channels", "kernel", "padding", "shape"), [(1, 5, 2, (28, 28)), (3, 5, 0, (32, 20)), (2, 3, 1, (14, 10))])
def test_maps_and_gradients_are_those_of_convolution_and_pooling(channels, kernel, padding, shape):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn((3, channels, *shape), generator=generator).requires_grad_()
    weight = torch.randn((4, channels, kernel, kernel), generator=generator).requires_grad_()
    bias = torch.randn(4, generator=generator).requires_grad_()
    expected = by_convolution(x, weight, bias, padding)
    given = torch.randn(expected.shape, generator=generator)
    maps = conv_relu_pool(to_phases(x, 2, (padding, padding), torch.float32), weight, bias, Places(4, channels, kernel, 2))
    maps = maps.permute(3, 0, 1, 2)
    torch.testing.assert_close(maps[:, :, : expected.shape[2], : expected.shape[3]], expected, rtol=1e-4, atol=1e-4)
    found = torch.autograd.grad((maps * given).sum(), (x, weight, bias))
    for ours, theirs in zip(found, torch.autograd.grad((expected * given).sum(), (x, weight, bias)), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)


def test_of_equal_values_the_first_one_has_the_gradient():
    weight, bias = torch.ones(1, 1, 3, 3, requires_grad=True), torch.ones(1)
    x = torch.zeros(1, 1, 6, 6, requires_grad=True)
    maps = conv_relu_pool(to_phases(x, 2, (1, 1), torch.float32), weight, bias, Places(1, 1, 3, 2))
    ours = torch.autograd.grad(maps.sum(), x)[0]
    theirs = torch.autograd.grad(by_convolution(x, weight, bias, 1).sum(), x)[0]
    assert torch.equal(ours, theirs)


@pytest.mark.parametrize(("channels", "size"), [(1, (28, 28)), (3, (32, 32)), (1, (32, 28)), (1, (30, 29))])
def test_quick_maps_of_lenet5_are_its_maps_to_the_precision_of_bfloat16(channels, size):
    net = make_model("lenet5", num_classes=10, in_channels=channels, image_size=size, seed=0)
    x = torch.randn((4, channels, *size), generator=torch.Generator().manual_seed(0)).to(memory_format=torch.channels_last)
    torch.testing.assert_close(net.quick_maps(x).float(), net.forward_maps(x), rtol=0.05, atol=0.02)
