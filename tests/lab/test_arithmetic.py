"""The arithmetic against torchvision's published figures, the tensors themselves, and the courses' numbers."""

import re
import warnings

import pytest
import torch
import torchvision
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from curate.errors import DataError, UsageError
from curate.judge.models.registry import MODELS, make_model
from curate.lab.arithmetic import arithmetic, smallest_side
from curate.lab.arithmetic_figure import amount, arithmetic_figure
from curate.lab.counted import field_text, parse_shape
from curate.lab.figure import to_png
from curate.lab.formulas import output_size, size_formula

PUBLISHED = (
    "alexnet vgg16 googlenet inception_v3 resnet18 resnet50 resnext50_32x4d densenet121 mobilenet_v3_large shufflenet_v2_x1_0 "
    "squeezenet1_1 efficientnet_b0 convnext_tiny vit_b_16 swin_t swin_v2_t"
)


def zoo_net(name, **options):
    """torchvision's net without memory for its weights, which shapes and counts do not need."""
    if name in ("googlenet", "inception_v3"):
        options |= {"init_weights": False, "aux_logits": name == "inception_v3"}
    with torch.device("meta"):
        return torchvision.models.get_model(name, **options)


def alexnet_of_2012(num_classes=1000, groups=2):
    """The net of the paper, its two GPUs as groups."""

    def conv(in_channels, out_channels, kernel, *, stride=1, padding=0, groups=1):
        return [nn.Conv2d(in_channels, out_channels, kernel, stride, padding, groups=groups), nn.ReLU(inplace=True)]

    return nn.Sequential(
        *conv(3, 96, 11, stride=4), nn.LocalResponseNorm(5), nn.MaxPool2d(3, 2),
        *conv(96, 256, 5, padding=2, groups=groups), nn.LocalResponseNorm(5), nn.MaxPool2d(3, 2),
        *conv(256, 384, 3, padding=1), *conv(384, 384, 3, padding=1, groups=groups),
        *conv(384, 256, 3, padding=1, groups=groups), nn.MaxPool2d(3, 2), nn.Flatten(),
        nn.Linear(9216, 4096), nn.ReLU(inplace=True), nn.Linear(4096, 4096), nn.ReLU(inplace=True), nn.Linear(4096, num_classes),
    )  # fmt: skip


@pytest.fixture(scope="module")
def alexnet():
    with torch.device("meta"):
        return arithmetic(alexnet_of_2012(), (3, 227, 227))


def test_the_first_layer_of_alexnet_has_the_courses_formulas(alexnet):
    first = alexnet.layers[0]
    assert first.size_formula == "(227 + 2·0 − 11)/4 + 1 = 55"
    assert first.parameter_formula == "11·11·3·96 + 96 = 34,944"
    assert first.multiply_add_formula == "11·11·3·96·55·55 = 105,415,200"
    assert first.output_shape == (96, 55, 55)


def test_alexnet_has_61_million_parameters_of_which_58_6_are_fully_connected(alexnet):
    assert alexnet.parameters == 60_965_224  # the paper: 60 million
    assert alexnet.parts("parameters") == {"fully connected": 58_631_144, "convolutions": 2_334_080}


def test_alexnet_on_one_gpu_has_62_4_million_with_the_same_fully_connected_part():
    with torch.device("meta"):
        made = arithmetic(alexnet_of_2012(groups=1), (3, 227, 227))
    assert (made.parameters, made.parts("parameters")["fully connected"]) == (62_378_344, 58_631_144)


def test_the_receptive_fields_of_alexnet_are_those_of_the_literature(alexnet):
    seen = {layer.name: field_text(layer.receptive_field) for layer in alexnet.layers}
    assert [seen[i] for i in ("0", "3", "4", "7", "8", "10", "12", "14")] == [
        "11×11", "19×19", "51×51", "67×67", "99×99", "131×131", "163×163", "195×195",
    ]  # fmt: skip


# Distill has 483 and 1507 for the ResNets of the paper; torchvision's take the strides at the 3x3 convolutions, not at the 1x1
# before them, which makes the field 2·(4 + 8 + 16) pixels smaller.
@pytest.mark.parametrize(("name", "size"), [("vgg16", 212), ("resnet50", 483 - 56), ("resnet152", 1507 - 56), ("inception_v3", 1311)])
def test_the_last_receptive_field_is_the_one_published_at_distill(name, size):
    made = arithmetic(zoo_net(name), (3, 299, 299) if name == "inception_v3" else (3, 224, 224))
    last = [layer.receptive_field for layer in made.layers if layer.receptive_field.is_map and not layer.receptive_field.is_whole]
    assert last[-1].size == (size, size)


@pytest.mark.parametrize("name", PUBLISHED.split())
def test_parameters_and_multiply_adds_are_those_that_torchvision_publishes(name):
    weights = torchvision.models.get_model_weights(name).DEFAULT
    side = weights.transforms().crop_size[0]
    made = arithmetic(zoo_net(name), (3, side, side))
    assert made.parameters == weights.meta["num_params"]
    assert made.multiply_adds / 1e9 == pytest.approx(weights.meta["_ops"], abs=0.0006)


def shapes_by_hooks(net, x):
    """What each module really puts out, one entry per call."""
    shapes = []
    handles = [
        module.register_forward_hook(lambda m, i, o, name=name: shapes.append((name, tuple(o.shape[1:]))))
        for name, module in net.named_modules()
        if not any(module.children())
    ]
    with torch.no_grad():
        net.eval()(x)
    for handle in handles:
        handle.remove()
    return shapes


@pytest.mark.parametrize("name", ["googlenet", "resnet18"])
def test_shapes_are_those_of_real_tensors(name, one_thread):
    net = torchvision.models.get_model(name, **({"init_weights": False, "aux_logits": False} if name == "googlenet" else {}))
    check_shapes(net, arithmetic(net, (3, 96, 96)), torch.zeros(1, 3, 96, 96))


def check_shapes(net, made, x):
    kinds = {name: type(module).__name__ for name, module in net.named_modules() if not any(module.children())}
    found = [(layer.name, layer.output_shape) for layer in made.layers if kinds.get(layer.name) == layer.kind]
    assert found == [(name, shape) for name, shape in shapes_by_hooks(net, x) if "out_proj" not in name]


def check_formulas(made):
    """Every formula ends with the number beside it, and is worth it."""
    for layer in made.layers:
        results = [int(number.replace(",", "")) for number in re.findall(r"= ([\d,]+)", layer.size_formula)]
        if results and len(layer.output_shape) == 3:
            assert tuple(results if len(results) == 2 else results * 2) == layer.output_shape[1:]
        for text, value in ((layer.parameter_formula, layer.parameters), (layer.multiply_add_formula, layer.multiply_adds)):
            if text:
                left, right = text.split(" = ")
                assert int(right.replace(",", "")) == value
                assert eval(left.replace("·", "*").replace(",", "").replace("/", "//")) == value


@pytest.mark.parametrize("name", MODELS)
def test_every_model_of_the_registry_agrees_with_its_tensors(name):
    if name == "xception":
        pytest.importorskip("timm", reason="xception comes from timm")
    with torch.device("meta"):  # tensors with shapes only
        net = make_model(name, num_classes=7, in_channels=3, image_size=(33, 36))
        made = arithmetic(net, (3, 33, 36))
        check_shapes(net, made, torch.zeros(1, 3, 33, 36))
    check_formulas(made)
    assert made.parameters == sum(parameter.numel() for parameter in net.parameters())
    assert made.layers[-1].output_shape == (7,)


@pytest.mark.parametrize("name", ["alexnet", "googlenet", "squeezenet1_1"])
def test_formulas_round_as_the_layers_do(name):
    made = arithmetic(zoo_net(name), (3, 231, 225))
    check_formulas(made)
    assert sum(bool(layer.size_formula) for layer in made.layers) > 8


@given(st.integers(1, 40), st.integers(1, 5), st.integers(1, 4), st.integers(0, 2), st.integers(1, 3), st.booleans())
@settings(max_examples=200, deadline=None)
def test_any_output_size_is_torchs(size, kernel, stride, padding, dilation, ceil):
    padding = min(padding, kernel // 2)
    x = torch.zeros(1, 1, size, size)
    expected = output_size(size, kernel, stride=stride, padding=padding, dilation=dilation, ceil=ceil)
    if size + 2 * padding < dilation * (kernel - 1) + 1:
        assert expected < 1 or ceil
        return
    found = F.max_pool2d(x, kernel, stride, padding, dilation, ceil).shape[-1]
    assert expected == found
    text = size_formula(size, kernel, stride=stride, padding=padding, dilation=dilation, ceil=ceil)
    assert text.endswith(f"= {found}") or (ceil and "windows" in text)


@pytest.mark.parametrize("name", ["lenet5", "lenet5-1998", "mnist-cnn", "cifar-cnn-gap", "resnet-small"])
def test_functions_outside_of_layers_are_told_too(name):
    net = make_model(name, num_classes=10, in_channels=1, image_size=28, seed=0)
    made = arithmetic(net, (1, 28, 28))
    assert made.parameters == sum(parameter.numel() for parameter in net.parameters())
    assert made.layers[-1].output_shape == (10,)
    assert sum("pool" in layer.kind.lower() or layer.kind in ("mean", "Subsampling") for layer in made.layers) > 0


def test_lenet5_of_1998_has_the_parameters_of_the_paper_layer_by_layer():
    made = arithmetic(make_model("lenet5-1998", num_classes=10, in_channels=1, image_size=28, seed=0), (1, 28, 28))
    counts = {layer.name: layer.parameters for layer in made.layers if layer.parameters}
    assert counts == {"c1": 156, "s2": 12, "c3": 1516, "s4": 32, "c5": 48120, "f6": 10164, "output": 850}


def test_what_works_in_place_costs_no_memory():
    made = arithmetic(nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(inplace=True), nn.ReLU(), nn.Flatten()), (1, 5, 5))
    assert [layer.activation_bytes for layer in made.layers] == [2 * 9 * 4, 0, 2 * 9 * 4, 0]


def test_a_shared_layer_counts_its_parameters_once():
    layer = nn.Conv2d(2, 2, 3, padding=1)
    made = arithmetic(nn.Sequential(layer, nn.ReLU(), layer), (2, 5, 5))
    assert [row.parameters for row in made.layers] == [38, 0, 0]
    assert made.multiply_adds == 2 * 3 * 3 * 2 * 2 * 25


def test_parameters_that_this_pass_does_not_use_are_told():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torchvision on initialisation
        with torch.device("meta"):
            made = arithmetic(torchvision.models.googlenet(init_weights=False), (3, 224, 224))
    assert made.unused_parameters == 13_004_888 - 6_624_904  # its auxiliary classifiers
    assert made.parts("parameters")["unused here"] == made.unused_parameters


def test_the_net_is_left_as_it_was_without_hooks():
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Dropout(0.5))
    net[1].eval()
    before = {key: value.clone() for key, value in net.state_dict().items()}
    arithmetic(net, (1, 8, 8))
    assert [module.training for module in net.modules()] == [True, True, False, True]
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in net.modules())
    assert all(torch.equal(value, before[key]) for key, value in net.state_dict().items())


def test_hooks_are_removed_after_a_failure_too():
    net = nn.Sequential(nn.Conv2d(1, 2, 9), nn.Flatten(), nn.Linear(2, 2)).train()
    with pytest.raises(DataError, match=r"Sequential cannot take images of 1x5x5; the smallest square ones that it can are 1x9x9 \("):
        arithmetic(net, (1, 5, 5))
    assert net.training and not any(module._forward_hooks for module in net.modules())


def test_a_wrong_number_of_channels_is_told_with_torchs_reason():
    with pytest.raises(DataError, match=r"nor square ones of any size that was tried \(.*channels"):
        arithmetic(nn.Conv2d(3, 4, 3), (1, 32, 32))


@pytest.mark.parametrize("smallest", [1, 2, 3, 63, 64, 65, 299, 1024])
def test_the_smallest_side_is_found_by_trying(smallest):
    def take(side):
        if side < smallest:
            raise RuntimeError("too small")

    assert smallest_side(take) == smallest


def test_no_side_is_told_as_none():
    def take(side):
        raise ValueError

    assert smallest_side(take) is None


@pytest.mark.parametrize("text", ["227x227", "3x0x5", "3x227x227x1", "axbxc", "", "3,227,227"])
def test_what_is_no_shape_is_refused(text):
    with pytest.raises(UsageError, match="such as 3x227x227"):
        parse_shape(text)


def test_a_shape_is_read():
    assert parse_shape("3x227x112") == (3, 227, 112)


@pytest.mark.parametrize("name", ["alexnet", "resnet50", "vit_b_16"])
def test_the_picture_has_a_row_for_each_layer_or_block(name):
    figure = arithmetic_figure(arithmetic(zoo_net(name), (3, 224, 224)), title=name)
    assert 5 <= len(figure.axes[0].get_yticklabels()) <= 60
    assert to_png(figure).startswith(b"\x89PNG")


def test_amounts_are_written_short():
    assert [amount(v) for v in (0, 999, 34_944, 61.1e6, 15.47e9)] == ["0", "999", "34.9 k", "61.1 M", "15.5 G"]
    assert amount(2_366_880, is_bytes=True) == "2.37 MB"
