"""One network on one training set, judged on other images."""

import numpy as np
import torch
from numpy.typing import NDArray

from curate.errors import DataError
from curate.models.base import ConvNet
from curate.progress import Progress, silent
from curate.training.device import Device
from curate.training.fit import fit
from curate.training.fold_jobs import ModelFactory
from curate.training.loaded import batches_of
from curate.training.out_of_memory import with_smaller_batch
from curate.training.predict import predict
from curate.training.recipe import Recipe


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
        DataError: the training diverged.
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
    probs = predict(model, batches, test, device, views=recipe.views).numpy()
    if not np.isfinite(probs).all():
        raise DataError("the training diverged; try another seed, or audit with another --model or --preset")
    return probs, model
