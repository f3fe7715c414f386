import numpy as np
import pytest
import torch
from torch import nn

from curate.errors import DataError, UsageError
from curate.lab.excitation import check_channels, most_exciting

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def net():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(2, 5, 3, stride=2), nn.ReLU())


@pytest.fixture
def images():
    return torch.randn(37, 2, 9, 12, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("batch", [1, 4, 37])
def test_the_best_of_all_batches_are_the_best_of_all_images(net, images, batch):
    found = most_exciting(net, images.split(batch), "0", num=6)
    maps = net[0](images).detach().numpy()  # (37, 5, 4, 5)
    for channel in range(5):
        strongest = maps[:, channel].reshape(37, -1).max(axis=1)
        assert found.indices[channel].tolist() == np.argsort(-strongest)[:6].tolist()
        for value, i, (y, x) in zip(found.values[channel], found.indices[channel], found.places[channel], strict=True):
            assert value == pytest.approx(strongest[i], abs=1e-6) and value == pytest.approx(maps[i, channel, y, x], abs=1e-6)


def test_fewer_images_than_asked_for_are_all_found(net, images):
    found = most_exciting(net, images[:3].split(2), "0", num=9)
    assert found.values.shape == (5, 3) and found.places.shape == (5, 3, 2)
    assert np.array_equal(np.sort(found.indices, axis=1), np.tile([0, 1, 2], (5, 1)))


def test_no_images_excite_nothing(net):
    with pytest.raises(DataError, match="no images"):
        most_exciting(net, [], "0")


@pytest.mark.parametrize("channel", [-1, 5])
def test_a_channel_that_is_not_there_is_refused(channel):
    with pytest.raises(UsageError, match=f"layer 'conv1' has channels 0 to 4, found {channel}"):
        check_channels("conv1", [0, channel], 5)
