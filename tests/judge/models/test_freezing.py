import pytest
import torch

from curate.judge.models.registry import make_model, model_names
from curate.judge.models.zoo import ZOO

pytestmark = pytest.mark.usefixtures("one_thread")

SOME = [*(name for name in model_names() if name not in ZOO), "shufflenet-v2", "mobilenet-v3"]


def step(model, seed=0):
    """One training step, as `fit` does it: training mode, a batch, gradients."""
    model.train()
    x = torch.randn(8, 3, 32, 32, generator=torch.Generator().manual_seed(seed))
    torch.nn.functional.cross_entropy(model(x), torch.arange(8) % 5).backward()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.grad is not None:
                parameter -= 0.1 * parameter.grad
                parameter.grad = None


def changed(model, before):
    return {key for key, value in model.state_dict().items() if not torch.equal(value, before[key])}


def state(model):
    return {key: value.clone() for key, value in model.state_dict().items()}


def make(name):
    return make_model(name, num_classes=5, in_channels=3, image_size=32, seed=0)


@pytest.mark.parametrize("name", SOME)
def test_frozen_stages_change_in_nothing_and_all_others_learn(name):
    model = make(name)
    never = {key for key, parameter in model.named_parameters() if not parameter.requires_grad}
    for frozen in (len(model.stages), 1, 0):
        model.freeze(frozen)
        before = state(model)
        step(model)
        moved = changed(model, before)
        assert {model.stage_of(key) for key in moved} == set(range(frozen, len(model.stages) + 1))
        assert not moved & never


@pytest.mark.parametrize("name", SOME)
def test_every_part_of_a_net_is_in_one_stage_or_the_head_and_stages_are_in_forward_order(name):
    model = make(name)
    order = []
    handles = [
        model.get_submodule(part).register_forward_hook(lambda *_, part=part: order.append(part))
        for stage in model.stages
        for part in stage
        if part in dict(model.named_modules())
    ]
    with torch.no_grad():
        model.forward_maps(torch.zeros(2, 3, 32, 32))
    for handle in handles:
        handle.remove()
    assert order == [part for stage in model.stages for part in stage]
    assert {model.stage_of(key) for key, _ in model.named_parameters()} == set(range(len(model.stages) + 1))


def test_dropout_is_off_in_what_is_frozen_only():
    model = make("efficientnet-b0")
    model.freeze(2)
    model.train()
    modes = {name: module.training for name, module in model.named_modules() if name}
    assert not modes["features.1"] and not modes["features.1.0.block.0"] and modes["features.3"] and modes["classifier.0"]
    assert not any(module.training for module in model.eval().modules())


@pytest.mark.parametrize("name", [name for name in model_names() if name not in ZOO])
def test_the_output_layer_has_a_row_per_class(name):
    model = make(name)
    assert len(model.get_parameter(f"{model.output_layer}.weight")) == 5
