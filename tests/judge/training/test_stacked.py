"""Stacked nets learn what they learn one after the other."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from curate.judge.models.registry import ModelSpec, make_model
from curate.judge.training import loaded_batches as loaded
from curate.judge.training.folds import assign_folds
from curate.judge.training.jobs import FoldJob, FoldWork
from curate.judge.training.local_executor import is_stacked
from curate.judge.training.recipes import Recipe
from curate.judge.training.stacked import can_be_stacked, run_stacked

pytestmark = pytest.mark.usefixtures("one_thread")
JOBS = [FoldJob(0, fold) for fold in range(3)]


def work_of(shapes, cpu, model="lenet5", **recipe):
    folds = assign_folds(shapes.labels, num_folds=3, seed=0)[None]
    spec = ModelSpec(model, 3, shapes.images.shape[1], (16, 16))
    recipe = Recipe(**{"epochs": 3, "batch_size": 10, "peak_lr": 0.003, **recipe})
    return FoldWork(spec, shapes.images, shapes.labels, folds, np.ones(len(shapes), bool), recipe, cpu, 0)


@pytest.mark.parametrize("model", ["lenet5", "mnist-fcn"])
@pytest.mark.parametrize(("shift", "mirror", "channels"), [(0, False, 1), (2, True, 3)])
def test_probabilities_embeddings_and_curves_are_those_of_one_after_the_other(make_shapes, cpu, model, shift, mirror, channels):
    work = work_of(make_shapes(60, channels=channels), cpu, model, shift=shift, mirror=mirror, label_smoothing=0.1)
    stacked = dict(run_stacked(work, JOBS, lambda job, share: None))
    for job in JOBS:
        alone = work.run(job, lambda share: None)
        np.testing.assert_allclose(stacked[job].probs, alone.probs, atol=2e-3)
        np.testing.assert_allclose(stacked[job].curve, alone.curve, atol=2e-3)
        if job.embeds:
            np.testing.assert_allclose(stacked[job].embeddings, alone.embeddings, rtol=0.02, atol=0.02)
        for (name, ours), theirs in zip(stacked[job].model.state_dict().items(), alone.model.state_dict().values(), strict=True):
            torch.testing.assert_close(ours, theirs, rtol=0.05, atol=5e-3, msg=name)


def test_nets_with_dropout_learn_in_a_stack(make_shapes, cpu):
    work = work_of(make_shapes(240), cpu, "mnist-cnn", epochs=8, batch_size=20, shift=2)
    for job, result in run_stacked(work, JOBS, lambda job, share: None):
        assert (result.probs.argmax(axis=1) == work.labels[work.judges(job)]).mean() > 0.8


def test_shares_rise_to_the_end(make_shapes, cpu):
    told = []
    list(run_stacked(work_of(make_shapes(60), cpu), JOBS, lambda job, share: told.append((job, share))))
    for job in JOBS:
        shares = [share for other, share in told if other == job]
        assert shares == sorted(shares) and shares[-1] == pytest.approx(1)


def test_a_gpu_takes_small_nets_at_once_and_a_cpu_does_not(make_shapes, cpu, monkeypatch):
    monkeypatch.setattr(loaded, "memory_of", lambda device: 2**30)
    work = work_of(make_shapes(60), cpu)
    assert not is_stacked(work, JOBS)
    gpu = replace(work, device=replace(cpu, kind="cuda"))
    assert is_stacked(gpu, JOBS) and not is_stacked(gpu, JOBS[:1])
    monkeypatch.setattr(loaded, "memory_of", lambda device: 2**10)
    assert not is_stacked(gpu, JOBS)


def test_only_small_nets_by_adamw_without_extras_are_stacked(make_shapes, cpu):
    shapes = make_shapes(60)
    assert can_be_stacked(work_of(shapes, cpu)) and can_be_stacked(work_of(shapes, cpu, "mnist-cnn"))
    assert not can_be_stacked(work_of(shapes, cpu, optimizer="sgd")) and not can_be_stacked(work_of(shapes, cpu, mixup=0.2))
    assert sum(p.numel() for p in make_model("airbench", num_classes=3, in_channels=1, image_size=16).parameters()) > 1_000_000
    assert not can_be_stacked(work_of(shapes, cpu, "airbench"))
