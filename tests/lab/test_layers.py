import pytest
import torch
from torch import nn
from torch.nn import functional as F

from curate.errors import DataError, UnknownNameError
from curate.judge.models.registry import make_model
from curate.lab.layers import conv_layers, feature_maps, find_layer, maps_of_convolutions, recorded

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def lenet():
    return make_model("lenet5", num_classes=4, in_channels=1, image_size=28, seed=0)


@pytest.fixture
def x():
    return torch.randn(3, 1, 28, 28, generator=torch.Generator().manual_seed(0))


def num_hooks(net):
    return sum(len(module._forward_hooks) + len(module._forward_pre_hooks) for module in net.modules())


def test_maps_are_what_the_layer_computes(lenet, x):
    torch.testing.assert_close(feature_maps(lenet, x, "conv1"), F.conv2d(x, lenet.conv1.weight, lenet.conv1.bias, padding=2))


def test_maps_are_of_the_layer_itself_though_the_next_one_works_in_place(x):
    net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(inplace=True), nn.Conv2d(4, 2, 3))
    assert feature_maps(net, x, "0").min() < 0
    assert feature_maps(net, x, "1").min() == 0


@pytest.mark.parametrize("look", [lambda net, x: feature_maps(net, x, "0"), maps_of_convolutions])
def test_a_frozen_layer_in_evaluation_mode_stays_in_it(x, look):
    net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4)).train()
    net[1].eval()
    look(net, x)
    assert [module.training for module in net.modules()] == [True, True, False]


def test_the_forward_pass_ends_at_the_layer(x):
    net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.Linear(1, 1))  # the second layer could not take these maps
    assert feature_maps(net, x, "0").shape == (3, 4, 26, 26)


@pytest.mark.parametrize("is_training", [True, False])
def test_maps_are_those_of_evaluation_and_the_net_is_left_as_it_was(x, is_training):
    net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4)).train(is_training)
    maps = feature_maps(net, x, "1")
    assert net.training is is_training and net[1].num_batches_tracked == 0
    torch.testing.assert_close(maps, net.eval()(x))


def test_hooks_are_gone_afterwards(lenet, x):
    feature_maps(lenet, x, "conv2")
    assert num_hooks(lenet) == 0


@pytest.mark.parametrize("layer", ["conv2", "fc1"])
def test_hooks_are_gone_after_an_error_too(lenet, layer):
    too_small = torch.zeros(1, 1, 8, 8)
    with pytest.raises(RuntimeError):
        feature_maps(lenet, too_small, layer)
    assert num_hooks(lenet) == 0


def test_recording_leaves_no_hook_when_its_block_fails(lenet, x):
    with pytest.raises(ZeroDivisionError), recorded(lenet, ["conv1", "fc3"]) as outputs:
        lenet(x)
        assert set(outputs) == {"conv1", "fc3"} and num_hooks(lenet) == 2
        _ = 1 / 0
    assert num_hooks(lenet) == 0


def test_recording_hooks_nothing_where_one_name_is_wrong(lenet):
    with pytest.raises(UnknownNameError), recorded(lenet, ["conv1", "conv3"]):
        pass
    assert num_hooks(lenet) == 0


def test_a_wrong_layer_name_is_answered_with_the_nearest(lenet):
    with pytest.raises(UnknownNameError, match=r"unknown layer 'conv3'; did you mean conv[12] or conv[12]"):
        find_layer(lenet, "conv3")


def test_no_name_is_no_layer(lenet):
    with pytest.raises(UnknownNameError):
        find_layer(lenet, "")


def test_a_layer_without_maps_is_refused_with_some_that_have(lenet, x):
    with pytest.raises(DataError, match=r"layer 'fc1' puts out \(3, 120\), not maps .* try conv1, conv2"):
        feature_maps(lenet, x, "fc1")


def test_a_layer_that_is_never_reached_is_refused(lenet, x):
    lenet.spare = nn.Conv2d(1, 1, 1)
    with pytest.raises(DataError, match="never reaches it"):
        feature_maps(lenet, x, "spare")


def test_a_net_without_convolutions_has_no_layers_to_look_at():
    with pytest.raises(DataError, match="no 2-D convolution"):
        conv_layers(nn.Linear(2, 2))


def test_maps_of_all_convolutions_come_in_the_order_of_the_forward_pass(x):
    class Backwards(nn.Module):
        def __init__(self):
            super().__init__()
            self.spare, self.last, self.first = (nn.Conv2d(1, 1, side) for side in (3, 5, 7))

        def forward(self, x):
            return self.last(self.first(x))

    net = Backwards().train()
    maps = maps_of_convolutions(net, x)
    assert list(maps) == ["first", "last"] and net.training and num_hooks(net) == 0
    torch.testing.assert_close(maps["last"], net(x).detach())
