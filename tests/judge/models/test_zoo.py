import math
import sys

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision.models import get_model

from curate.errors import DependencyError
from curate.judge.models.registry import MODELS, make_model, model_names
from curate.judge.models.weights import load_weights, save_weights
from curate.judge.models.zoo import ZOO, make_zoo_net

pytestmark = pytest.mark.usefixtures("one_thread")

TIMM = ("xception", "efficientnet-lite0")
OWN = ("mobilenet-v1", "shufflenet-v1")
TINY = ("alexnet", "googlenet", "resnet18", "mobilenet-v2", "mobilenet-v3", "shufflenet-v2", "squeezenet", "efficientnet-b0")
MIDDLE = ("inception-v3", "densenet121", "convnext-tiny", "swin-t")
VGGS = ("vgg11", "vgg16", "vgg19", "vgg11-bn", "vgg16-bn", "vgg19-bn")
BIG = (*VGGS, "resnet34", "resnet50", "resnet101", "resnet152", "resnext50", "wide-resnet50", "vit-b16")
ASKED = (*TINY, *OWN, *MIDDLE, *BIG, *TIMM)
DEEPER = ("vgg16", "vgg19", "vgg16-bn", "vgg19-bn", "resnet34", "resnet101", "resnet152", "wide-resnet50")
FAMILIES = tuple(name for name in ASKED if name not in DEEPER)
"""One of each kind of layers: the others only have more of them."""


def needs_timm(name):
    if name in TIMM:
        pytest.importorskip("timm", reason="xception needs timm: pip install 'curate[zoo]'")


def on_meta(name, size, *, num_classes=7, in_channels=3):
    """The net without its numbers: shapes are computed, values are not."""
    with torch.device("meta"):
        return make_model(name, num_classes=num_classes, in_channels=in_channels, image_size=size).eval()


def test_the_zoo_holds_every_net_that_was_asked_for():
    assert set(ASKED) == set(ZOO) < set(model_names())


@settings(deadline=None, max_examples=10)
@given(
    name=st.sampled_from([name for name in ASKED if name not in TIMM]),
    num_classes=st.integers(2, 12),
    in_channels=st.integers(1, 4),
    extra=st.tuples(st.integers(0, 100), st.integers(0, 100)),
)
def test_every_zoo_net_has_the_shapes_it_promises_at_every_size(name, num_classes, in_channels, extra):
    size = tuple(MODELS[name].smallest_size + more for more in extra)
    model = on_meta(name, size, num_classes=num_classes, in_channels=in_channels)
    x = torch.empty(2, in_channels, *size, device="meta")
    maps = model.forward_maps(x)
    assert maps.ndim == 4 and 2 * maps.shape[1] == model.num_features
    assert model.forward_head(maps).shape == (2, num_classes)
    assert model.forward_features(x).shape == (2, model.num_features)


@pytest.mark.parametrize("name", ASKED)
@pytest.mark.parametrize("size", [28, 32, 224])
def test_maps_are_of_a_useful_size_at_small_and_at_native_sizes(name, size):
    needs_timm(name)
    model = on_meta(name, (size, size), in_channels=1)
    height, width = model.forward_maps(torch.empty(2, 1, size, size, device="meta")).shape[2:]
    assert {28: 1, 32: 2, 224: 5}[size] <= height == width <= size // 4


@pytest.mark.parametrize("name", ["alexnet", "inception-v3", "vgg11", "densenet121", "convnext-tiny"])
def test_the_smallest_size_is_the_smallest_that_the_layers_can_take(name):
    below = MODELS[name].smallest_size - 1
    with torch.device("meta"):
        model = make_zoo_net(name, num_classes=3, in_channels=1, image_size=(below, below)).eval()
    with pytest.raises(RuntimeError, match=r"[Oo]utput size|[Kk]ernel size|too small"):
        model(torch.empty(2, 1, below, below, device="meta"))


@pytest.mark.parametrize("name", FAMILIES)
def test_a_training_step_in_bf16_with_channels_last_reaches_every_parameter(name):
    needs_timm(name)
    model = make_model(name, num_classes=4, in_channels=1, image_size=28, seed=0).to(memory_format=torch.channels_last)
    x = torch.randn(4, 1, 28, 28, generator=torch.Generator().manual_seed(0)).contiguous(memory_format=torch.channels_last)
    torch.manual_seed(0)  # of dropout and stochastic depth
    with torch.autocast("cpu", torch.bfloat16):
        logits = model(x)
    torch.nn.functional.cross_entropy(logits.float(), torch.arange(4)).backward()
    for key, parameter in model.named_parameters():
        assert parameter.grad is not None and torch.isfinite(parameter.grad).all() and parameter.grad.abs().sum() > 0, key
    model.eval()
    with torch.inference_mode():
        exact = model(x)
        with torch.autocast("cpu", torch.bfloat16):
            rounded = model(x).float()
    assert (rounded - exact).abs().max() <= 0.2 * exact.abs().max()  # 0.1 in the deepest, 0.01 in most


@pytest.mark.parametrize("name", [*TINY, *OWN, "swin-t"])
def test_weights_of_the_zoo_come_back_bit_for_bit(name, tmp_path):
    model = make_model(name, num_classes=4, in_channels=1, image_size=(28, 34), seed=0)
    again = load_weights(save_weights(tmp_path / "model.safetensors", model))
    assert (type(again), again.name, again.image_size, again.training) == (type(model), name, (28, 34), False)
    assert all(torch.equal(again.state_dict()[key], value) for key, value in model.state_dict().items())


@pytest.mark.parametrize("name", [*TINY, *OWN])
@pytest.mark.parametrize("channels, size", [(1, 32), (3, 32), (3, 224)])
def test_logits_are_the_head_of_the_maps_and_features_their_pooling(name, channels, size):
    model = make_model(name, num_classes=10, in_channels=channels, image_size=size, seed=0).eval()
    x = torch.randn(1, channels, size, size, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        maps = model.forward_maps(x)
        assert torch.equal(model(x), model.forward_head(maps))
        assert torch.equal(model.forward_features(x), torch.cat([maps.mean((2, 3)), maps.amax((2, 3))], dim=1))
    assert maps.std() > 0 and torch.isfinite(maps).all()


@pytest.mark.parametrize("name", [name for name in (*TINY, *MIDDLE) if name != "squeezenet"])
def test_at_native_size_a_zoo_net_is_the_published_one(name):
    """Same names of tensors, and on the same weights the same answers as torchvision's own code."""
    published = get_model(ZOO[name].published, weights=None, num_classes=5, **ZOO[name].options).eval()
    model = make_model(name, num_classes=5, in_channels=3, image_size=224, seed=0).eval()
    model.load_state_dict(published.state_dict())
    x = torch.randn(1, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        torch.testing.assert_close(model(x), published(x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ASKED)
def test_every_tensor_is_in_one_stage_or_in_the_head_and_the_output_layer_has_a_row_per_class(name):
    needs_timm(name)
    model = on_meta(name, (32, 32), num_classes=7)
    stages = [model.stage_of(key) for key, _ in model.named_parameters()]
    assert set(stages) == set(range(len(model.stages) + 1)) and len(model.stages) >= 3
    assert len(model.get_parameter(f"{model.output_layer}.weight")) == 7
    names = [part for stage in model.stages for part in stage]
    assert len(names) == len(set(names)) and all(hasattr(model, part.partition(".")[0]) for part in names)


def test_resnet18_for_32_pixels_has_the_parameters_of_the_published_one():
    """No tensor changes its shape on small images, so that ImageNet weights fit: 11,689,512 parameters, 1,000 classes."""
    for size in (32, 224):
        model = on_meta("resnet18", (size, size), num_classes=1000)
        assert sum(p.numel() for p in model.parameters()) == 11_689_512


def test_small_images_do_not_pay_for_the_hidden_layers_of_vgg():
    small, native = (sum(p.numel() for p in on_meta("vgg16", (s, s), num_classes=10).parameters()) for s in (32, 224))
    assert native > 8 * small


def test_a_first_convolution_of_other_channels_keeps_the_deviation_of_what_it_gives():
    """For noise of unit deviation, whatever the channels."""
    deviations = []
    for channels in (1, 3, 4):
        model = make_model("squeezenet", num_classes=3, in_channels=channels, image_size=64, seed=0)
        x = torch.randn(8, channels, 64, 64, generator=torch.Generator().manual_seed(0))
        with torch.inference_mode():
            deviations.append(model.get_submodule("features.0")(x).std().item())
    assert max(deviations) < 1.2 * min(deviations)


def test_images_of_odd_sides_lose_no_pixel_in_the_vision_transformer():
    model = on_meta("vit-b16", (30, 33))
    assert model.forward_maps(torch.empty(2, 3, 30, 33, device="meta")).shape == (2, 768, math.ceil(30 / 4), math.ceil(33 / 4))


def test_without_timm_the_error_names_the_pip_command(monkeypatch):
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(DependencyError, match=r"model 'xception' needs timm; install it with: pip install 'timm>=1.0,<2'"):
        make_model("xception", num_classes=3, in_channels=3, image_size=32)
