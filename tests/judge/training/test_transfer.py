import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from curate.judge.models.registry import make_model
from curate.judge.training.fit import num_frozen, parameter_groups


def schedule(num_epochs, num_stages, **fields):
    return [num_frozen(epoch, num_stages, **fields) for epoch in range(num_epochs)]


def test_the_head_learns_alone_then_stages_join_from_the_highest_down():
    assert schedule(9, 3, head_epochs=2, stage_epochs=2) == [3, 3, 2, 2, 1, 1, 0, 0, 0]


def test_without_a_number_of_epochs_per_stage_all_join_at_once():
    assert schedule(4, 3, head_epochs=2, stage_epochs=0) == [3, 3, 0, 0]


@given(num_stages=st.integers(0, 6), head_epochs=st.integers(0, 5), stage_epochs=st.integers(0, 4))
def test_no_stage_is_ever_frozen_again_and_at_last_all_learn(num_stages, head_epochs, stage_epochs):
    frozen = schedule(40, num_stages, head_epochs=head_epochs, stage_epochs=stage_epochs)
    assert frozen == sorted(frozen, reverse=True) and frozen[-1] == 0 and frozen[0] <= num_stages
    assert all(before - after <= 1 for before, after in itertools.pairwise(frozen)) or not stage_epochs


@pytest.mark.parametrize("name", ["lenet5", "airbench", "resnet-small", "shufflenet-v2"])
def test_every_parameter_that_can_learn_is_in_one_group_at_the_rate_of_its_stage(name):
    model = make_model(name, num_classes=5, in_channels=3, image_size=32, seed=0)
    rates, decays = {}, {}
    for group in parameter_groups(model, lr=0.8, weight_decay=0.1, stage_decay=0.5):
        assert group["params"]
        for parameter in group["params"]:
            assert id(parameter) not in rates
            rates[id(parameter)], decays[id(parameter)] = group["lr"], group["weight_decay"]
    for key, parameter in model.named_parameters():
        if parameter.requires_grad:
            assert rates[id(parameter)] == pytest.approx(0.8 * 0.5 ** (len(model.stages) - model.stage_of(key))), key
            assert decays[id(parameter)] == (0.1 if parameter.ndim > 1 else 0.0)
        else:
            assert id(parameter) not in rates


def test_lower_stages_move_less_than_those_above():
    """One step of SGD on the same gradient everywhere moves each stage by its rate."""
    model = make_model("mnist-cnn", num_classes=5, in_channels=1, image_size=28, seed=0)
    before = {key: parameter.detach().clone() for key, parameter in model.named_parameters()}
    optimizer = torch.optim.SGD(parameter_groups(model, lr=1.0, weight_decay=0.0, stage_decay=0.1), lr=123.0)
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    for key, parameter in model.named_parameters():
        moved = (before[key] - parameter.detach()).mean().item()
        assert moved == pytest.approx(0.1 ** (3 - model.stage_of(key)), rel=1e-3)
