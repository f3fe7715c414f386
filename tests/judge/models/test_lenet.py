import math

import pytest
import torch

from curate.judge.models.lenet import C3_INPUTS, PartialConv2d, Subsampling, squash
from curate.judge.models.registry import make_model


def num_parameters(module):
    return sum(p.numel() for p in module.parameters())


@pytest.mark.parametrize("size", [28, 32])
def test_modern_lenet5_has_61706_parameters(size):
    assert num_parameters(make_model("lenet5", num_classes=10, in_channels=1, image_size=size)) == 61_706


@pytest.mark.parametrize("size", [28, 32])
def test_lenet5_of_1998_has_the_papers_60000_parameters_and_a_linear_output(size):
    model = make_model("lenet5-1998", num_classes=10, in_channels=1, image_size=size)
    counts = {name: num_parameters(module) for name, module in model.named_children() if num_parameters(module)}
    assert counts == {"c1": 156, "s2": 12, "c3": 1_516, "s4": 32, "c5": 48_120, "f6": 10_164, "output": 850}
    assert sum(counts.values()) - counts["output"] == 60_000


def test_c3_is_connected_as_in_table_1_of_the_paper():
    rows = [  # one row per map of S2, an X where it feeds the map of C3
        "X...XXX..XXXX.XX",
        "XX...XXX..XXXX.X",
        "XXX...XXX..X.XXX",
        ".XXX..XXXX..X.XX",
        "..XXX..XXXX.XX.X",
        "...XXX..XXXX.XXX",
    ]
    assert ["".join("X" if i in inputs else "." for inputs in C3_INPUTS) for i in range(6)] == rows


def test_partial_convolution_is_the_sum_over_the_connected_maps_alone():
    generator = torch.Generator().manual_seed(0)
    layer = PartialConv2d()
    with torch.no_grad():
        layer.weight.copy_(torch.randn(60, 5, 5, generator=generator))
        layer.bias.copy_(torch.randn(16, generator=generator))
        x = torch.randn(2, 6, 8, 9, generator=generator)
        y = layer(x)
        assert y.shape == (2, 16, 4, 5)
        kernel = 0
        for output, inputs in enumerate(C3_INPUTS):
            expected = layer.bias[output].expand(2, 4, 5).clone()
            for i in inputs:
                expected += torch.nn.functional.conv2d(x[:, i : i + 1], layer.weight[kernel][None, None])[:, 0]
                kernel += 1
            torch.testing.assert_close(y[:, output], expected, rtol=1e-4, atol=1e-4)


def test_subsampling_scales_and_shifts_the_mean_of_each_block():
    layer = Subsampling(1)
    with torch.no_grad():
        layer.coefficient.fill_(2.0)
        layer.bias.fill_(0.5)
        assert layer(torch.tensor([[[[1.0, 2.0], [3.0, 6.0]]]])).item() == 2 * 3.0 + 0.5


def test_squash_maps_one_to_one_and_saturates_at_1_7159():
    assert math.isclose(squash(torch.tensor(1.0)).item(), 1.0, abs_tol=1e-4)
    assert math.isclose(squash(torch.tensor(-50.0)).item(), -1.7159, abs_tol=1e-4)
