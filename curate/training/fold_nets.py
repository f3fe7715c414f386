"""The nets of cross-validation, read back: one that did not see a sample can explain it."""

import torch

from curate.datasets.image_set import ImageSet
from curate.errors import RunError
from curate.models.base import ConvNet
from curate.models.weights import load_weights
from curate.run import Run
from curate.training.augment import Batches, as_tensor
from curate.training.fold_jobs import training_indices
from curate.training.folds import trainable_samples


def fold_of(run: Run, position: int) -> int:
    """The fold that held out the sample at `position` in the first repeat: `load_fold_net` gives the net that never saw it.

    Raises:
        RunError: `train` has not been run.
    """
    return int(run.load_array("fold.npy")[0, position])


def load_fold_net(run: Run, image_set: ImageSet, fold: int) -> tuple[ConvNet, Batches]:
    """The net that held out `fold` in the first repeat, on the CPU, and all images, normalised as that net learnt them.

    `net(batches.normalise(batches.images[positions]))` are its logits.

    Args:
        image_set: that of the run, in its order.

    Raises:
        RunError: the net is not there: an older version kept that of fold 0 only, or the run was made without safetensors.
    """
    files = [f"models/fold-{fold}.safetensors", *(["model.safetensors"] if fold == 0 else [])]
    file = next((file for file in files if run.has(file)), None)
    if file is None:
        raise RunError(
            f"{run.path} has no {files[0]}: the run is of an older version, or was made without safetensors; "
            "audit again under another --run name"
        )
    batches = Batches(as_tensor(image_set.images))
    net = load_weights(run.path / file)
    if net.input_statistics is not None:
        batches.normalise_by(*net.input_statistics)
    else:  # an older version did not write them
        trainable = trainable_samples(image_set, pool_splits=run.meta["config"]["pool_splits"]) & (image_set.labels >= 0)
        batches.standardise(torch.from_numpy(training_indices(run.load_array("fold.npy")[0], fold, trainable)))
    return net, batches
