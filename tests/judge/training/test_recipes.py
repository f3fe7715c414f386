"""Recipes, presets, schedule, optimizers, device: what decides how a net is trained."""

import json
import subprocess
import sys

import pytest
import torch

from curate.errors import UnknownNameError, UsageError
from curate.judge.models.registry import make_model, model_names
from curate.judge.training.device import Device, pick_device
from curate.judge.training.fit import make_optimizers, rate_factor, rate_factors
from curate.judge.training.optimizers import AdamW, Muon, orthogonalise
from curate.judge.training.recipes import PRESETS, RECIPES, Recipe, preset_for

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.parametrize("shape", [(8, 8), (6, 40), (40, 6), (64, 216)])
def test_orthogonalised_matrices_have_singular_values_near_1(shape):
    g = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    values = torch.linalg.svdvals(orthogonalise(g, steps=6))
    assert values.min() > 0.6 and values.max() < 1.3


def test_orthogonalise_does_not_depend_on_scale_and_keeps_directions():
    g = torch.randn((6, 20), generator=torch.Generator().manual_seed(1))
    x = orthogonalise(g)
    torch.testing.assert_close(orthogonalise(1e4 * g), x, rtol=1e-4, atol=1e-5)
    u, _, vh = torch.linalg.svd(g, full_matrices=False)
    rotated = u.T @ x @ vh.T  # diagonal where the singular vectors stayed
    torch.testing.assert_close(rotated, torch.diag(rotated.diag()), rtol=0, atol=1e-4)
    assert (rotated.diag() > 0).all()


def test_muon_goes_down_and_keeps_the_norm_of_the_filters_in_bounds():
    generator = torch.Generator().manual_seed(0)
    target, start = (torch.randn((4, 3, 3, 3), generator=generator) for _ in range(2))
    target *= len(target) ** 0.5 / target.norm()
    filters = torch.nn.Parameter(start.clone())
    muon, losses = Muon([filters], lr=0.05, momentum=0.6), []
    for _ in range(40):
        loss = (filters - target).square().sum()
        losses.append(loss.item())
        loss.backward()
        muon.step()
        muon.zero_grad()
    assert losses[-1] < losses[1] / 5
    assert 1 < filters.norm() < 3  # rescaled to sqrt(4) before each step


def test_filters_of_one_shape_take_the_steps_that_each_would_take_alone():
    generator = torch.Generator().manual_seed(0)
    shapes = [(8, 4, 3, 3), (6, 8, 3, 3), (8, 4, 3, 3), (40, 2, 3, 3), (8, 4, 3, 3)]
    start = [torch.randn(shape, generator=generator) for shape in shapes]
    together, alone = ([torch.nn.Parameter(p.clone()) for p in start] for _ in range(2))
    muons = [Muon(together, lr=0.05, momentum=0.6)], [Muon([p], lr=0.05, momentum=0.6) for p in alone]
    for _ in range(3):
        gradients = [torch.randn(shape, generator=generator) for shape in shapes]
        for filters, optimizers in zip((together, alone), muons, strict=True):
            for p, gradient in zip(filters, gradients, strict=True):
                p.grad = gradient.clone()
            for optimizer in optimizers:
                optimizer.step()
    for a, b in zip(together, alone, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("steps", "warmup"), [(1, 0.0), (1, 0.2), (3, 0.2), (7, 0.5), (100, 0.0), (100, 0.2), (1536, 0.2), (10, 1.0)])
def test_the_rate_rises_to_the_peak_and_falls_to_nearly_nothing(steps, warmup):
    factors = [rate_factor(step, steps, warmup) for step in range(steps)]
    assert all(0 < factor <= 1 for factor in factors)
    top = factors.index(max(factors))
    assert factors[: top + 1] == sorted(factors[: top + 1]) and factors[top:] == sorted(factors[top:], reverse=True)
    assert abs(top - warmup * steps) <= 1
    if steps >= 100:
        assert max(factors) > 0.98 and factors[-1] < 0.02


def test_the_rate_is_linear_on_both_sides():
    factors = torch.tensor([rate_factor(step, 100, 0.2) for step in range(100)])
    assert torch.allclose(factors[:19].diff(), torch.tensor(1 / 20)) and torch.allclose(factors[20:].diff(), torch.tensor(-1 / 80))


@pytest.mark.parametrize("optimizer", ["muon", "sgd", "adamw"])
@pytest.mark.parametrize("model", ["lenet5", "mnist-fcn", "airbench"])
def test_every_trainable_parameter_has_exactly_one_optimizer(optimizer, model):
    net = make_model(model, num_classes=3, in_channels=1, image_size=28, seed=0)
    groups = [group for opt in make_optimizers(net, Recipe(epochs=1, optimizer=optimizer)) for group in opt.param_groups]
    held = [id(p) for group in groups for p in group["params"]]
    assert sorted(held) == sorted(id(p) for p in net.parameters() if p.requires_grad)


def test_adamw_takes_the_steps_of_torchs_bit_for_bit():
    nets = [make_model("lenet5", num_classes=3, in_channels=1, image_size=28, seed=0) for _ in range(2)]
    groups = [[{"params": list(net.parameters()), "lr": 0.01, "weight_decay": 0.1}] for net in nets]
    x = torch.randn((8, 1, 28, 28), generator=torch.Generator().manual_seed(0))
    for net, optimizer in zip(nets, (AdamW(groups[0]), torch.optim.AdamW(groups[1], fused=True)), strict=True):
        for step in range(4):
            net(x).square().mean().backward()
            optimizer.param_groups[0]["lr"] = 0.01 / (step + 1)
            optimizer.step()
            optimizer.zero_grad()
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(nets[0].parameters(), nets[1].parameters(), strict=True))


def test_training_leaves_torchs_compiler_alone():
    script = (
        "import sys, torch; from curate.judge.models.registry import make_model; from curate.judge.training.fit import make_optimizers\n"
        "from curate.judge.training.recipes import RECIPES, Recipe\n"
        "net = make_model('lenet5', num_classes=3, in_channels=1, image_size=28, seed=0)\n"
        "net(torch.zeros(1, 1, 28, 28)).sum().backward(); [o] = make_optimizers(net, Recipe(epochs=1)); o.step(); o.zero_grad()\n"
        "assert 'torch._dynamo' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_biases_are_not_decayed():
    net = make_model("lenet5", num_classes=3, in_channels=1, image_size=28, seed=0)
    for optimizer in ("muon", "sgd", "adamw"):
        for opt in make_optimizers(net, Recipe(epochs=1, optimizer=optimizer, weight_decay=0.1)):
            for group in opt.param_groups:
                assert not any(p.ndim <= 1 for p in group["params"]) or group.get("weight_decay", 0) == 0


def test_a_recipe_survives_json():
    recipe = Recipe(epochs=3, optimizer="muon", shift=2, mirror=True, views=6)
    assert Recipe(**json.loads(json.dumps(recipe.to_json()))) == recipe


def test_a_recipe_with_extras_survives_json_and_one_without_reads_as_before_there_were_any():
    recipe = Recipe(epochs=3, border="zeros", color_jitter=0.1, cutout=16, mixup=0.2, dropout=0.5)
    assert Recipe(**json.loads(json.dumps(recipe.to_json()))) == recipe
    assert list(Recipe(epochs=3).to_json())[-3:] == ["shift", "mirror", "views"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"epochs": 0},
        {"epochs": 1, "batch_size": 0},
        {"epochs": 1, "views": 3},
        {"epochs": 1, "color_jitter": -0.1},
        {"epochs": 1, "cutout": -1},
        {"epochs": 1, "mixup": -0.2},
        {"epochs": 1, "dropout": 1.0},
    ],
)
def test_recipes_out_of_range_are_refused(wrong):
    with pytest.raises(UsageError, match=f"found {next(reversed(wrong.values()))}|found .* and {next(reversed(wrong.values()))}"):
        Recipe(**wrong)


def test_an_unknown_optimizer_names_the_nearest():
    with pytest.raises(UnknownNameError, match="unknown optimizer 'adam'; did you mean adamw"):
        Recipe(epochs=1, optimizer="adam")


def test_an_unknown_border_is_refused():
    with pytest.raises(UnknownNameError, match="unknown border 'reflection'; did you mean reflect"):
        Recipe(epochs=1, border="reflection")


def test_an_unknown_preset_names_the_nearest():
    with pytest.raises(UnknownNameError, match="unknown preset 'quik'; did you mean quick"):
        preset_for("lenet5", "quik", in_channels=1)


@pytest.mark.parametrize("model", model_names())
def test_presets_get_longer_and_only_colour_images_are_mirrored(model):
    for channels in (1, 3):
        quick, default, best = (preset_for(model, preset, in_channels=channels) for preset in PRESETS)
        work = [p.recipe.epochs * p.num_folds * p.num_repeats for p in (quick, default, best)]
        assert work == sorted(set(work))
        assert {p.recipe.mirror for p in (quick, default, best)} == {channels == 3}
        assert all(channels == 3 or p.recipe.views == 1 for p in (quick, default, best))


def test_an_unknown_device_is_refused():
    with pytest.raises(UsageError, match="auto, cpu, cuda or mps, found 'tpu'"):
        pick_device("tpu")


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has CUDA")
def test_cuda_is_refused_where_there_is_none():
    with pytest.raises(UsageError, match="torch sees no GPU"):
        pick_device("cuda")


def test_a_precision_that_is_asked_for_is_used():
    for precision, dtype in (("float32", torch.float32), ("bfloat16", torch.bfloat16)):
        device = pick_device("cpu", precision=precision)
        with device.autocast():
            assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == dtype
        assert Device(**device.to_json()) == device


def test_the_recipe_of_the_course_is_adamw_at_a_constant_rate_for_ten_epochs():
    recipe = RECIPES["course"]
    assert (recipe.optimizer, recipe.peak_lr, recipe.epochs) == ("adamw", 0.001, 10)
    assert set(rate_factors(50, recipe)) == {1.0}
    assert Recipe(**recipe.to_json()) == recipe


@pytest.mark.parametrize(("has_units", "precision"), [(True, "bfloat16"), (False, "float32")])
def test_a_gpu_that_only_emulates_bfloat16_trains_in_float32(monkeypatch, has_units, precision):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "Tesla T4")
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: including_emulation or has_units)
    assert pick_device("cuda").precision == precision
