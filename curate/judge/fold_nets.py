"""The nets of cross-validation, read back: one that did not see a sample can explain it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from curate.data.image_set import ImageSet
from curate.data.load import reload
from curate.errors import DataError, RunError
from curate.judge.judgement import arrays_of
from curate.judge.models.base import ConvNet
from curate.judge.models.weights import load_weights
from curate.judge.training.augment import Batches, as_tensor
from curate.judge.training.folds import trainable_samples
from curate.judge.training.jobs import training_indices
from curate.run import Run


def fold_of(run: Run, position: int) -> int:
    """The fold that held out the sample at `position` in the first repeat: `load_fold_net` gives the net that never saw it.

    Raises:
        RunError: `train` has not been run, or another judge judged.
    """
    _check_judged_by_nets(run)
    return int(run.load_array("fold.npy")[0, position])


def net_file(run: Run) -> Path:
    """Where the run's own net is, that which held out fold 0.

    Raises:
        RunError: it has none, or not yet.
    """
    _check_judged_by_nets(run)
    return _file_of(run, 0)


def _file_of(run: Run, fold: int) -> Path:
    """The weights of the net that held out `fold`; those of fold 0 are there twice."""
    files = [f"models/fold-{fold}.safetensors", *(["model.safetensors"] if fold == 0 else [])]
    file = next((file for file in files if run.has(file)), None)
    if file is not None:
        return run.path / file
    run.require("pred_probs.npy", "train")
    raise RunError(
        f"{run.path} has no {files[0]}: the run is of an older version, or was made without safetensors; "
        "audit again under another --run name"
    )


def _check_judged_by_nets(run: Run) -> None:
    other = run.meta["config"].get("judge")  # nets give none
    if other is not None:
        raise RunError(
            f"run '{run.name}' was judged by {'features of pretrained nets' if other == 'features' else 'probabilities that were given'}, "
            "so that it has no net of its own; audit with --judge nets under another --run name"
        )


def load_fold_net(run: Run, image_set: ImageSet, fold: int) -> tuple[ConvNet, Batches]:
    """The net that held out `fold` in the first repeat, on the CPU, and all images, normalised as that net learnt them.

    `net(batches.normalise(batches.images[positions]))` are its logits.

    Args:
        image_set: that of the run, in its order.

    Raises:
        RunError: the net is not there: another judge judged, an older version kept that of fold 0 only, or there was no safetensors.
    """
    _check_judged_by_nets(run)
    file = _file_of(run, fold)
    batches = Batches(as_tensor(image_set.images))
    net = load_weights(file)
    if net.input_statistics is not None:
        batches.normalise_by(*net.input_statistics)
    else:  # an older version did not write them
        trainable = trainable_samples(image_set, pool_splits=run.meta["config"]["pool_splits"]) & (image_set.labels >= 0)
        batches.standardise(torch.from_numpy(training_indices(run.load_array("fold.npy")[0], fold, trainable)))
    return net, batches


@dataclass(frozen=True)
class FoldNet:
    """The net that held out `fold` in the first repeat, in evaluation mode, with the images as it learnt to see them."""

    net: ConvNet
    fold: int
    batches: Batches

    def normalised(self, images: NDArray[np.uint8]) -> Tensor:
        """(B, C, H, W) uint8 to the float that the net takes."""
        return self.batches.normalise(as_tensor(images))


class RunNets:
    """The nets of a run, each read when it is asked for and then kept.

    Args:
        run: with the files of `train`.
        image_set: its images; by default read again from where they came, without a look at their hash.

    Attributes:
        read: reads the images that only FiftyOne's database knows, where there is who can.

    Raises:
        RunError: the images are needed, and are those of a FiftyOne dataset that nobody here can read, or not those of the run any more.
    """

    def __init__(self, run: Run, image_set: ImageSet | None = None) -> None:
        self.run = run
        self.read: Callable[[dict[str, Any]], ImageSet] | None = None
        self.lock = Lock()
        self._given = image_set
        self._nets: dict[int, FoldNet] = {}

    @cached_property
    def image_set(self) -> ImageSet:
        """The images and given labels of the run."""
        if self._given is not None:
            return self._given
        origin = self.run.meta["dataset"]["origin"]
        if origin.get("kind") == "arrays":
            return arrays_of(self.run)
        if origin.get("kind") == "fiftyone" and self.read is None:
            raise RunError(f"the images of run '{self.run.name}' are in a FiftyOne dataset, which can only be read where FiftyOne is")
        found = reload({**origin, "labels": None, "corrections": None}) if self.read is None else self.read(origin)
        if not np.array_equal(found.sample_ids, self.run.load_array("sample_ids.npy")):
            raise RunError(f"run '{self.run.name}' was made from other images of {found.name} than are there now; restore the files")
        return found.with_labels(self.run.load_array("labels.npy"))

    @cached_property
    def _positions(self) -> dict[str, int]:
        return {sample_id: i for i, sample_id in enumerate(self.run.load_array("sample_ids.npy").tolist())}

    def __contains__(self, sample_id: str) -> bool:
        return sample_id in self._positions

    def position(self, sample_id: str) -> int:
        """Where the sample is in dataset order.

        Raises:
            DataError: the run has no such sample.
        """
        if sample_id not in self:
            first, last = next(iter(self._positions)), next(reversed(self._positions))
            raise DataError(
                f"run '{self.run.name}' has no sample '{sample_id}'; its {len(self._positions)} ids run from {first} to {last}, "
                "all are in the first column of issues.csv"
            )
        return self._positions[sample_id]

    def fold_net(self, fold: int = 0) -> FoldNet:
        """The net that held out `fold`.

        Raises:
            RunError: it was not kept.
        """
        if fold not in self._nets:
            net, batches = load_fold_net(self.run, self.image_set, fold)
            self._nets[fold] = FoldNet(net, fold, batches)
        return self._nets[fold]

    def judge(self, position: int) -> FoldNet:
        """The net that held the sample out; the one of fold 0 where a run of an older version kept no other: see `has_seen`.

        Raises:
            RunError: neither was kept.
        """
        try:
            return self.fold_net(fold_of(self.run, position))
        except RunError:
            return self.fold_net(0)

    def has_seen(self, position: int, fold: int) -> bool:
        """Whether the net of `fold` was trained on the sample, so that what it says of its label is no judgement."""
        image_set = self.image_set
        trainable = trainable_samples(image_set, pool_splits=self.run.meta["config"]["pool_splits"]) & (image_set.labels >= 0)
        return position in training_indices(self.run.load_array("fold.npy")[0], fold, trainable)


def run_nets(path: Path) -> RunNets:
    """The nets of the run at `path`, kept for the next call as long as the run is not trained anew.

    Raises:
        RunError: there is no run.
    """
    run = Run.open(path)
    return _kept(path.resolve(), str(run.meta["steps"].get("train", {}).get("started")))


@lru_cache(maxsize=2)
def _kept(path: Path, _trained: str) -> RunNets:
    return RunNets(Run.open(path))
