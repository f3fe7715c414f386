"""Fine-tuning: the pretrained net goes on learning from the pictures themselves, out of fold; for a GPU, or a night on a CPU."""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from curate.data.image_set import ImageSet
from curate.data.pictures import quiet_pillow
from curate.data.working_copies import in_threads
from curate.errors import DataError, DivergedError, UsageError
from curate.judge.backbones import Backbone
from curate.judge.extraction import CPU_BATCH, GPU_BATCH, net_input, picture_of_net
from curate.judge.heads import HeadOptions, class_weights, fit_head
from curate.judge.training.device import Device
from curate.judge.training.jobs import FoldStore, job_seed
from curate.progress import Progress, silent

STAGE = "fine-tuning"
BACKWARD_COST = 3
"""A training step costs about as much as so many forward passes."""


@dataclass(frozen=True)
class FineTuning:
    """How a pretrained net is fine-tuned.

    Attributes:
        epochs: passes over the pictures that are learnt from.
        batch_size: B.
        rate, head_rate: highest learning rates of AdamW, of the net and of its head; warmed up, then falling to 0 by a cosine.
        weight_decay: of AdamW.
        warmup: share of the steps.
        label_smoothing: share of the target that is spread over all classes: some labels are wrong.
        least_area: crops cover at least this share of the middle square; half of them are mirrored where there are colours.
        penalty: of the head on frozen features that training begins with.

    Not tuned: usual values, with the head fitted first so that the features are not spoilt by a random one (Kumar et al. 2022,
    arXiv:2202.10054). Norms keep the statistics that they came with.
    """

    epochs: int = 6
    batch_size: int = 32
    rate: float = 2e-4
    head_rate: float = 1e-3
    weight_decay: float = 0.02
    warmup: float = 0.1
    label_smoothing: float = 0.1
    least_area: float = 0.5
    penalty: float = 0.1


class Classifier(nn.Module):
    """A net without its classifier, and a linear layer on its features: (B, 3, S, S) to logits (B, K)."""

    def __init__(self, trunk: nn.Module, weights: NDArray[np.float32]) -> None:
        """
        Args:
            weights: (D + 1, K) of the layer to begin with, the intercept last.
        """
        super().__init__()
        self.trunk = trunk
        self.head = nn.Linear(*weights[:-1].shape)
        with torch.no_grad():
            self.head.weight.copy_(torch.from_numpy(np.ascontiguousarray(weights[:-1].T)))
            self.head.bias.copy_(torch.from_numpy(weights[-1].copy()))

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.trunk(x))

    def train(self, mode: bool = True) -> "Classifier":
        """Training mode, but for the norms: their statistics of millions of pictures are better than those of a small batch."""
        super().train(mode)
        for module in self.trunk.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.eval()
        return self


def fine_tuned(
    image_set: ImageSet,
    backbone: Backbone,
    features: NDArray[np.floating],
    fold: NDArray[np.integer],
    *,
    learnt: NDArray[np.bool_],
    device: Device,
    seed: int,
    store: FoldStore,
    recipe: FineTuning = FineTuning(),
    progress: Progress = silent,
) -> NDArray[np.float32]:
    """(N, K) probabilities of every picture by a net that was fine-tuned without it and its group.

    Args:
        features: (N, D) of the frozen net.
        fold: (N,) the fold that holds each sample out.
        learnt: (N,) samples that may be learnt from.
        store: where finished folds are kept, so that a killed call goes on.
        progress: stage `fine-tuning`, in pictures; its note tells how long all of it takes on this machine, once that is known.

    Raises:
        UsageError: not even one picture at a time fits the GPU.
        DataError: a picture has vanished.
        DivergedError: the training diverged.
    """
    folds = np.unique(fold).tolist()
    costs = {held: _cost(learnt & (fold != held), fold == held, recipe) for held in folds}
    pred_probs = np.zeros((len(image_set), image_set.num_classes), np.float32)
    watch = _Watch(sum(costs.values()), progress)
    for held in folds:
        name, judged = f"fine-tuned-{held}", np.flatnonzero(fold == held)
        kept = store.load(name)
        if kept is None or kept.shape != (len(judged), image_set.num_classes):
            train = np.flatnonzero(learnt & (fold != held))
            weights = _head_on(features[train], image_set.labels[train], image_set.num_classes, recipe)
            net = Classifier(backbone.trainable(), weights).to(device.where, memory_format=torch.channels_last)  # type: ignore[call-overload]
            train_net(net, image_set, backbone, train, device=device, seed=job_seed(seed, held), recipe=recipe, on_pictures=watch.passed)
            kept = probabilities_of(net, image_set, backbone, judged, device=device, on_pictures=watch.passed)
            if not np.isfinite(kept).all():
                raise DivergedError(f"the fine-tuning of fold {held} diverged; try another --seed, or leave --preset best out")
            store.save(name, kept)
        else:
            watch.skip(costs[held])
        pred_probs[judged] = kept
    progress(STAGE, 1, 1, f"{len(folds)} nets")
    return pred_probs


def train_net(
    net: Classifier,
    image_set: ImageSet,
    backbone: Backbone,
    train: NDArray[np.int64],
    *,
    device: Device,
    seed: int,
    recipe: FineTuning,
    on_pictures: Callable[[float], None] = lambda num: None,
) -> None:
    """Trains the net on the pictures at `train` (M,)."""
    rng = np.random.default_rng(seed)
    labels = image_set.labels[train]
    weight = class_weights(labels, image_set.num_classes, HeadOptions().balance)
    optimizer = torch.optim.AdamW(
        [{"params": net.trunk.parameters(), "lr": recipe.rate}, {"params": net.head.parameters(), "lr": recipe.head_rate}],
        weight_decay=recipe.weight_decay,
    )
    steps = recipe.epochs * math.ceil(len(train) / recipe.batch_size)
    warm = max(1, round(recipe.warmup * steps))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / warm, 0.5 + 0.5 * math.cos(math.pi * max(step - warm, 0) / max(steps - warm, 1)))
    )
    order = np.concatenate([rng.permutation(len(train)) for _ in range(recipe.epochs)])  # an epoch after the other
    prepare = _augmented(image_set, backbone, recipe, seed)
    net.train()
    sizes = [min(recipe.batch_size, len(train) - start) for start in range(0, len(train), recipe.batch_size)] * recipe.epochs
    for rows, pictures in _batches(prepare, [(int(train[i]), number) for number, i in enumerate(order)], sizes, order):
        x, target = _normalised(pictures, backbone, device), torch.from_numpy(labels[rows]).to(device.where)
        share = torch.from_numpy(weight[rows]).to(device.where) / len(rows)
        optimizer.zero_grad(set_to_none=True)
        _backward(net, x, target, share, device, backbone, recipe)
        nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        optimizer.step()
        schedule.step()
        on_pictures(BACKWARD_COST * len(rows))


@torch.inference_mode()
def probabilities_of(
    net: Classifier,
    image_set: ImageSet,
    backbone: Backbone,
    judged: NDArray[np.int64],
    *,
    device: Device,
    on_pictures: Callable[[float], None] = lambda num: None,
) -> NDArray[np.float32]:
    """(M, K) probabilities of the pictures at `judged` (M,), averaged with those of the mirrored pictures where there are colours."""
    net.eval()
    size = CPU_BATCH if device.kind == "cpu" else GPU_BATCH
    is_mirrored = len(image_set.images[0]) > 1
    found = []
    sizes = [min(size, len(judged) - start) for start in range(0, len(judged), size)]
    plain: Callable[[tuple[int, int]], NDArray[np.uint8]] = lambda item: np.asarray(net_input(image_set, item[0], backbone.pixels))  # noqa: E731
    for _, pictures in _batches(plain, [(int(i), 0) for i in judged], sizes, np.arange(len(judged))):
        x = _normalised(pictures, backbone, device)
        with device.autocast():
            logits = net(x).float()
            if is_mirrored:
                logits = (logits + net(x.flip(3)).float()) / 2
        found.append(logits.softmax(dim=1).cpu().numpy())
        on_pictures((1 + is_mirrored) * len(pictures))
    return np.concatenate(found) if found else np.empty((0, image_set.num_classes), np.float32)


def _backward(net: Classifier, x: Tensor, target: Tensor, share: Tensor, device: Device, backbone: Backbone, recipe: FineTuning) -> None:
    """Adds the gradients of a batch; in two halves where it does not fit the GPU."""
    try:
        with device.autocast():
            logits = net(x)
        loss = F.cross_entropy(logits.float(), target, reduction="none", label_smoothing=recipe.label_smoothing)
        (loss * share).sum().backward()
        return
    except torch.OutOfMemoryError as error:
        if len(x) == 1:
            told = f"one picture of {backbone.pixels} pixels does not fit the GPU with {backbone.name}"
            raise UsageError(f"{told} while it is trained; use --device cpu, or leave --preset best out") from error
    torch.cuda.empty_cache()  # outside: the error holds on to the tensors of the pass that failed
    half = len(x) // 2
    for part in (slice(0, half), slice(half, len(x))):
        _backward(net, x[part], target[part], share[part], device, backbone, recipe)


def _augmented(image_set: ImageSet, backbone: Backbone, recipe: FineTuning, seed: int) -> "Callable[[tuple[int, int]], NDArray[np.uint8]]":
    """From a position and the number of its showing to a crop (S, S, 3): the same for a seed, whichever thread makes it."""
    from PIL import Image

    is_mirrored = len(image_set.images[0]) > 1

    def prepare(item: tuple[int, int]) -> NDArray[np.uint8]:
        position, number = item
        rng = np.random.default_rng((seed, number))
        picture = picture_of_net(image_set, position, backbone.pixels)
        area, ratio = rng.uniform(recipe.least_area, 1), math.exp(rng.uniform(math.log(3 / 4), math.log(4 / 3)))
        short = min(picture.size)
        width = min(short * math.sqrt(area * ratio), picture.width)
        height = min(short * math.sqrt(area / ratio), picture.height)
        left, top = rng.uniform(0, picture.width - width), rng.uniform(0, picture.height - height)
        side = (backbone.pixels, backbone.pixels)
        crop = picture.resize(side, Image.Resampling.BILINEAR, box=(left, top, left + width, top + height), reducing_gap=2.0)
        pixels = np.asarray(crop)
        return pixels[:, ::-1] if is_mirrored and rng.random() < 0.5 else pixels

    return prepare


def _batches(
    prepare: "Callable[[tuple[int, int]], NDArray[np.uint8]]",
    items: list[tuple[int, int]],
    sizes: list[int],
    rows: NDArray[np.int64],
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.uint8]]]:
    """Rows (B,) and pictures (B, S, S, 3) of one batch after the other, while other threads make the next."""
    with quiet_pillow():
        made = in_threads(prepare, items, ahead=3 * max(sizes, default=1))
        start = 0
        for size in sizes:
            pictures = []
            for _ in range(size):
                picture = next(made)
                if isinstance(picture, DataError):
                    raise picture
                pictures.append(picture)
            yield rows[start : start + size], np.stack(pictures)
            start += size


def _normalised(pictures: NDArray[np.uint8], backbone: Backbone, device: Device) -> Tensor:
    """(B, 3, S, S) of pictures (B, S, S, 3), as the net takes them."""
    mean = torch.tensor(backbone.mean, device=device.where).view(1, 3, 1, 1) * 255
    deviation = torch.tensor(backbone.deviation, device=device.where).view(1, 3, 1, 1) * 255
    x = torch.from_numpy(np.ascontiguousarray(pictures)).to(device.where).permute(0, 3, 1, 2)
    return (x - mean) / deviation


def _head_on(features: NDArray[np.floating], labels: NDArray[np.int64], num_classes: int, recipe: FineTuning) -> NDArray[np.float32]:
    """(D + 1, K) weights of a logistic regression on the features as the net gives them, the intercept last."""
    rows = features.astype(np.float32)
    mean, deviation = rows.mean(axis=0), np.maximum(rows.std(axis=0), 1e-3)
    weights = fit_head((rows - mean) / deviation, labels, num_classes, (recipe.penalty,), HeadOptions())[-1].copy()
    weights[:-1] /= deviation[:, None]
    weights[-1] -= mean @ weights[:-1]
    return weights


def _cost(learnt: NDArray[np.bool_], judged: NDArray[np.bool_], recipe: FineTuning) -> float:
    """Forward passes that a fold is worth."""
    return float(BACKWARD_COST * recipe.epochs * int(learnt.sum()) + 2 * int(judged.sum()))


class _Watch:
    """Tells the progress, and how long all of it will take by what has passed."""

    def __init__(self, total: float, progress: Progress) -> None:
        self.total, self.progress = total, progress
        self.done = self.skipped = 0.0
        self.start = time.perf_counter()
        progress(STAGE, 0, total)

    def passed(self, num: float) -> None:
        """After so many forward passes' worth."""
        self.done += num
        rate = (time.perf_counter() - self.start) / max(self.done - self.skipped, 1)
        told = f"about {_duration(rate * (self.total - self.skipped))} on this machine" if self.done - self.skipped > 100 else ""
        self.progress(STAGE, min(self.done, self.total * 0.999), self.total, told)

    def skip(self, num: float) -> None:
        """A fold that an earlier call finished."""
        self.done += num
        self.skipped += num


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def largest_of(backbones: "tuple[Backbone, ...]", features: "list[NDArray[Any]]") -> "tuple[Backbone, NDArray[Any]]":
    """The net that sees most pixels, with its features: of several, that one is fine-tuned."""
    place = int(np.argmax([backbone.pixels for backbone in backbones]))
    return backbones[place], features[place]
