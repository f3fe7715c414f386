"""explain model: what the net of a run is, how good, how sure, how quick, and against what, as one page."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from curate.data.image_set import SPLITS, ImageSet
from curate.errors import RunError, UsageError
from curate.files import write_atomically
from curate.find.saved_table import load_table
from curate.intervals import wilson
from curate.judge.fold_nets import net_file
from curate.judge.models.base import ConvNet
from curate.judge.models.registry import MODELS
from curate.judge.models.weights import load_weights
from curate.judge.training.device import pick_device
from curate.lab.arithmetic import arithmetic
from curate.lab.calibration import calibration, cross_fitted
from curate.lab.latency import Latency, latency_by_batch_size, measure_latency
from curate.lab.metrics import Quality, accuracy_difference, class_qualities, confusion_matrix, quality
from curate.lab.model_page.alternatives import find_rival, is_alike_trained, make_rivals, train_rival, training_of
from curate.lab.model_page.model_facts import Candidate, Costs, Judged, ModelFacts, Suspects
from curate.lab.model_page.model_page import model_page
from curate.progress import Progress, silent
from curate.run import Run

BATCH_SIZES = (4, 16, 64, 256)
SECONDS = 3.0  # to measure each net, and each batch size, for
LONGEST_CALL = 3.0  # seconds; larger batches than those that take so long are not tried
SUFFIXES = (".html", ".htm")


def explain_model(
    run: Run,
    *,
    against: Sequence[str] | None = None,
    train_on: ImageSet | None = None,
    to: Path | None = None,
    num_threads: int = 1,
    device: str = "auto",
    progress: Progress = silent,
) -> dict[str, Any]:
    """Measures the net of `run`, writes the page and returns the figures on it.

    Args:
        against: models of the registry; by default the small ones, and those that have a run on the same images and labels.
        train_on: the images of the run: those of the models that have no such run are then trained on them by the preset of
            `run`, each into a run of its own.
        to: the page; by default `model.html` in the run folder.
        num_threads: CPU threads while latency is measured.
        device: on which it is measured, and trained.

    Raises:
        RunError: the run has no net, or its probabilities are not those of its net.
        UnknownNameError: there is no such model.
        UsageError: another ending than .html, or no thread.
        DataError: nothing is labelled, or a model that is asked for cannot take the images.
        StorageError: the page cannot be written.
    """
    path = run.path / "model.html" if to is None else to
    if path.suffix.lower() not in SUFFIXES or path.is_dir():
        raise UsageError(f"the page is written to a file that ends in .html, found {path.name}; change --to")
    if "pred_probs" in run.meta:
        raise RunError(
            f"the probabilities of run '{run.name}' were given by `curate find --pred-probs`, so they tell nothing of its model; "
            "train again to have the model's own"
        )
    weights = net_file(run)
    labels, probs, fold, splits = (run.load_array(f"{name}.npy") for name in ("labels", "pred_probs", "fold", "splits"))
    model, where = run.meta["config"]["model"], pick_device(device)
    rivals = make_rivals(run, against)
    untrained = [name for name in rivals if not _has_alike(run, name)] if train_on is not None else []
    if train_on is not None:
        for name in untrained:
            train_rival(run, train_on, name, device=device, progress=progress)
    nets = {name: net.to(where.where) for name, net in {model: load_weights(weights), **rivals}.items()}
    candidates = _measured(run, nets, num_threads, progress)
    latencies = _by_batch_size(run, nets[model], candidates[model].latency, num_threads, progress)

    progress("quality", 0, 3)
    qualities = _by_split(labels, probs, splits)
    matrix = confusion_matrix(labels, probs)
    progress("quality", 1, 3, "calibration")
    rescaled, temperature = cross_fitted(labels, probs, fold[0])
    itself = candidates[model]
    facts = ModelFacts(
        meta=run.meta,
        trained=training_of(run),
        itself=replace(itself, costs=replace(itself.costs, size_bytes=weights.stat().st_size)),
        others=tuple(replace(candidates[name], judged=_judged(run, name, labels, probs, name in untrained)) for name in rivals),
        qualities=qualities,
        calibration=calibration(labels, probs),
        rescaled=calibration(labels, rescaled),
        temperature=temperature,
        matrix=matrix,
        classes=tuple(class_qualities(matrix, run.meta["dataset"]["class_names"])),
        latencies=latencies,
        machine=where.name,
        is_on_cpu=where.kind == "cpu",
        suspects=_suspects(run, labels, probs),
    )
    progress("quality", 2, 3, "page")
    write_atomically(path, model_page(facts, run.handle).encode())
    progress("quality", 3, 3)
    return {"run": run.name, "page": path, **facts.as_dict()}


def _measured(run: Run, nets: Mapping[str, ConvNet], num_threads: int, progress: Progress) -> dict[str, Candidate]:
    """What each net costs; their latencies in one series of measurements."""
    channels, height, width = run.meta["dataset"]["image_shape"]
    shape = channels, height, width
    latencies = measure_latency(nets, shape, num_threads=num_threads, seconds=SECONDS, progress=progress)
    found = {}
    for name, net in nets.items():
        worked = arithmetic(net, shape)
        size = sum(tensor.numel() * tensor.element_size() for tensor in net.state_dict().values())
        costs = Costs(worked.parameters, size, worked.multiply_adds, worked.activation_bytes)
        found[name] = Candidate(name, MODELS[name].description, costs, latencies[name])
    return found


def _by_batch_size(run: Run, net: ConvNet, single: Latency, num_threads: int, progress: Progress) -> tuple[Latency, ...]:
    """Latencies by batch size, from that of one image on, as far as a call takes not too long."""
    channels, height, width = run.meta["dataset"]["image_shape"]
    sizes = [size for size in BATCH_SIZES if single.p50 * size <= LONGEST_CALL]
    options: dict[str, Any] = {"num_threads": num_threads, "seconds": SECONDS, "progress": progress}
    return (single, *latency_by_batch_size(net, (channels, height, width), sizes, **options))


def _by_split(labels: NDArray[np.int64], probs: NDArray[np.float32], splits: NDArray[np.str_]) -> dict[str, Quality]:
    """The quality over all labelled samples, and by split where there is more than one."""
    found = {"all": quality(labels, probs)}
    present = [split for split in SPLITS if (labels[splits == split] >= 0).any()]
    if len(present) > 1:
        found |= {split: quality(labels[splits == split], probs[splits == split]) for split in present}
    return found


def _has_alike(run: Run, name: str) -> bool:
    """Whether there is a run of that model on the same data, trained likewise."""
    rival = find_rival(run, name)
    return rival is not None and is_alike_trained(run, rival)


def _judged(run: Run, name: str, labels: NDArray[np.int64], probs: NDArray[np.float32], is_made_for_this: bool) -> Judged | None:
    """How good the model is by its own run on the same images and labels; None where there is none."""
    rival = find_rival(run, name)
    if rival is None:
        return None
    chosen = labels >= 0
    is_right = (probs.argmax(axis=1) == labels)[chosen]
    rival_is_right = (rival.load_array("pred_probs.npy").argmax(axis=1) == labels)[chosen]
    accuracy = wilson(int(rival_is_right.sum()), len(rival_is_right))
    return Judged(training_of(rival), accuracy, accuracy_difference(is_right, rival_is_right), is_made_for_this)


def _suspects(run: Run, labels: NDArray[np.int64], probs: NDArray[np.float32]) -> Suspects | None:
    """How many labels the audit doubts, where it has been made."""
    if not run.has("issues.parquet"):
        return None
    is_issue = load_table(run)["is_label_issue"].to_numpy()
    is_mistake = (labels >= 0) & (probs.argmax(axis=1) != labels)
    return Suspects(int(is_issue.sum()), int((is_issue & is_mistake).sum()))
