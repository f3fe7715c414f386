import numpy as np
import pytest
import torch
from torch import nn

from curate.errors import DataError, UnknownNameError
from curate.judge.models.registry import make_model
from curate.lab.effective_field import effective_field_figure, effective_fields, effective_size, layers_by_stride
from curate.lab.figure import to_png
from curate.lab.tracing import trace


@pytest.fixture
def noise():
    return torch.randn(8, 1, 33, 33, generator=torch.Generator().manual_seed(0))


def chain(depth, *, ones=False):
    """Convolutions of 3x3, whose theoretical field is 2 · depth + 1."""
    net = nn.Sequential(*(nn.Conv2d(1, 1, 3, padding=1, bias=False) for _ in range(depth)))
    if ones:
        for layer in net:
            nn.init.ones_(layer.weight)
    return net


def test_outside_of_the_theoretical_field_nothing_counts(noise):
    field = effective_fields(chain(4), ["3"], noise)["3"]
    rows, columns = np.nonzero(field)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (12, 20, 12, 20)


def test_equal_weights_give_the_bell_of_repeated_boxes(noise):
    bell = np.array([1.0])
    for _ in range(4):
        bell = np.convolve(bell, np.ones(3))
    field = effective_fields(chain(4, ones=True), ["3"], noise)["3"]
    assert np.allclose(field[12:21, 12:21], np.outer(bell, bell) / bell.max() ** 2, atol=1e-6)


def test_the_effective_field_grows_with_the_square_root_of_the_depth(noise):
    net = chain(16, ones=True)
    found = effective_fields(net, ["3", "15"], noise)
    assert effective_size(found["15"]) / effective_size(found["3"]) == pytest.approx(2, abs=0.35)


def test_one_bright_pixel_has_the_size_one():
    field = np.zeros((5, 5))
    assert effective_size(field) == 0
    field[2, 2] = 1
    assert effective_size(field) == 1


def test_the_net_is_left_as_it_was(noise):
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(inplace=True)).train()
    effective_fields(net, ["0", "2"], noise)
    assert net[1].training and net[1].num_batches_tracked == 0
    assert not any(module._forward_hooks for module in net.modules())
    assert all(parameter.grad is None for parameter in net.parameters())


def test_layers_that_do_not_exist_or_have_no_maps_are_told(noise):
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten())
    with pytest.raises(UnknownNameError, match="unknown layer '7'"):
        effective_fields(net, ["7"], noise)
    with pytest.raises(DataError, match=r"layer '1' puts out \(8, 1922\)"):
        effective_fields(net, ["1"], noise)


def test_the_layers_before_each_change_of_size_are_found():
    net = make_model("lenet5", num_classes=10, in_channels=1, image_size=28, seed=0)
    assert layers_by_stride(net, trace(net, torch.zeros(1, 1, 28, 28))[0]) == ["conv1", "conv2"]


def test_the_figure_compares_theory_and_effect(noise):
    net = chain(4, ones=True)
    figure = effective_field_figure(effective_fields(net, ["0", "3"], noise), trace(net, noise[:1])[0], title="four convolutions")
    titles = [axes.get_title() for axes in figure.axes[:2]]
    assert titles == ["0\ntheory 3×3, effective 3×3", "3\ntheory 9×9, effective 7×7"]
    assert to_png(figure).startswith(b"\x89PNG")


def test_a_field_that_the_image_cuts_is_told_with_the_size_of_the_image():
    net, small = nn.Sequential(*(nn.Conv2d(1, 1, 3, padding=1) for _ in range(4))), torch.randn(2, 1, 6, 7)
    figure = effective_field_figure(effective_fields(net, ["3"], small), trace(net, small[:1])[0], title="cut")
    assert "theory 9×9" in figure.axes[0].get_title() and figure.axes[0].get_title().endswith("\ncut by the image of 6×7")
