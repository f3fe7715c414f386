"""Transfer learning as `fit` does it: frozen stages, and the normalisation that came with the weights."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from curate.errors import UsageError
from curate.judge.models.registry import ModelSpec, make_model
from curate.judge.models.weights import load_weights, save_weights
from curate.judge.training.augment import Batches
from curate.judge.training.cross_validation import cross_validate
from curate.judge.training.fit import fit
from curate.judge.training.recipes import Recipe

pytestmark = pytest.mark.usefixtures("one_thread")

RECIPE = Recipe(epochs=4, batch_size=30, peak_lr=0.01)


def trained(shapes, recipe, cpu, model, **options):
    batches = Batches(torch.from_numpy(shapes.images))
    batches.standardise(torch.arange(len(shapes)))
    fit(model, batches, torch.from_numpy(shapes.labels), torch.arange(len(shapes)), recipe, cpu, seed=0, **options)
    return batches


def make():
    return make_model("mnist-cnn", num_classes=3, in_channels=1, image_size=16, seed=0)


def test_while_only_the_head_learns_the_body_changes_in_nothing(make_shapes, cpu):
    model = make()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    trained(make_shapes(), replace(RECIPE, head_epochs=4), cpu, model)
    changed = {key for key, value in model.state_dict().items() if not torch.equal(value, before[key])}
    assert {model.stage_of(key) for key in changed} == {len(model.stages)}


def test_stages_join_in_from_the_head_downwards(make_shapes, cpu):
    model, learning = make(), []

    def on_epoch(epoch, metrics):
        learning.append({model.stage_of(key) for key, parameter in model.named_parameters() if parameter.requires_grad})

    trained(make_shapes(), replace(RECIPE, epochs=5, head_epochs=1, stage_epochs=1), cpu, model, on_epoch=on_epoch)
    assert learning == [{3}, {2, 3}, {1, 2, 3}, {0, 1, 2, 3}, {0, 1, 2, 3}]


def test_a_net_from_nothing_is_normalised_by_its_training_images_and_its_file_says_so(make_shapes, cpu, tmp_path):
    shapes, model = make_shapes(), make()
    batches = trained(shapes, RECIPE, cpu, model)
    pixels = shapes.images / 255
    assert model.input_statistics == batches.statistics
    assert model.input_statistics[0] == pytest.approx([pixels.mean()], rel=1e-4)
    assert model.input_statistics[1] == pytest.approx([pixels.std()], rel=1e-4)
    assert load_weights(save_weights(tmp_path / "model.safetensors", model)).input_statistics == batches.statistics


def test_a_net_with_weights_of_other_images_keeps_their_normalisation(make_shapes, cpu):
    shapes, model = make_shapes(), make()
    model.input_statistics = ((0.25,), (0.5,))
    batches = trained(shapes, RECIPE, cpu, model)
    assert model.input_statistics == ((0.25,), (0.5,))
    expected = (torch.from_numpy(shapes.images[:3]) / 255 - 0.25) / 0.5
    torch.testing.assert_close(batches.normalise(batches.images[:3]), expected)


def test_cross_validation_of_a_pretrained_net_learns_with_the_head_alone(make_shapes, cpu, tmp_path):
    """The body has seen other shapes; two epochs of a head on it tell them apart, where a random body does not."""
    source, target = make_shapes(300, seed=1), make_shapes(90, seed=2)
    body = make()
    trained(source, replace(RECIPE, epochs=8), cpu, body)
    file = str(save_weights(tmp_path / "body.safetensors", body))
    recipe = replace(RECIPE, epochs=2, head_epochs=2)
    found = {}
    for start in (None, file):
        spec = ModelSpec("mnist-cnn", 3, 1, (16, 16), start)
        oof = cross_validate(spec, target.images, target.labels, num_classes=3, recipe=recipe, device=cpu, num_folds=3)
        found[start] = (oof.pred_probs.argmax(axis=1) == target.labels).mean()
    assert found[file] > found[None] + 0.1
    assert np.isfinite(oof.embeddings).all()


def test_transfer_is_refused_where_the_optimizer_would_undo_the_weights():
    with pytest.raises(UsageError, match="need optimizer adamw, found muon"):
        Recipe(epochs=3, optimizer="muon", head_epochs=1)


@pytest.mark.parametrize("wrong", [{"head_epochs": -1}, {"stage_epochs": -1}, {"stage_decay": 0.0}, {"stage_decay": 1.5}])
def test_schedules_out_of_range_are_refused(wrong):
    with pytest.raises(UsageError, match="head_epochs and stage_epochs must be 0 or more and stage_decay more than 0 and at most 1, found"):
        Recipe(epochs=3, **wrong)


def test_a_recipe_without_transfer_is_written_as_before():
    assert not {"head_epochs", "stage_epochs", "stage_decay"} & set(RECIPE.to_json())
    assert Recipe(**replace(RECIPE, stage_decay=0.5).to_json()).stage_decay == 0.5
