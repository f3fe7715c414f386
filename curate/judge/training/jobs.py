"""One job of cross-validation: a net trained on everything but its fold, which then judges that fold; and how results are kept and sent."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from curate.errors import DivergedError
from curate.judge.models.base import ConvNet
from curate.judge.training.augment import Batches
from curate.judge.training.device import Device
from curate.judge.training.device_memory import with_smaller_batch
from curate.judge.training.fit import fit
from curate.judge.training.joint_training import ALONE, Team
from curate.judge.training.loaded_batches import batches_of
from curate.judge.training.predict import embed, predict
from curate.judge.training.recipes import Recipe


class FoldStore(Protocol):
    """What cross-validation asks of a place to keep things."""

    def load(self, name: str) -> NDArray | None:
        """The array of that name, or None where there is none."""

    def save(self, name: str, array: NDArray) -> None:
        """Keeps the array, atomically."""

    def save_model(self, name: str, model: ConvNet) -> None:
        """Keeps the weights, atomically."""


class NoStore:
    """Keeps nothing."""

    def load(self, name: str) -> None:
        return None

    def save(self, name: str, array: NDArray) -> None:
        return None

    def save_model(self, name: str, model: ConvNet) -> None:
        return None


ModelFactory = Callable[[int], ConvNet]
"""A new network from a seed."""

OnShare = Callable[[float], None]
"""Called with the share of a job that is done."""

ONE_AT_A_TIME = threading.RLock()  # initial weights are drawn from torch's global generator
BACKWARD_COST = 3  # a training step costs about as much as three forward passes


@dataclass(frozen=True)
class FoldJob:
    """The net that holds out `fold` in `repeat`; nets of the first repeat are kept, and the first of them embeds every sample."""

    repeat: int
    fold: int

    @property
    def name(self) -> str:
        return f"r{self.repeat}-f{self.fold}"

    @property
    def embeds(self) -> bool:
        return (self.repeat, self.fold) == (0, 0)

    @property
    def keeps_model(self) -> bool:
        return self.repeat == 0


@dataclass(frozen=True)
class FoldResult:
    """What a job gives.

    Attributes:
        probs: (M, K) of the samples that the job judges.
        curve: (E, 2) loss and accuracy on the training samples in each epoch; None of a fold that an older version kept.
        embeddings: (N, D) of all samples, of the first job only.
        model: the net, of the first repeat only.
    """

    probs: NDArray[np.float32]
    curve: NDArray[np.float32] | None = None
    embeddings: NDArray[np.float32] | None = None
    model: ConvNet | None = None


@dataclass
class FoldWork:
    """What every job needs.

    Attributes:
        make_model: a new network from a seed.
        images: (N, C, H, W) uint8.
        labels: (N,) int64 in -1..K-1.
        folds: (repeats, N) int16.
        trainable: (N,) bool.
        recipe, device: how and where to train.
        seed: of the run.
        judged_by_all: (N,) bool, samples that no net learns from; None = there are none.
    """

    make_model: ModelFactory
    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    folds: NDArray[np.int16]
    trainable: NDArray[np.bool_]
    recipe: Recipe
    device: Device
    seed: int
    judged_by_all: NDArray[np.bool_] | None = None
    _batches: Batches | None = field(default=None, repr=False)

    def judges(self, job: FoldJob) -> NDArray[np.int64]:
        """(M,) positions of the samples that the job judges: first those of its fold, then those that every net judges."""
        in_fold = self.folds[job.repeat] == job.fold
        others = np.zeros_like(in_fold) if self.judged_by_all is None else self.judged_by_all & ~in_fold
        return np.concatenate([np.flatnonzero(in_fold), np.flatnonzero(others)])

    def batches(self) -> Batches:
        """Batches of the images for one job; all jobs share the images on the device."""
        with ONE_AT_A_TIME:
            if self._batches is None:
                self._batches = batches_of(self.images, self.recipe, self.device)
        return self._batches.again()

    def run(self, job: FoldJob, on_share: OnShare, team: Team = ALONE) -> FoldResult:
        """Trains and judges; where the device's memory is not enough to train, once more with half as many images in a batch.

        Judging makes its own batches smaller where memory is short: a net that is trained is never trained again for that.

        Of a team that trains one net together, which must agree on the batches, only the first judges; the others' results are empty.

        Raises:
            DivergedError: the training diverged.
            CurateError: half a batch does not fit, either.
        """

        def train(recipe: Recipe) -> tuple[ReadyJob, list[tuple[float, float]]]:
            ready, curve = self.ready(job), []

            def on_epoch(epoch: int, metrics: dict[str, float]) -> None:
                curve.append((metrics["loss"], metrics["accuracy"]))

            def on_step(step: int, steps: int) -> None:
                on_share(step / steps * self.training_share(job))

            targets = torch.tensor(self.labels, device=self.device.where)
            fit(
                ready.model,
                ready.batches,
                targets,
                ready.indices,
                recipe,
                self.device,
                seed=ready.seed,
                team=team,
                on_step=on_step,
                on_epoch=on_epoch,
            )
            return ready, curve

        ready, curve = train(self.recipe) if team.size > 1 else with_smaller_batch(train, self.recipe, f"fold {job.fold}")
        if not team.judges:
            return FoldResult(np.empty((0, ready.model.num_classes), np.float32))
        return self.judged(job, ready, curve, on_share)

    def ready(self, job: FoldJob) -> "ReadyJob":
        """What the training of a job begins with."""
        batches = self.batches()
        indices = torch.from_numpy(training_indices(self.folds[job.repeat], job.fold, self.trainable))
        batches.standardise(indices)
        seed = job_seed(self.seed, job.repeat, job.fold)
        with ONE_AT_A_TIME:
            model = self.make_model(seed).to(self.device.where).to(memory_format=torch.channels_last)
        return ReadyJob(model, batches, indices, seed)

    def costs(self, job: FoldJob) -> tuple[int, int]:
        """Forward passes that training a job is worth, and those of judging and embedding after it."""
        num_indices = np.count_nonzero(self.trainable & (self.folds[job.repeat] != job.fold))
        judging = self.recipe.views * len(self.judges(job)) + job.embeds * len(self.labels)
        return BACKWARD_COST * self.recipe.epochs * int(num_indices), judging

    def training_share(self, job: FoldJob) -> float:
        """The share of a job that its training is, in (0, 1)."""
        training, judging = self.costs(job)
        return training / (training + judging)

    def judged(self, job: FoldJob, ready: "ReadyJob", curve: list[tuple[float, float]], on_share: OnShare) -> FoldResult:
        """The result of a job whose net is trained.

        Raises:
            DivergedError: the training diverged.
        """
        model, batches = ready.model, ready.batches
        training, judging = self.costs(job)
        passed = 0

        def on_images(count: int) -> None:
            nonlocal passed
            passed += count
            on_share((training + passed) / (training + judging))

        judged = torch.from_numpy(self.judges(job))
        views, sure = self.recipe.views, self.recipe.sure
        probs = predict(model, batches, judged, self.device, views=views, sure=sure, on_images=on_images).numpy()
        if not np.isfinite(probs).all():
            raise DivergedError(f"the training of fold {job.fold} diverged; try another --seed, --model or --preset")
        embeddings = embed(model, batches, torch.arange(len(self.labels)), self.device, on_images=on_images).numpy() if job.embeds else None
        return FoldResult(probs, np.array(curve, np.float32), embeddings, model if job.keeps_model else None)


@dataclass(frozen=True)
class ReadyJob:
    """A job about to be trained: its net on the device, its batches, the (M,) indices it learns from, and its seed."""

    model: ConvNet
    batches: Batches
    indices: Tensor
    seed: int


def training_indices(fold: NDArray[np.int16], held_out: int, trainable: NDArray[np.bool_]) -> NDArray[np.int64]:
    """(M,) positions of the samples that the model of fold `held_out` is trained on."""
    return np.flatnonzero(trainable & (fold != held_out))


def job_seed(seed: int, *path: int) -> int:
    """A seed for one job, from the run's seed and the job's place; different places give unrelated seeds."""
    return int(np.random.SeedSequence(seed, spawn_key=path).generate_state(1)[0])


Statistics = tuple[tuple[float, ...], tuple[float, ...]]


@dataclass(frozen=True)
class Parcel:
    """A FoldResult without its net, and the net's weights and `input_statistics`, where it has one.

    torch would send tensors as open files, which end with the process that opened them.
    """

    result: FoldResult
    weights: dict[str, NDArray] | None
    statistics: Statistics | None


def packed(result: FoldResult) -> Parcel:
    """The parcel of `result`, for another process."""
    if result.model is None:
        return Parcel(result, None, None)
    weights = {name: value.cpu().numpy() for name, value in result.model.state_dict().items()}
    return Parcel(replace(result, model=None), weights, result.model.input_statistics)


def unpacked(work: FoldWork, job: FoldJob, parcel: Parcel) -> FoldResult:
    """The result in `parcel`, its net on the CPU in evaluation mode."""
    if parcel.weights is None:
        return parcel.result
    model = work.make_model(job_seed(work.seed, job.repeat, job.fold))
    model.load_state_dict({name: torch.from_numpy(np.array(value)) for name, value in parcel.weights.items()})
    model.input_statistics = parcel.statistics
    return replace(parcel.result, model=model.eval())
