"""Every net of the zoo has as many parameters as were published for it: torchvision's own table, timm's nets, and the papers."""

import pytest
import torch
from torchvision.models import get_model_weights

from curate.judge.models.registry import make_model
from curate.judge.models.zoo import ZOO

NOTED = {"googlenet": 6_379_984, "inception-v3": 3_326_696}
"""Parameters of auxiliary heads, which are left out and said to be."""


def count(name, num_classes=1000):
    spec = ZOO[name]
    if spec.package == "timm":
        pytest.importorskip("timm", reason=f"{name} needs timm: pip install 'curate[zoo]'")
    with torch.device("meta"):
        model = make_model(name, num_classes=num_classes, in_channels=3, image_size=spec.own_input[1:])
    return sum(parameter.numel() for parameter in model.parameters())


@pytest.mark.parametrize("name", [name for name, spec in ZOO.items() if spec.parameters])
def test_a_net_has_the_published_number_of_parameters(name):
    spec = ZOO[name]
    left_out = NOTED.get(name, 0)
    assert count(name) + left_out == spec.parameters
    assert (f"{left_out:,}" in spec.note) == bool(left_out)


@pytest.mark.parametrize("name", [name for name, spec in ZOO.items() if spec.package == "torchvision"])
def test_the_published_number_is_torchvisions(name):
    published = get_model_weights(ZOO[name].published)["IMAGENET1K_V1"].meta["num_params"]
    assert published in (ZOO[name].parameters, ZOO[name].parameters - NOTED.get(name, 0))


def test_shufflenet_v1_has_about_the_papers_number():
    assert count("shufflenet-v1") == pytest.approx(1.9e6, rel=0.03)


@pytest.mark.parametrize(
    ("name", "shape", "parameters"),
    [
        ("course-mnist", (1, 28, 28), 421_642),
        ("course-mnist-fcn", (1, 28, 28), 93_962),
        ("course-cifar", (3, 32, 32), 270_942),
        ("course-cifar-gap", (3, 32, 32), 32_862),
        ("lenet5", (1, 28, 28), 61_706),
    ],
)
def test_the_slides_nets_are_counted_as_on_the_slides(name, shape, parameters):
    model = make_model(name, num_classes=10, in_channels=shape[0], image_size=shape[1:], seed=0)
    assert sum(parameter.numel() for parameter in model.parameters()) == parameters
