"""The nearest names that an unknown one is answered with."""

import pytest

from curate.errors import UnknownNameError, nearest
from curate.judge.models.registry import MODELS
from curate.lab.kernels import kernel_names

LAYERS = ("conv1", "bn1", "layer1.0.conv1", "layer1.0.conv2", "layer2.0.conv1", "layer2.0.downsample", "layer2.1.conv1", "fc")


@pytest.mark.parametrize(
    ("name", "known", "found"),
    [
        ("blur", kernel_names(), ["box-blur", "gaussian-blur"]),
        ("gauss", kernel_names(), ["gaussian-blur"]),
        ("Sobel_Vertikal", kernel_names(), ["sobel-vertical"]),
        ("layer2.conv1", LAYERS, ["layer2.0.conv1", "layer2.1.conv1"]),
        ("downsample", LAYERS, ["layer2.0.downsample"]),
        ("vit", MODELS, ["vit-b16"]),
        ("ResNet-18", MODELS, ["resnet18"]),
        ("minst", ("cifar10", "kmnist", "mnist"), ["mnist", "kmnist"]),
        ("t-shirt", ("Shirt", "T-shirt/top", "Trouser"), ["T-shirt/top", "Shirt"]),
    ],
)
def test_typing_errors_parts_and_left_out_words_are_understood(name, known, found):
    assert nearest(name, known)[: len(found)] == found


def test_nothing_is_near_what_is_like_nothing():
    assert nearest("emboss", kernel_names()) == []


def test_of_a_long_list_the_first_are_named_and_how_many_there_are():
    message = str(UnknownNameError.of("layer", "xyz", [f"conv{i}" for i in range(200)]))
    assert message.startswith("unknown layer 'xyz'; known: conv0, conv1,") and message.endswith("conv29 … (200 in all)")


def test_where_no_name_is_known_that_is_said():
    assert str(UnknownNameError.of("layer", "xyz", [])) == "unknown layer 'xyz'; there is none"
