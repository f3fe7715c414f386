"""train: out-of-fold probabilities and embeddings of every sample, into a run folder."""

import importlib.metadata
import platform
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from curate.datasets import annotations
from curate.datasets.exact_duplicates import duplicate_groups
from curate.datasets.image_set import SPLITS, ImageSet
from curate.errors import DependencyError, UsageError
from curate.models.base import ConvNet
from curate.models.pretrained import check_unseen
from curate.models.registry import ModelSpec, default_model
from curate.models.weights import save_weights
from curate.progress import Progress, silent
from curate.row_blocks import row_blocks
from curate.run import Run
from curate.training.cross_validation import cross_validate
from curate.training.executor_choice import open_executor
from curate.training.executors import num_processes
from curate.training.folds import trainable_samples
from curate.training.presets import preset_for

VERSIONS = ("torch", "torchvision", "numpy", "scikit-learn", "cleanlab", "fiftyone")


class RunFolds:
    """Finished folds in the folder `folds` of a run; a killed run goes on after the last one."""

    def __init__(self, run: Run) -> None:
        self.run = run

    def load(self, name: str) -> NDArray | None:
        file = f"folds/{name}.npy"
        return self.run.load_array(file) if self.run.has(file) else None

    def save(self, name: str, array: NDArray) -> None:
        self.run.save_array(f"folds/{name}.npy", array)

    def save_model(self, name: str, model: ConvNet) -> None:
        try:
            save_weights(self.run.path / f"{name}.safetensors", model, trained_on=self.run.meta["dataset"]["images_hash"])
        except DependencyError:  # a bare GPU machine: everything but the weights is kept
            return


def train(
    image_set: ImageSet,
    path: Path,
    *,
    model: str | None = None,
    pretrained: str | None = None,
    preset: str = "default",
    num_folds: int | None = None,
    num_repeats: int | None = None,
    seed: int = 0,
    device: str = "auto",
    executor: str = "local",
    address: str | None = None,
    data_parallel: int = 1,
    pool_splits: bool = False,
    track: str | None = None,
    command: str = "",
    progress: Progress = silent,
) -> Run:
    """The run at `path`, with `pred_probs.npy`, `fold.npy` and `embeddings.npy` of all samples.

    Where the set has a test split beside others, the models are trained on the others only, so that no decision about
    training labels depends on test labels; every sample is still judged by a model that never saw it. Test images, and images
    without a label, are judged by the mean of all models, which saw none of them; an exact duplicate of a training image by the model of
    its fold alone.

    Args:
        model: name in the registry; None = one that suits the images.
        pretrained: weights that the nets start from: `imagenet`, or a safetensors file of another dataset; None = from nothing.
        preset: `quick`, `default` or `best`: the recipe, the folds and the repeats.
        num_folds, num_repeats: in place of the preset's.
        seed: of everything random.
        device: `auto`, `cpu` or `cuda`.
        executor: where the nets are trained: `local`, on this machine, or `ray`, on a Ray cluster; the results are the same.
        address: HOST:PORT of the Ray cluster; None = `$RAY_ADDRESS`, else one of this machine's own.
        data_parallel: workers of the cluster that train one fold together, for folds too large for one GPU.
        pool_splits: train on test images as well.
        track: `wandb` or `tensorboard`, which is given configuration, curves and accuracies at the end.
        command: what the user typed, for the record.

    Raises:
        RunError: the folder holds another run.
        DataError: a class is too rare, the model cannot take the images, or the weights do not fit or were trained on these images.
        UsageError: fewer than 2 folds or 1 repeat.
        UnknownNameError, DependencyError: there is no such model, preset or tracker, or the tracker's package is missing.
    """
    if track is not None:
        from curate.tracking.trackers import check_tracker

        check_tracker(track)
    image_shape = image_set.images.shape[1:]
    model = model or default_model(image_shape[1:], image_shape[0])
    chosen = preset_for(model, preset, in_channels=image_shape[0], pretrained=pretrained is not None)
    num_folds = chosen.num_folds if num_folds is None else num_folds
    num_repeats = chosen.num_repeats if num_repeats is None else num_repeats
    if num_folds < 2 or num_repeats < 1:
        raise UsageError(f"cross-validation needs at least 2 folds and 1 repeat, found {num_folds} and {num_repeats}")
    with open_executor(executor, address=address, data_parallel=data_parallel) as place:
        where = place.pick_device(device)
        factory = ModelSpec(model, image_set.num_classes, image_shape[0], image_shape[1:], pretrained)
        if pretrained is None:
            factory(seed)  # says now, not after the folder is made, that the model cannot take these images
        else:
            check_unseen(pretrained, image_set.images_hash)
            factory(seed, progress=progress)
        config = {
            "model": model,
            "preset": preset,
            "recipe": chosen.recipe.to_json(),
            "num_folds": num_folds,
            "num_repeats": num_repeats,
            "seed": seed,
            "pool_splits": pool_splits,
            "precision": where.precision,
            **({"data_parallel": data_parallel} if data_parallel > 1 else {}),  # sums are rounded otherwise
            **({"pretrained": pretrained} if pretrained is not None else {}),
        }
        run = Run.create(path, {"command": command, "dataset": describe(image_set), "config": config})
        if "train" in run.meta["steps"] and run.has("pred_probs.npy") and "pred_probs" not in run.meta:
            return tracked(run, image_set, track)  # nothing to train, and the record of how long it took stays
        run.meta.pop("pred_probs", None)  # probabilities given to `find`: the run's own are put together again from its folds
        run.meta.update(versions=versions(), device=where.to_json())
        for name in ("sample_ids", "splits", "labels"):
            run.save_array(f"{name}.npy", getattr(image_set, name))
        if image_set.annotations is not None:
            run.save_array(annotations.ARRAY, image_set.annotations.array)
            run.save_array(annotations.NAMES, image_set.annotations.names)
        resumed = any((path / "folds").glob("pred_probs-*.npy"))
        with run.step("train", resumed=resumed):  # the seconds of a resumed run are those of its last part
            result = cross_validate(
                factory,
                image_set.images,
                image_set.labels,
                num_classes=image_set.num_classes,
                recipe=chosen.recipe,
                device=where,
                num_folds=num_folds,
                num_repeats=num_repeats,
                seed=seed,
                groups=duplicate_groups(image_set.images),
                strata=np.array([SPLITS.index(split) for split in image_set.splits.tolist()]),
                trainable=trainable_samples(image_set, pool_splits=pool_splits),
                class_names=image_set.class_names,
                num_workers=num_processes(num_folds * num_repeats, image_set.images.nbytes, where),
                executor=place,
                store=RunFolds(run),
                progress=progress,
            )
            run.save_array("fold.npy", result.fold)
            run.save_array("embeddings.npy", result.embeddings)
            run.save_array("pred_probs.npy", result.pred_probs)
            run.update("metrics", **accuracies(image_set, result.pred_probs))
    return tracked(run, image_set, track)


def tracked(run: Run, image_set: ImageSet, tracker: str | None) -> Run:
    """The run, after `tracker` was given what is in it."""
    if tracker is not None:
        from curate.steps.tracking import track  # needs pandas, which a bare GPU machine may lack

        track(run, image_set, tracker)
    return run


def accuracies(image_set: ImageSet, pred_probs: NDArray[np.float32]) -> dict:
    """Out-of-fold accuracy against the given labels, over all labelled samples and by split; `pred_probs` may be a memory map."""
    labelled = image_set.labels >= 0
    predicted = np.concatenate([block.argmax(axis=1) for _, block in row_blocks(pred_probs)])
    correct = predicted == image_set.labels
    by_split = {
        split: float(correct[labelled & (image_set.splits == split)].mean())
        for split in SPLITS
        if (labelled & (image_set.splits == split)).any()
    }
    return {"out_of_fold_accuracy": float(correct[labelled].mean()), "out_of_fold_accuracy_by_split": by_split}


def describe(image_set: ImageSet) -> dict:
    """The `dataset` section of `run.json`."""
    votes = image_set.annotations
    return {
        "name": image_set.name,
        "origin": image_set.origin,
        "images_hash": image_set.images_hash,
        "labels_hash": image_set.labels_hash,
        "num_samples": len(image_set),
        "class_names": image_set.class_names,
        "image_shape": image_set.images.shape[1:],
        "splits": {split: int((image_set.splits == split).sum()) for split in SPLITS if (image_set.splits == split).any()},
        **({} if votes is None else {"annotations": {"num_annotators": len(votes.names), "num_labels": len(votes.labels)}}),
    }


def versions() -> dict[str, str]:
    """Versions of this package, of Python and of what a result depends on, as far as installed."""
    found = {"python": platform.python_version()}
    for package in ("curate", *VERSIONS):
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
