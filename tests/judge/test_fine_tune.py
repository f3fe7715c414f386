"""Fine-tuning out of fold: it learns, nothing of a fold reaches its own probabilities, and a killed one goes on."""

import numpy as np
import pytest
import torch
from torch import nn

from curate.errors import DataError
from curate.judge.backbones import Backbone
from curate.judge.extraction import extract
from curate.judge.fine_tune import Classifier, FineTuning, _backward, _duration, fine_tuned
from curate.judge.training.device import Device
from curate.sources import from_arrays

CPU = Device("cpu", "CPU", "float32", 1)
SHORT = FineTuning(epochs=3, batch_size=8, rate=1e-2)


def small_net():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten())


def small_backbone():
    net = small_net().eval()
    return Backbone("small", lambda: net, 16, (0.5,) * 3, (0.5,) * 3, "small-1", "", 16, small_net)


@pytest.fixture
def walls(one_thread):
    """24 pictures: red walls and blue ones."""
    rng = np.random.default_rng(0)
    labels = np.arange(24) % 2
    images = rng.integers(0, 120, (24, 3, 20, 24))
    images[np.arange(24), 2 * labels] += 100
    return from_arrays(images.astype(np.uint8), labels, class_names=["red", "blue"])


class Kept:
    """A store in memory."""

    def __init__(self):
        self.arrays = {}

    def load(self, name):
        return self.arrays.get(name)

    def save(self, name, array):
        self.arrays[name] = array

    def save_model(self, name, model):
        raise AssertionError("nets are not kept")


def tuned(walls, tmp_path, store=None, **options):
    backbone, fold = small_backbone(), np.arange(24) // 2 % 2
    features = extract(walls, backbone, device=CPU, folder=tmp_path).features
    learnt = np.ones(24, bool)
    return fold, fine_tuned(
        walls, backbone, features, fold, learnt=learnt, device=CPU, seed=0, store=store or Kept(), recipe=SHORT, **options
    )


def test_walls_are_told_apart_out_of_fold(walls, tmp_path):
    _, probs = tuned(walls, tmp_path)
    np.testing.assert_allclose(probs.sum(1), 1, atol=1e-5)
    assert (probs.argmax(1) == walls.labels).all()


def test_no_label_of_a_fold_reaches_its_own_probabilities(walls, tmp_path):
    fold, before = tuned(walls, tmp_path)
    labels = walls.labels.copy()
    labels[fold == 1] = 1 - labels[fold == 1]
    _, after = tuned(walls.with_labels(labels), tmp_path)
    np.testing.assert_array_equal(before[fold == 1], after[fold == 1])
    assert not np.allclose(before[fold == 0], after[fold == 0])


def test_a_killed_fine_tuning_goes_on_and_ends_with_the_same(walls, tmp_path):
    store, whole = Kept(), tuned(walls, tmp_path)[1]

    def stop(stage, done, total, note=""):
        if "fine-tuned-0" in store.arrays:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tuned(walls, tmp_path, store, progress=stop)
    assert list(store.arrays) == ["fine-tuned-0"]
    np.testing.assert_array_equal(tuned(walls, tmp_path, store)[1], whole)


def test_it_begins_with_the_head_of_the_frozen_features(walls, tmp_path):
    backbone = small_backbone()
    features = extract(walls, backbone, device=CPU, folder=tmp_path).features
    still = FineTuning(epochs=1, batch_size=8, rate=0.0, head_rate=0.0, weight_decay=0.0)
    fold = np.arange(24) // 2 % 2
    probs = fine_tuned(walls, backbone, features, fold, learnt=np.ones(24, bool), device=CPU, seed=0, store=Kept(), recipe=still)
    assert (probs.argmax(1) == walls.labels).all()


def test_norms_keep_their_statistics():
    net = Classifier(small_net(), np.zeros((17, 2), np.float32))
    before = net.trunk[1].running_mean.clone()
    net.train()(torch.randn(4, 3, 16, 16))
    assert torch.equal(before, net.trunk[1].running_mean) and net.trunk[0].training


def test_a_batch_that_does_not_fit_is_halved_and_gives_the_same_gradients(monkeypatch):
    x, target, share = torch.randn(6, 3, 16, 16), torch.arange(6) % 2, torch.full((6,), 1 / 6)
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: None)

    def gradients(largest):
        net = Classifier(small_net(), np.ones((17, 2), np.float32)).train()
        forward = net.forward

        def limited(x):
            if len(x) > largest:
                raise torch.OutOfMemoryError("too large")
            return forward(x)

        net.forward = limited
        _backward(net, x, target, share, CPU, small_backbone(), SHORT)
        return [p.grad.clone() for p in net.parameters()]

    for one, other in zip(gradients(6), gradients(2), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)


def test_a_training_that_diverges_is_told(walls, tmp_path, monkeypatch):
    monkeypatch.setattr("curate.judge.fine_tune.probabilities_of", lambda *_, **__: np.full((12, 2), np.nan, np.float32))
    with pytest.raises(DataError, match="fine-tuning of fold 0 diverged"):
        tuned(walls, tmp_path)


def test_how_long_it_takes_is_told_once_it_is_known(walls, tmp_path):
    told = []
    tuned(walls, tmp_path, progress=lambda stage, done, total, note="": told.append(note))
    assert told[0] == "" and told[-1] == "2 nets" and any(" on this machine" in note for note in told)
    assert [_duration(s) for s in (40, 1200, 9000)] == ["40 s", "20 min", "2.5 h"]
