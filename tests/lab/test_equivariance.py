import numpy as np
import pytest
import torch
from torch import nn

from curate.errors import UsageError
from curate.judge.models.registry import make_model
from curate.lab.equivariance import EXACT, equivariance, equivariance_figure, rows_to_draw
from curate.lab.figure import to_png
from curate.lab.invariance import relative_difference

SHIFTS = range(9)


@pytest.fixture
def image():
    return torch.rand(1, 28, 28, generator=torch.Generator().manual_seed(0))


@pytest.fixture(params=["lenet5", "cifar-cnn", "resnet-small", "resnet18"])
def layers(request, image, one_thread):
    net = make_model(request.param, num_classes=10, in_channels=1, image_size=28, seed=0)
    return equivariance(net, image, SHIFTS)


def test_layers_follow_shifts_by_multiples_of_their_jump_exactly_away_from_borders(layers):
    errors = [error for layer in layers for error in layer.errors(SHIFTS, at_multiples=True)]
    assert len(errors) > 20
    assert max(errors) < EXACT


def test_shifts_between_the_jumps_are_not_followed(layers):
    errors = [error for layer in layers for error in layer.errors(SHIFTS, at_multiples=False)]
    assert min(errors) > 0.01


def test_padding_breaks_equivariance_at_the_borders_only(image):
    (layer,) = equivariance(nn.Conv2d(1, 4, 5, padding=2), image, [3])
    assert layer.inside[0] < EXACT < layer.all[0]


def test_circular_padding_keeps_it_at_the_borders_too(image):
    (layer,) = equivariance(nn.Conv2d(1, 4, 5, padding=2, padding_mode="circular"), image, [3])
    assert layer.all[0] < EXACT


def test_a_layer_without_places_tells_how_much_its_output_changes(image):
    net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.Flatten(), nn.Linear(4 * 26 * 26, 5))
    last = equivariance(net, image, [0, 4])[-1]
    with torch.no_grad():
        expected = relative_difference(net(image[None].roll(4, -1)).numpy(), net(image[None]).numpy())
    assert last.jump is None and np.isnan(last.inside).all()
    assert last.all.tolist() == pytest.approx([0, expected])


def test_where_no_unit_sees_only_what_was_shifted_there_is_no_exact_error(image):
    net = nn.Conv2d(1, 1, 21)
    inside = equivariance(net, image, [0, 7, 8])[0].inside
    assert np.isnan(inside).tolist() == [False, False, True]


@pytest.mark.parametrize("shift", [-1, 28])
def test_a_shift_out_of_the_image_is_refused(shift, image):
    with pytest.raises(UsageError, match="less than the image's 28 pixels"):
        equivariance(nn.Conv2d(1, 1, 3), image, [shift])


def test_the_figure_is_drawn(image):
    net = make_model("lenet5", num_classes=10, in_channels=1, image_size=28, seed=0)
    figure = equivariance_figure(equivariance(net, image, [0, 2]), [0, 2], title="lenet5")
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert texts[:2] == ["0", "0"] and texts[-2] == "0*"
    assert to_png(figure).startswith(b"\x89PNG")


def test_of_a_deep_net_the_first_layer_and_the_last_of_each_jump_are_drawn():
    jumps = [*[1.0] * 90, *[2.0] * 5, *[4.0] * 80, None, None]
    rows = rows_to_draw(jumps, most=28)
    assert len(rows) == 28 and rows == sorted(set(rows))
    assert {0, 89, 94, 174, 176} <= set(rows)


def test_a_shallow_net_is_drawn_whole():
    assert rows_to_draw([1.0] * 12) == list(range(12))
