"""retrain: the recipe of a run on other training labels, judged on the same test images."""

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from curate.data.image_set import ImageSet
from curate.errors import DataError, DivergedError
from curate.judge.models.base import ConvNet
from curate.judge.models.registry import ModelSpec
from curate.judge.nets import RunFolds
from curate.judge.training.device import Device, pick_device
from curate.judge.training.device_memory import with_smaller_batch
from curate.judge.training.fit import fit
from curate.judge.training.jobs import ModelFactory, job_seed
from curate.judge.training.loaded_batches import batches_of
from curate.judge.training.predict import ensemble, predict
from curate.judge.training.recipes import Recipe
from curate.progress import Progress, silent
from curate.review.clean import clean_image_set
from curate.run import Run


def train_and_judge(
    make_model: ModelFactory,
    images: NDArray[np.uint8],
    labels: NDArray[np.int64],
    test_images: NDArray[np.uint8],
    *,
    recipe: Recipe,
    device: Device,
    seed: int,
    progress: Progress = silent,
) -> tuple[NDArray[np.float32], ConvNet]:
    """Probabilities (M, K) of the test images, and the model.

    Args:
        make_model: a new network from a seed.
        images: (N, C, H, W) uint8 to train on; those with label -1 are ignored.
        labels: (N,) int64 in -1..K-1.
        test_images: (M, C, H, W) uint8.
        seed: of initial weights, order and augmentation.

    Raises:
        DivergedError: the training diverged.
        CurateError: the device's memory is not enough.
    """
    both = np.concatenate([images, test_images])
    batches = batches_of(both, recipe, device)
    chosen = torch.from_numpy(np.flatnonzero(labels >= 0))
    batches.standardise(chosen)
    targets = torch.from_numpy(labels).to(device.where)

    def train(recipe: Recipe) -> ConvNet:
        model = make_model(seed).to(device.where).to(memory_format=torch.channels_last)
        return fit(model, batches, targets, chosen, recipe, device, seed=seed, on_step=lambda step, steps: progress("retrain", step, steps))

    model = with_smaller_batch(train, recipe, "the net")
    test = torch.arange(len(images), len(both))
    probs = predict(model, batches, test, device, views=recipe.views, sure=recipe.sure).numpy()
    if not np.isfinite(probs).all():
        raise DivergedError("the training diverged; try another seed, or audit with another --model or --preset")
    return probs, model


def retrain(
    run: Run,
    image_set: ImageSet,
    *,
    labels: str = "cleaned",
    seeds: Sequence[int] = range(5),
    device: str = "auto",
    progress: Progress = silent,
) -> dict[str, Any]:
    """Trains a network per seed on the training split and returns its test accuracies; weights and probabilities stay in the run.

    `ensemble_test_accuracy` is that of all networks together, by the mean of their probabilities.

    Args:
        labels: `given`, or `cleaned` for those of `cleaned.csv`.

    Raises:
        RunError: `clean` has not been run.
        DataError: there is no test split.
    """
    import pandas as pd

    training_set = image_set
    if labels == "cleaned":
        training_set = clean_image_set(
            image_set, pd.read_csv(run.require("cleaned.csv", "clean"), dtype="str", keep_default_na=False, na_values=[""])
        )
    with run.step(f"retrain-{labels}"):
        probs = test_probabilities(run, training_set, seeds=seeds, device=device, progress=progress)
    test_labels = image_set.labels[image_set.splits == "test"]
    accuracy = [accuracy_of(p, test_labels) for p in probs]
    return {
        "run": run.name,
        "labels": labels,
        "seeds": list(seeds),
        "test_accuracy": accuracy,
        "mean_test_accuracy": float(np.mean(accuracy)),
        "ensemble_test_accuracy": accuracy_of(ensemble(probs), test_labels),
    }


def test_probabilities(
    run: Run, image_set: ImageSet, *, seeds: Sequence[int], device: str = "auto", progress: Progress = silent
) -> list[NDArray[np.float32]]:
    """For each seed (M, K), the probabilities of the test images by a network trained on all other samples of `image_set`.

    The arrays are kept in the folder `retrained` of the run under a name made from the training labels, so that a killed
    call goes on where it stopped and the same training set is never trained on twice.

    Raises:
        DataError: there is no test split, or nothing else.
    """
    test = image_set.splits == "test"
    if not test.any() or test.all():
        have = "only a test split" if test.any() else "no test split"
        raise DataError(f"'{image_set.name}' has {have}; retraining needs both: audit all splits, and keep some images apart as test")
    if (image_set.labels[test] < 0).all():
        raise DataError(f"the test images of '{image_set.name}' have no labels; expected some to measure the accuracy on")
    training_set = image_set.subset(~test)
    config = run.meta["config"]
    shape = image_set.images.shape[1:]
    recipe = Recipe(**config["recipe"])
    where = pick_device(device, precision=config["precision"])
    key = hashlib.sha256((training_set.labels_hash + "\n".join(training_set.sample_ids.tolist())).encode()).hexdigest()[:12]
    store = RunFolds(run)
    factory = ModelSpec(config["model"], image_set.num_classes, shape[0], shape[1:], config.get("pretrained"))
    found = []
    for number, seed in enumerate(seeds):
        name = f"retrained/{key}-s{seed}"

        def told(stage: str, done: float, total: float, note: str = "", number: int = number) -> None:
            progress(stage, number + done / total, len(seeds), f"net {number + 1} of {len(seeds)}")

        probs = run.load_array(f"{name}.npy") if run.has(f"{name}.npy") else None
        if probs is None:
            probs, model = train_and_judge(
                factory,
                training_set.images,
                training_set.labels,
                image_set.images[test],
                recipe=recipe,
                device=where,
                seed=job_seed(config["seed"], 1000, seed),
                progress=told,
            )
            store.save_model(name, model)
            run.save_array(f"{name}.npy", probs)
        progress("retrain", number + 1, len(seeds), f"net {number + 1} of {len(seeds)}")
        found.append(probs)
    return found


def accuracy_of(probs: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
    """Share of the labelled samples whose most probable class is the label."""
    labelled = labels >= 0
    return float((probs.argmax(axis=1) == labels)[labelled].mean())
