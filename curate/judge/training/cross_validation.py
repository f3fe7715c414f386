"""K-fold cross-validation: every sample is judged by models that never saw it."""

import contextlib
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
from numpy.typing import NDArray

from curate.errors import DataError, RunError, UsageError
from curate.judge.training.device import Device
from curate.judge.training.executors import Executor, LocalExecutor
from curate.judge.training.folds import assign_folds
from curate.judge.training.jobs import FoldJob, FoldResult, FoldStore, FoldWork, ModelFactory, NoStore, job_seed
from curate.judge.training.recipes import Recipe
from curate.progress import Progress, silent


@dataclass(frozen=True)
class OutOfFold:
    """What cross-validation gives.

    Attributes:
        pred_probs: (N, K) float32, the mean over repeats of the probabilities by the model that held the sample out.
        fold: (repeats, N) int16, the fold that held it out.
        embeddings: (N, D) float32, all from the model of the first fold of the first repeat.
        halves: the same as `pred_probs` of every other repeat, and of the others; none where there is a single repeat.
    """

    pred_probs: NDArray[np.float32]
    fold: NDArray[np.int16]
    embeddings: NDArray[np.float32]
    halves: tuple[NDArray[np.float32], ...] = ()


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
    keep_rare: bool = False,
    num_workers: int = 1,
    executor: Executor | None = None,
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
        groups, strata, trainable, class_names, keep_rare: as in `assign_folds`; samples that are not trainable are judged only, by the
            mean of all nets where none of their group is trainable, either.
        num_workers: processes that train side by side and share the threads of `device`; for 2 and more, `make_model` is pickled.
        executor: where the nets are trained; None = on this machine.
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
                keep_rare=keep_rare,
            )
            for repeat in range(num_repeats)
        ]
    )
    jobs = [FoldJob(repeat, fold) for repeat in range(num_repeats) for fold in range(num_folds)]
    _keep_division(folds, store, [f"pred_probs-{job.name}" for job in jobs])
    work = FoldWork(make_model, images, labels, folds, trainable, recipe, device, seed, learnt_by_none(trainable, groups))
    results = {job: kept for job in jobs if (kept := _kept(store, job, len(work.judges(job)))) is not None}
    shares = dict.fromkeys(results, 1.0)

    def told(job: FoldJob, share: float) -> None:
        shares[job] = share
        progress("train", sum(shares.values()) * 0.999, len(jobs), f"{len(results)} of {len(jobs)} nets done")

    executor = LocalExecutor() if executor is None else executor
    finished = executor.run_jobs(work, jobs, told, done=set(results), num_workers=num_workers)
    with contextlib.closing(finished):  # a full disk, say, ends the processes at once
        for job, result in finished:
            if result.model is not None:
                store.save_model(f"models/fold-{job.fold}", result.model)
            if result.embeddings is not None and result.model is not None:
                store.save("embeddings", result.embeddings)
                store.save_model("model", result.model)
            if result.curve is not None:
                store.save(f"curve-{job.name}", result.curve)
            store.save(f"pred_probs-{job.name}", result.probs)  # last: its presence says that the fold is finished
            results[job] = replace(result, model=None)
            told(job, 1.0)
    progress("train", len(jobs), len(jobs), f"{len(jobs)} nets")

    def mean_of(repeats: range) -> NDArray[np.float32]:
        pred_probs = np.zeros((len(labels), num_classes), np.float32)
        for job in jobs:  # in this order, whichever was finished first: sums of floats depend on it
            if job.repeat in repeats:
                pred_probs[work.judges(job)] += results[job].probs / len(repeats)
        return pred_probs / pred_probs.sum(axis=1, keepdims=True)  # where all nets judged, their mean

    halves = tuple(mean_of(range(first, num_repeats, 2)) for first in (0, 1)) if num_repeats > 1 else ()
    return OutOfFold(mean_of(range(num_repeats)), folds, cast(NDArray[np.float32], results[jobs[0]].embeddings), halves)


def learnt_by_none(trainable: NDArray[np.bool_], groups: NDArray[np.int64] | None) -> NDArray[np.bool_]:
    """(N,) samples that no net learns from, nor from anything of their group: every net may judge them."""
    if groups is None:
        return ~trainable
    return ~np.isin(groups, groups[trainable])


def _kept(store: FoldStore, job: FoldJob, num_judged: int) -> FoldResult | None:
    """The result of a job that an earlier call finished; none of an older version, which judged fewer samples."""
    probs = store.load(f"pred_probs-{job.name}")
    embeddings = store.load("embeddings") if job.embeds else None
    if probs is None or len(probs) != num_judged or (job.embeds and embeddings is None):
        return None
    return FoldResult(probs, store.load(f"curve-{job.name}"), embeddings)


def _keep_division(folds: NDArray[np.int16], store: FoldStore, names: list[str]) -> None:
    """Keeps which fold holds out which sample; finished folds of another division must not be mixed in."""
    kept = store.load("fold")
    if kept is not None and np.array_equal(kept, folds):
        return
    if any(store.load(name) is not None for name in names):
        raise RunError(
            "the finished folds were divided otherwise than now, by another version of curate or numpy; "
            "audit again under another --run name"
        )
    store.save("fold", folds)
