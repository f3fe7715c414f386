import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.errors import DataError, UnknownNameError
from curate.judge.models.base import ConvNet
from curate.judge.models.registry import MODELS, default_model, make_model, model_names
from curate.judge.models.zoo import ZOO

OWN = [name for name in model_names() if name not in ZOO]  # the others: test_zoo.py


def noise(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def forward(model, x):
    with torch.no_grad():
        return model.eval()(x)


@settings(deadline=None, max_examples=25)
@given(
    name=st.sampled_from(OWN),
    num_classes=st.integers(2, 12),
    in_channels=st.integers(1, 4),
    extra=st.tuples(st.integers(0, 40), st.integers(0, 40)),
)
def test_every_net_has_the_shapes_it_promises_at_every_size(name, num_classes, in_channels, extra):
    size = tuple(MODELS[name].smallest_size + more for more in extra)
    model = make_model(name, num_classes=num_classes, in_channels=in_channels, image_size=size, seed=0).eval()
    with torch.no_grad():
        maps = model.forward_maps(noise(2, in_channels, *size))
        assert maps.ndim == 4 and 2 * maps.shape[1] == model.num_features
        assert model.forward_head(maps).shape == (2, num_classes)
        assert model.forward_features(noise(2, in_channels, *size)).shape == (2, model.num_features)


@pytest.mark.parametrize("name", OWN)
def test_logits_are_the_head_of_the_maps_and_features_their_pooling(name):
    model = make_model(name, num_classes=10, in_channels=3, image_size=32, seed=0).eval()
    x = noise(2, 3, 32, 32)
    with torch.no_grad():
        maps = model.forward_maps(x)
        assert torch.equal(model(x), model.forward_head(maps))
        assert torch.equal(model.forward_features(x), torch.cat([maps.mean((2, 3)), maps.amax((2, 3))], dim=1))


@pytest.mark.parametrize("name", OWN)
def test_the_same_seed_gives_the_same_weights_and_another_seed_others(name):
    first, again, other = (make_model(name, num_classes=10, in_channels=1, image_size=28, seed=s).state_dict() for s in (3, 3, 4))
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert any(not torch.equal(first[key], other[key]) for key in first)


def test_a_seed_leaves_the_global_generator_alone():
    before = torch.get_rng_state()
    make_model("lenet5", num_classes=10, in_channels=1, image_size=28, seed=0)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("name", OWN)
def test_a_training_step_under_bf16_autocast_reaches_every_trainable_parameter(name):
    model = make_model(name, num_classes=10, in_channels=1, image_size=28, seed=0).to(memory_format=torch.channels_last)
    with torch.autocast("cpu", torch.bfloat16):
        logits = model(noise(8, 1, 28, 28).contiguous(memory_format=torch.channels_last))
    torch.nn.functional.cross_entropy(logits.float(), torch.arange(8)).backward()
    for key, parameter in model.named_parameters():
        if parameter.requires_grad:
            assert parameter.grad is not None and torch.isfinite(parameter.grad).all() and parameter.grad.abs().sum() > 0, key


@pytest.mark.parametrize("name", OWN)
def test_bf16_logits_are_near_the_float32_ones(name):
    model = make_model(name, num_classes=10, in_channels=1, image_size=28, seed=0).eval()
    x = noise(4, 1, 28, 28)
    exact = forward(model, x)
    with torch.autocast("cpu", torch.bfloat16):
        rounded = forward(model, x).float()
    assert (rounded - exact).abs().max() <= 0.05 * exact.abs().max()


@pytest.mark.parametrize("name", OWN)
def test_a_net_is_told_by_its_name_and_sizes(name):
    model = make_model(name, num_classes=7, in_channels=3, image_size=(24, 30))
    assert isinstance(model, ConvNet)
    assert (model.name, model.num_classes, model.in_channels, model.image_size) == (name, 7, 3, (24, 30))


@pytest.mark.parametrize("name", model_names())
def test_images_too_small_for_a_net_are_refused_with_the_smallest_size_it_takes(name):
    smallest = MODELS[name].smallest_size
    with pytest.raises(
        DataError, match=f"'{name}' takes images from {smallest}x{smallest} pixels up, these have {smallest}x{smallest - 1}"
    ):
        make_model(name, num_classes=10, in_channels=1, image_size=(smallest, smallest - 1))


def test_an_unknown_model_is_refused_with_the_nearest_names():
    with pytest.raises(UnknownNameError, match="unknown model 'lenet'; did you mean lenet5"):
        make_model("lenet", num_classes=10, in_channels=1, image_size=28)


def test_a_model_without_classes_is_refused():
    with pytest.raises(DataError, match="found 0 classes"):
        make_model("lenet5", num_classes=0, in_channels=1, image_size=28)


@pytest.mark.parametrize("name", OWN)
def test_every_net_lets_itself_be_prepared_from_training_images(name):
    model = make_model(name, num_classes=10, in_channels=3, image_size=32, seed=0)
    model.init_from_images(noise(50, 3, 32, 32))
    assert torch.isfinite(forward(model, noise(2, 3, 32, 32))).all()


@pytest.mark.parametrize("times", [1, 2, 3])
def test_airbench_has_the_maps_of_cifar10_whatever_the_size_and_whitens_what_it_sees(times):
    model = make_model("airbench", num_classes=10, in_channels=3, image_size=32 * times, seed=0)
    images = noise(200, 3, 32 * times, 32 * times).cumsum(dim=3) / 8  # neighbouring pixels are alike
    model.init_from_images(images)
    with torch.no_grad():
        seen = model.get_submodule("whiten")(images)
    assert 31 <= seen.shape[2] <= 32 and seen.shape[2] == seen.shape[3]
    half = seen[:, : seen.shape[1] // 2].transpose(0, 1).flatten(1)  # the other half are its negatives
    moments = half @ half.T / half.shape[1]
    assert torch.allclose(moments, torch.eye(len(moments)), atol=0.15)


@pytest.mark.parametrize(
    "size, channels, name", [(28, 1, "mnist-cnn"), ((32, 32), 1, "mnist-cnn"), (32, 3, "airbench"), (64, 1, "airbench")]
)
def test_the_default_net_depends_on_size_and_channels(size, channels, name):
    assert default_model(size, channels) == name
    assert name in model_names()


def test_smooth_images_are_whitened_without_a_nan():
    model = make_model("airbench", num_classes=10, in_channels=1, image_size=64, seed=0)
    smooth = torch.nn.functional.interpolate(noise(1500, 1, 4, 4), size=(64, 64), mode="bicubic")
    model.init_from_images((smooth - smooth.mean()) / smooth.std() * 3)
    weight = model.get_parameter("whiten.weight")
    assert torch.isfinite(weight).all() and weight.abs().max() < 1 / 5e-4**0.5 + 1e-3
    assert torch.isfinite(forward(model, smooth[:4])).all()
