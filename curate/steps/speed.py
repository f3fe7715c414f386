"""speed: how long cross-validation takes on this machine, where the time goes, and how the usual workflow does beside it."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from curate.datasets.image_set import ImageSet
from curate.errors import DataError, UsageError
from curate.models.registry import ModelSpec, default_model
from curate.progress import Progress, silent
from curate.steps.published_workflow import published_workflow
from curate.steps.speed_parts import limit, one_net, operators, stages
from curate.steps.train import describe, versions
from curate.training.cross_validation import OutOfFold, cross_validate
from curate.training.device import Device, pick_device
from curate.training.executors import num_processes
from curate.training.fold_jobs import job_seed
from curate.training.folds import assign_folds
from curate.training.presets import Preset, preset_for


def speed(
    image_set: ImageSet,
    *,
    model: str | None = None,
    preset: str = "quick",
    num_folds: int = 5,
    rounds: int = 3,
    with_rival: bool = True,
    with_stages: bool = True,
    device: str = "auto",
    progress: Progress = silent,
) -> dict[str, Any]:
    """Times cross-validation of all samples, in turns with skorch in `cross_val_predict`: the same net, the same folds.

    The time is that from the uint8 images in memory to the probabilities of all samples (curate's: and their embeddings); imports do
    not count. Round r has seed r.

    Args:
        model, preset: as for `train`; the recipe is that of the preset, the folds are `num_folds`.
        rounds: how often each of the two is run, in alternating order.
        with_rival, with_stages: whether skorch is run, and whether the stages after training are timed, each once.

    Returns:
        `rounds`: seconds and accuracy of each; `median`: of them, with the ratio of times; `one_net`: seconds of its parts on one core (or
        the GPU); `operators`: shares of processor time in a training step; `limit`: operations of the run, the device's rate, and the
        seconds that the operations alone would take; `stages`; `config`, `device`, `versions`, `dataset`.

    Raises:
        DataError: there are unlabelled samples.
        UsageError: fewer than 1 round.
        DependencyError: skorch is not installed.
    """
    if rounds < 1:
        raise UsageError(f"expected at least 1 round, found {rounds}")
    if (image_set.labels < 0).any():
        raise DataError(f"'{image_set.name}' has {(image_set.labels < 0).sum()} unlabelled samples; the comparison needs labels of all")
    where = pick_device(device)
    channels, *size = image_set.images.shape[1:]
    model = model or default_model((size[0], size[1]), channels)
    spec = ModelSpec(model, image_set.num_classes, channels, (size[0], size[1]))
    chosen = preset_for(model, preset, in_channels=channels)
    measured: list[dict[str, Any]] = []
    for number in range(rounds):
        fold = assign_folds(image_set.labels, num_folds=num_folds, seed=job_seed(number, 0))

        def ours(seed: int = number) -> OutOfFold:
            return validated(spec, image_set, chosen, where, num_folds=num_folds, seed=seed)

        def theirs(seed: int = number, fold: np.ndarray = fold) -> np.ndarray:
            return published_workflow(spec, image_set.images, image_set.labels, fold, seed=seed)

        turns: dict[str, Callable[[], Any]] = {"curate": ours, **({"rival": theirs} if with_rival else {})}
        record: dict[str, Any] = {}
        for name in sorted(turns, reverse=bool(number % 2)):
            progress("benchmark", number, rounds, f"round {number + 1}: {name}")
            start = time.perf_counter()
            result = turns[name]()
            record[f"{name}_seconds"] = time.perf_counter() - start
            pred_probs = result.pred_probs if isinstance(result, OutOfFold) else result
            record[f"{name}_accuracy"] = float((pred_probs.argmax(axis=1) == image_set.labels).mean())
            if isinstance(result, OutOfFold):
                out_of_fold = result
        if with_rival:
            record["times_faster"] = record["rival_seconds"] / record["curate_seconds"]
        measured.append(record)
    progress("benchmark", rounds, rounds)
    result = {
        "rounds": measured,
        "median": {key: float(np.median([record[key] for record in measured])) for key in measured[0]},
        "one_net": one_net(spec, image_set, chosen, where, num_folds=num_folds),
        "operators": operators(spec, image_set, chosen, where),
        "stages": stages(image_set, out_of_fold, progress) if with_stages else {},
        "config": {"model": model, "preset": preset, "recipe": chosen.recipe.to_json(), "num_folds": num_folds, "rounds": rounds},
        "device": where.to_json(),
        "versions": versions(),
        "dataset": describe(image_set),
    }
    result["limit"] = limit(spec, len(image_set), chosen, where, num_folds=num_folds, seconds=result["median"]["curate_seconds"])
    return result


def validated(spec: ModelSpec, image_set: ImageSet, preset: Preset, device: Device, *, num_folds: int, seed: int) -> OutOfFold:
    return cross_validate(
        spec,
        image_set.images,
        image_set.labels,
        num_classes=image_set.num_classes,
        recipe=preset.recipe,
        device=device,
        num_folds=num_folds,
        seed=seed,
        num_workers=num_processes(num_folds, image_set.images.nbytes, device),
    )
