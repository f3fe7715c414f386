"""speed: how long cross-validation takes on this machine, where the time goes, and how the usual workflow does beside it."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from curate.data.image_set import ImageSet, describe
from curate.errors import DataError, DependencyError, UsageError
from curate.find.label_issues import find_label_issues
from curate.find.neighbors import nearest_neighbors
from curate.find.projection import project
from curate.judge.models.registry import ModelSpec, default_model
from curate.judge.training.arithmetic_rate import operations_per_image, operations_per_second
from curate.judge.training.augment import Batches, as_tensor
from curate.judge.training.cross_validation import OutOfFold, cross_validate
from curate.judge.training.device import Device, pick_device
from curate.judge.training.fit import fit
from curate.judge.training.folds import assign_folds
from curate.judge.training.jobs import ModelFactory, job_seed
from curate.judge.training.local_executor import num_processes
from curate.judge.training.predict import embed, predict
from curate.judge.training.recipes import Preset, preset_for
from curate.progress import Progress, silent
from curate.run import versions

EPOCHS, RATE, BATCH_SIZE = 3, 0.001, 128  # Adam's usual rate, skorch's batch


def published_workflow(
    make_model: ModelFactory, images: NDArray[np.uint8], labels: NDArray[np.int64], fold: NDArray[np.int16], *, seed: int
) -> NDArray[np.float32]:
    """Out-of-fold probabilities (N, K), float32, on all threads of this process.

    Args:
        images: (N, C, H, W).
        labels: (N,) in 0..K-1.
        fold: (N,), the fold that holds each sample out.

    Raises:
        DependencyError: skorch is not installed.

    Source: the image tutorial of cleanlab 2; with Adam, without an inner validation split and with 3 epochs for 10, all in its favour.
    """
    import torch
    from sklearn.model_selection import PredefinedSplit, cross_val_predict

    try:
        from skorch import NeuralNetClassifier
    except ImportError as error:
        raise DependencyError(
            "the comparison needs skorch; install it with: pip install 'curate[benchmark]', or leave it out by --no-rival"
        ) from error

    def module() -> torch.nn.Module:
        return make_model(seed)

    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        net = NeuralNetClassifier(
            module,
            criterion=torch.nn.CrossEntropyLoss,
            optimizer=torch.optim.Adam,
            lr=RATE,
            batch_size=BATCH_SIZE,
            max_epochs=EPOCHS,
            train_split=None,
            verbose=0,
        )
        pixels = images.astype(np.float32) / 255
        return cross_val_predict(net, pixels, labels, cv=PredefinedSplit(fold), method="predict_proba")


PROFILED_STEPS = 50
KINDS = {  # what an operator of torch belongs to, by a part of its name; the first that is found counts
    "products": ("mm", "convolution", "linear", "bmm"),
    "optimizer": ("fused_adam", "fused_sgd", "foreach"),
    "copies and casts": ("copy", "clone", "index", "cat", "to_copy", "contiguous", "fill", "zero", "empty", "pad", "select", "slice"),
}


def one_net(spec: ModelSpec, image_set: ImageSet, preset: Preset, device: Device, *, num_folds: int) -> dict[str, float]:
    """Seconds of the parts of one fold by itself, on one core or on the GPU."""
    recipe, count = preset.recipe, len(image_set)
    held_out = torch.arange(count // num_folds)
    seconds: dict[str, float] = {}
    last = time.perf_counter()

    def lap(name: str) -> None:
        nonlocal last
        if device.kind == "cuda":
            torch.cuda.synchronize()
        seconds[name], last = time.perf_counter() - last, time.perf_counter()

    num_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        images = as_tensor(image_set.images).to(device.where)
        batches = Batches(images, shift=recipe.shift, mirror=recipe.mirror, border=recipe.border)
        chosen = torch.arange(len(held_out), count)
        batches.standardise(chosen)
        net = spec(0).to(device.where).to(memory_format=torch.channels_last)
        labels = torch.from_numpy(image_set.labels).to(device.where)
        lap("prepare")
        fit(net, batches, labels, chosen, recipe, device, seed=0)
        lap("train")
        predict(net, batches, held_out, device, views=recipe.views)
        lap("judge")
        embed(net, batches, torch.arange(count), device)
        lap("embed")
    finally:
        torch.set_num_threads(num_threads)
    return seconds


def operators(spec: ModelSpec, image_set: ImageSet, preset: Preset, device: Device) -> dict[str, float]:
    """Shares of a training's time, on one core or the GPU, by kind of operator; `elementwise and pooling` is what is in no other kind."""
    recipe = preset.recipe
    chosen = torch.arange(min(len(image_set), PROFILED_STEPS * recipe.batch_size))
    batches = Batches(as_tensor(image_set.images[: len(chosen)]).to(device.where), shift=recipe.shift, mirror=recipe.mirror)
    labels = torch.from_numpy(image_set.labels[: len(chosen)]).to(device.where)
    net = spec(0).to(device.where).to(memory_format=torch.channels_last)
    num_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.profiler.profile() as profile:
            fit(net, batches, labels, chosen, recipe, device, seed=0)
    finally:
        torch.set_num_threads(num_threads)
    spent = dict.fromkeys([*KINDS, "elementwise and pooling"], 0.0)
    for event in profile.key_averages():
        own = event.self_device_time_total if device.kind == "cuda" else event.self_cpu_time_total
        name = event.key.lower()
        kind = next((kind for kind, parts in KINDS.items() if any(part in name for part in parts)), "elementwise and pooling")
        spent[kind] += own
    total = sum(spent.values()) or 1.0
    return {kind: value / total for kind, value in spent.items()}


def limit(spec: ModelSpec, count: int, preset: Preset, device: Device, *, num_folds: int, seconds: float) -> dict[str, float]:
    """The operations of the run over the rate of the device, beside the seconds that it took."""
    forward, training = operations_per_image(spec(0))
    recipe = preset.recipe
    operations = training * recipe.epochs * count * (num_folds - 1) + forward * count * (recipe.views + 1)
    rate = operations_per_second(device)
    return {
        "operations": float(operations),
        "operations_per_second": rate,
        "seconds_at_that_rate": operations / rate,
        "share_of_the_rate": operations / rate / seconds,
    }


def stages(image_set: ImageSet, result: OutOfFold, progress: Progress) -> dict[str, float]:
    """Seconds of what follows training, each run once on what the last round gave."""
    seconds: dict[str, float] = {}
    last = time.perf_counter()

    def lap(name: str) -> None:
        nonlocal last
        seconds[name], last = time.perf_counter() - last, time.perf_counter()

    find_label_issues(image_set.labels, result.pred_probs)
    lap("label issues")
    found = nearest_neighbors(result.embeddings, progress=progress)
    lap("neighbours")
    project(result.embeddings, found, seed=0)
    lap("map")
    return seconds


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
        model: as for `train`.
        preset: as for `train`; the recipe is that of the preset, the folds are `num_folds`.
        rounds: how often each of the two is run, in alternating order.
        with_rival: whether skorch is run.
        with_stages: whether the stages after training are timed, each once.

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
