"""Where the time of cross-validation goes: parts of one net, operators of a step, the device's rate, and what follows training."""

import time

import torch

from curate.datasets.image_set import ImageSet
from curate.embeddings.neighbors import nearest_neighbors
from curate.embeddings.projection import project
from curate.issues.label_issues import find_label_issues
from curate.models.registry import ModelSpec
from curate.progress import Progress
from curate.training.arithmetic_rate import operations_per_image, operations_per_second
from curate.training.augment import Batches, as_tensor
from curate.training.cross_validation import OutOfFold
from curate.training.device import Device
from curate.training.fit import fit
from curate.training.predict import embed, predict
from curate.training.presets import Preset

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
