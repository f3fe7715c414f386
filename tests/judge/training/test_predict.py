"""Prediction by views, and one net on one training set."""

import contextlib
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from curate.errors import UsageError
from curate.gain.retrain import train_and_judge
from curate.judge.models.registry import make_model
from curate.judge.training import predict as prediction
from curate.judge.training.augment import Batches
from curate.judge.training.device import Device
from curate.judge.training.predict import embed, images_at_once, predict
from curate.judge.training.recipes import Recipe

pytestmark = pytest.mark.usefixtures("one_thread")


def lenet(seed):
    return make_model("lenet5", num_classes=3, in_channels=1, image_size=16, seed=seed)


@pytest.mark.parametrize("views", [1, 2, 6])
def test_logits_are_averaged_over_the_views(make_shapes, cpu, views):
    images = make_shapes(30).images
    model, batches = lenet(0).eval(), Batches(torch.from_numpy(images))
    padded = np.pad(images, ((0, 0), (0, 0), (1, 1), (1, 1)), mode="reflect")
    seen = [images, images[:, :, :, ::-1]][:views]
    if views == 6:
        seen = [images, padded[:, :, :-2, :-2], padded[:, :, 2:, 2:]]
        seen += [view[:, :, :, ::-1] for view in seen]
    with torch.inference_mode():
        logits = [model(batches.normalise(torch.from_numpy(view.copy()))) for view in seen]
    expected = F.softmax(torch.stack(logits).mean(dim=0), dim=1)
    torch.testing.assert_close(predict(model, batches, torch.arange(30), cpu, views=views), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("shift", [0, 3])
@pytest.mark.parametrize("views", [5, 10])
def test_ten_views_are_the_centre_and_the_corners_each_mirrored(make_shapes, cpu, views, shift):
    images = make_shapes(12).images
    model, batches = lenet(0).eval(), Batches(torch.from_numpy(images), shift=shift)
    margin = shift or 1
    padded = np.pad(images, ((0, 0), (0, 0), (margin, margin), (margin, margin)), mode="reflect")
    corners = [slice(None, -2 * margin), slice(2 * margin, None)]
    seen = [images, *(padded[:, :, rows, columns] for rows in corners for columns in corners)]
    seen += [view[:, :, :, ::-1] for view in seen] if views == 10 else []
    with torch.inference_mode():
        logits = [model(batches.normalise(torch.from_numpy(view.copy()))) for view in seen]
    expected = F.softmax(torch.stack(logits).mean(dim=0), dim=1)
    torch.testing.assert_close(predict(model, batches, torch.arange(12), cpu, views=views), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("views", [1, 2, 5, 6, 10])
def test_rows_sum_to_1_and_follow_the_indices(make_shapes, cpu, views):
    model, batches = lenet(0), Batches(torch.from_numpy(make_shapes(30).images))
    probs = predict(model, batches, torch.tensor([7, 2, 7]), cpu, views=views)
    torch.testing.assert_close(probs.sum(dim=1), torch.ones(3))
    assert torch.equal(probs[0], probs[2]) and not torch.equal(probs[0], probs[1])


@pytest.mark.parametrize("views", [2, 6, 10])
def test_only_unsure_images_are_looked_at_again(make_shapes, cpu, views):
    model, batches, everything = lenet(0), Batches(torch.from_numpy(make_shapes(30).images)), torch.arange(30)
    plain, by_all = (predict(model, batches, everything, cpu, views=number) for number in (1, views))
    sure = plain.amax(dim=1).median().item()
    is_sure = plain.amax(dim=1) >= sure
    passed, told = [], []
    hook = model.register_forward_pre_hook(lambda _net, arguments: passed.append(len(arguments[0])))
    found = predict(model, batches, everything, cpu, views=views, sure=sure, on_images=told.append)
    hook.remove()
    num_unsure = int((~is_sure).sum())
    assert 10 <= num_unsure <= 20 and sum(passed) - passed.count(1) == 30 + num_unsure * (views - 1) and sum(told) == 30 * views
    torch.testing.assert_close(found, torch.where(is_sure[:, None], plain, by_all), rtol=1e-4, atol=1e-5)
    assert not torch.equal(plain, by_all)


def test_where_all_are_sure_no_image_is_looked_at_twice(make_shapes, cpu):
    model, batches, everything = lenet(0), Batches(torch.from_numpy(make_shapes(30).images)), torch.arange(30)
    assert torch.equal(predict(model, batches, everything, cpu, views=6, sure=0), predict(model, batches, everything, cpu))


def test_the_recipe_says_how_sure_an_image_must_be(make_shapes, cpu):
    shapes, test_images = make_shapes(60), make_shapes(30, seed=1).images
    recipes = [Recipe(epochs=2, batch_size=20), *(Recipe(epochs=2, batch_size=20, views=2, sure=sure) for sure in (0, 1))]
    alone, never, always = (
        train_and_judge(lenet, shapes.images, shapes.labels, test_images, recipe=recipe, device=cpu, seed=0)[0] for recipe in recipes
    )
    assert np.array_equal(alone, never) and not np.array_equal(alone, always)
    assert "sure" not in recipes[2].to_json() and recipes[1].to_json()["sure"] == 0
    with pytest.raises(UsageError, match=r"sure must be a probability in 0..1, found 1.5"):
        Recipe(epochs=1, sure=1.5)


def test_more_images_than_a_batch_come_back_in_order(make_shapes, cpu, monkeypatch):
    model, batches = lenet(0), Batches(torch.from_numpy(make_shapes(30).images))
    whole = predict(model, batches, torch.arange(30), cpu), embed(model, batches, torch.arange(30), cpu)
    monkeypatch.setattr("curate.judge.training.predict.BATCH", 7)
    parts = predict(model, batches, torch.arange(30), cpu), embed(model, batches, torch.arange(30), cpu)
    for a, b in zip(whole, parts, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)
    assert whole[1].shape == (30, 32) and whole[1].dtype == torch.float32


def test_judging_takes_smaller_batches_where_memory_is_short(make_shapes, cpu):
    model, batches, sizes = lenet(0), Batches(torch.from_numpy(make_shapes(30).images)), []
    whole = predict(model, batches, torch.arange(30), cpu)

    def look(_net, arguments):
        sizes.append(len(arguments[0]))
        if sizes[-1] > 8:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB.")

    model.register_forward_pre_hook(look)
    assert not model.training or model.eval()
    torch.testing.assert_close(predict(model, batches, torch.arange(30), cpu), whole, rtol=1e-4, atol=1e-5)
    assert max(sizes[-2:]) <= 8


def at_once(name, side, device, channels=3):
    model = make_model(name, num_classes=10, in_channels=channels, image_size=side, seed=0).eval()
    with torch.inference_mode():
        return images_at_once(model, torch.zeros(1, channels, side, side), device)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_small_pictures_are_judged_500_at_once_and_larger_ones_as_many_as_their_maps_allow(cpu, precision):
    device = replace(cpu, precision=precision)
    assert at_once("airbench", 32, device) == 500 == at_once("lenet5", 28, device, channels=1)
    assert at_once("airbench", 96, device) == 500  # whitened in steps of 3, so that its maps are those of 32 pixels
    assert 100 < at_once("airbench", 63, device) < 300
    assert at_once("resnet18", 224, device) < 100


def test_on_a_gpu_the_batch_follows_its_free_memory(cpu, monkeypatch):
    gpu = replace(cpu, kind="cuda")
    monkeypatch.setattr(Device, "autocast", lambda self: contextlib.nullcontext())
    sizes = []
    for free in (80 * 2**30, 4 * 2**30, 2**28, 2**20):
        monkeypatch.setattr(prediction, "memory_of", lambda device, free=free: free)
        sizes.append(at_once("airbench", 32, gpu))
    assert sizes[0] == prediction.GPU_BATCH > sizes[1] > sizes[2] > sizes[3] == 1


def test_bfloat16_gives_float32_probabilities_close_to_those_of_float32(make_shapes, cpu):
    model, batches = lenet(0), Batches(torch.from_numpy(make_shapes(30).images))
    full = predict(model, batches, torch.arange(30), cpu)
    half = predict(model, batches, torch.arange(30), replace(cpu, precision="bfloat16"))
    assert half.dtype == torch.float32
    torch.testing.assert_close(half, full, rtol=0, atol=0.02)


def judged(training_set, test_images, cpu, *, seed=0):
    recipe = Recipe(epochs=6, batch_size=20, peak_lr=0.005, shift=2)
    return train_and_judge(lenet, training_set.images, training_set.labels, test_images, recipe=recipe, device=cpu, seed=seed)[0]


def test_a_net_learns_from_the_training_images_and_repeats_for_its_seed(make_shapes, cpu):
    training_set, test_set = make_shapes(150), make_shapes(60, seed=1)
    probs = judged(training_set, test_set.images, cpu)
    assert (probs.argmax(axis=1) == test_set.labels).mean() > 0.9
    assert judged(training_set, test_set.images, cpu).tobytes() == probs.tobytes()
    assert judged(training_set, test_set.images, cpu, seed=1).tobytes() != probs.tobytes()


def test_samples_without_a_label_are_ignored(make_shapes, cpu):
    whole, test_images = make_shapes(60), make_shapes(30, seed=1).images
    labels = whole.labels.copy()
    labels[40:] = -1
    garbled = whole.images.copy()
    garbled[40:] = 255 - garbled[40:]
    unlabelled = whole.with_labels(labels)
    first = judged(unlabelled, test_images, cpu)
    assert judged(replace(unlabelled, images=garbled), test_images, cpu).tobytes() == first.tobytes()
    assert judged(replace(whole, images=garbled), test_images, cpu).tobytes() != first.tobytes()


def test_test_images_do_not_change_what_is_learnt(recorder, cpu):
    images, labels = recorder.coded_images(np.arange(40)), np.arange(40) % 3
    recipe = Recipe(epochs=2, batch_size=8, shift=1)
    train_and_judge(recorder.factory(3), images[:30], labels[:30], images[30:], recipe=recipe, device=cpu, seed=0)
    assert recorder.nets[0].trained_on == set(range(30))
