"""K-fold cross-validation: every sample is judged by models that never saw it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, cast

import numpy as np
import torch
from numpy.typing import NDArray

from curate.errors import DataError, RunError, UsageError
from curate.models.base import ConvNet
from curate.progress import Progress, silent
from curate.training.augment import Batches, as_tensor
from curate.training.device import Device
from curate.training.fit import fit
from curate.training.folds import assign_folds
from curate.training.predict import embed, predict
from curate.training.recipe import Recipe

ModelFactory = Callable[[int], ConvNet]
"""A new network from a seed."""


@dataclass(frozen=True)
class OutOfFold:
    """What cross-validation gives.

    Attributes:
        pred_probs: (N, K) float32, the mean over repeats of the probabilities by the model that held the sample out.
        fold: (repeats, N) int16, the fold that held it out.
        embeddings: (N, D) float32, all from the model of the first fold of the first repeat.
    """

    pred_probs: NDArray[np.float32]
    fold: NDArray[np.int16]
    embeddings: NDArray[np.float32]


class FoldStore(Protocol):
    """Where finished folds are kept, so that a killed run goes on with the next one."""

    def load(self, name: str) -> NDArray | None:
        """The array of that name, or None where there is none."""

    def save(self, name: str, array: NDArray) -> None:
        """Keeps the array, atomically."""

    def save_model(self, name: str, model: ConvNet) -> None:
        """Keeps the weights, atomically."""


class NoStore:
    """Keeps nothing."""

    def load(self, name: str) -> None:
        return None

    def save(self, name: str, array: NDArray) -> None:
        return None

    def save_model(self, name: str, model: ConvNet) -> None:
        return None


def training_indices(fold: NDArray[np.int16], held_out: int, trainable: NDArray[np.bool_]) -> NDArray[np.int64]:
    """(M,) positions of the samples that the model of fold `held_out` is trained on."""
    return np.flatnonzero(trainable & (fold != held_out))


def cross_validate(
    make_model: ModelFactory,
    images: NDArray[np.uint8],
    labels: NDArray[np.int64],
    *,
    num_classes: int,
    recipe: Recipe,
    device: Device,
    num_folds: int = 5,
    num_repeats: int = 1,
    seed: int = 0,
    groups: NDArray[np.int64] | None = None,
    strata: NDArray[np.int64] | None = None,
    trainable: NDArray[np.bool_] | None = None,
    class_names: tuple[str, ...] | None = None,
    store: FoldStore | None = None,
    progress: Progress = silent,
) -> OutOfFold:
    """Out-of-fold probabilities of every sample, and embeddings of all from one model.

    Args:
        make_model: a new network from a seed.
        images: (N, C, H, W) uint8.
        labels: (N,) int64 in -1..K-1; unlabelled samples are judged and never trained on.
        num_classes: K.
        num_folds, num_repeats: models trained in all = their product; each repeat divides anew.
        seed: of divisions, initial weights, order and augmentation.
        groups, strata, trainable, class_names: as in `assign_folds`; samples that are not trainable are judged only.
        store: where finished folds are kept and found again.

    Raises:
        DataError: a class is too rare for the folds, fewer than two classes can be trained on, or a training diverged.
        UsageError: fewer than 2 folds or 1 repeat.
        RunError: the store holds folds of another division.
    """
    store = NoStore() if store is None else store
    if num_repeats < 1:
        raise UsageError(f"cross-validation needs at least 1 repeat, found {num_repeats}")
    trainable = (labels >= 0) & (True if trainable is None else trainable)
    found = len(np.unique(labels[trainable]))
    if found < 2:
        raise DataError(f"expected labels of at least two classes to train on, found {found or 'none'}")
    folds = np.stack(
        [
            assign_folds(
                labels,
                num_folds=num_folds,
                seed=job_seed(seed, repeat),
                groups=groups,
                strata=strata,
                trainable=trainable,
                class_names=class_names,
            )
            for repeat in range(num_repeats)
        ]
    )
    jobs = [(repeat, fold) for repeat in range(num_repeats) for fold in range(num_folds)]
    _keep_division(folds, store, [f"pred_probs-r{repeat}-f{fold}" for repeat, fold in jobs])
    pred_probs = np.zeros((len(labels), num_classes), np.float32)
    embeddings = None
    batches = None
    for done, (repeat, fold) in enumerate(jobs):
        name = f"r{repeat}-f{fold}"
        held_out = np.flatnonzero(folds[repeat] == fold)
        first = (repeat, fold) == (0, 0)
        probs = store.load(f"pred_probs-{name}")
        if first and probs is not None:
            embeddings = store.load("embeddings")
        if probs is None or (first and embeddings is None):
            if batches is None:
                batches = Batches(as_tensor(images).to(device.where), shift=recipe.shift, mirror=recipe.mirror)
                targets = torch.tensor(labels, device=device.where)
            chosen = torch.from_numpy(training_indices(folds[repeat], fold, trainable))
            batches.standardise(chosen)
            model = make_model(job_seed(seed, repeat, fold)).to(device.where).to(memory_format=torch.channels_last)

            def on_step(step: int, steps: int, done: int = done) -> None:
                progress("train", done + step / steps * 0.98, len(jobs), f"model {done + 1} of {len(jobs)}")

            fit(model, batches, targets, chosen, recipe, device, seed=job_seed(seed, repeat, fold), on_step=on_step)
            probs = predict(model, batches, torch.from_numpy(held_out), device, views=recipe.views).numpy()
            if not np.isfinite(probs).all():
                raise DataError(f"the training of model {done + 1} of {len(jobs)} diverged; try another --seed, --model or --preset")
            if first:
                embeddings = embed(model, batches, torch.arange(len(labels)), device).numpy()
                store.save("embeddings", embeddings)
                store.save_model("model", model)
            store.save(f"pred_probs-{name}", probs)  # last: its presence says that the fold is finished
        pred_probs[held_out] += probs / num_repeats
        progress("train", done + 1, len(jobs), f"model {done + 1} of {len(jobs)}")
    pred_probs /= pred_probs.sum(axis=1, keepdims=True)
    return OutOfFold(pred_probs, folds, cast(NDArray[np.float32], embeddings))


def _keep_division(folds: NDArray[np.int16], store: FoldStore, names: list[str]) -> None:
    """Keeps which fold holds out which sample; finished folds of another division must not be mixed in."""
    kept = store.load("fold")
    if kept is not None and np.array_equal(kept, folds):
        return
    if any(store.load(name) is not None for name in names):
        raise RunError(
            "the finished folds were divided otherwise than now, by another version of curate or numpy; "
            "train under another --run name, or delete that run's folder"
        )
    store.save("fold", folds)


def job_seed(seed: int, *path: int) -> int:
    """A seed for one job, from the run's seed and the job's place; different places give unrelated seeds."""
    return int(np.random.SeedSequence(seed, spawn_key=path).generate_state(1)[0])
