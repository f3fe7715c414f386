import copy

import numpy as np
import pytest
import torch
from torch import nn

from curate.judge.models.registry import make_model
from curate.lab.layers import conv_layers, recorded
from curate.lab.visible import last_local_layer, visible


@torch.no_grad()
def asked(net, layers, shape):
    """For each of the layers, which rows and columns each place depends on.

    Found by asking: one line of the input after the other is not a number. In double precision, whose convolutions take no
    short cuts that would mix places.
    """
    channels, height, width = shape
    probes = torch.zeros(height + width, channels, height, width, dtype=torch.float64)
    for line in range(height + width):
        (probes[line, :, line] if line < height else probes[line, :, :, line - height]).fill_(torch.nan)
    exact = copy.deepcopy(net).double().eval()
    with recorded(exact, layers) as outputs:
        exact.forward_maps(probes)
    found = {}
    for layer, maps in outputs.items():
        touched = maps.isnan().any(dim=1).numpy()
        found[layer] = [
            np.stack([sees.argmax(axis=0), len(sees) - sees[::-1].argmax(axis=0)], axis=1)
            for sees in (touched[:height].any(axis=2), touched[height:].any(axis=1))
        ]
    return found


@pytest.mark.parametrize("name", ["lenet5", "mnist-cnn", "airbench", "resnet-small"])
def test_a_place_sees_the_pixels_that_its_value_depends_on(name, one_thread):
    net = make_model(name, num_classes=3, in_channels=1, image_size=(32, 24), seed=0)
    found = asked(net, conv_layers(net), (1, 32, 24))
    assert len(found) == len(conv_layers(net))
    for layer, (rows, columns) in found.items():
        seen = visible(net, torch.zeros(1, 1, 32, 24), layer)
        np.testing.assert_array_equal(seen.rows, rows)
        np.testing.assert_array_equal(seen.columns, columns)


def test_a_layer_that_holds_others_sees_what_the_last_of_them_sees(one_thread):
    net = make_model("mnist-cnn", num_classes=3, in_channels=1, image_size=28, seed=0)
    rows, _ = asked(net, ["body.1"], (1, 28, 28))["body.1"]
    np.testing.assert_array_equal(visible(net, torch.zeros(1, 1, 28, 28), "body.1").rows, rows)


@pytest.mark.parametrize(("place", "missing"), [((0, 0), np.s_[:, :1, :1]), ((4, 4), np.s_[:, -1:, -1:])])
def test_a_patch_is_the_pixels_that_are_seen_and_not_a_number_beyond_the_border(place, missing):
    image = np.arange(1, 26.0).reshape(1, 5, 5)
    patch = visible(nn.Sequential(nn.Conv2d(1, 1, 3, padding=1)), torch.zeros(1, 1, 5, 5), "0").patch(image, place)
    padded = np.pad(image, ((0, 0), (1, 1), (1, 1)), constant_values=np.nan)
    np.testing.assert_array_equal(patch, padded[:, place[0] : place[0] + 3, place[1] : place[1] + 3])
    assert np.isnan(patch[missing]).all()


@pytest.mark.parametrize(("size", "layer"), [(28, "conv2"), (12, "conv1")])
def test_the_last_local_layer_is_the_last_that_does_not_see_the_whole_image(size, layer, one_thread):
    net = make_model("lenet5", num_classes=3, in_channels=1, image_size=size, seed=0)
    rows, columns = asked(net, ["conv2"], (1, size, size))["conv2"]
    assert ((np.diff(rows).max(), np.diff(columns).max()) == (size, size)) == (layer == "conv1")
    assert last_local_layer(net, torch.zeros(1, 1, size, size)) == layer
