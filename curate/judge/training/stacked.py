"""Small nets of several folds trained at once: their weights stacked, one operator for all of them."""

import copy
import functools
from collections.abc import Callable, Generator, Sequence

import torch
from torch import Tensor
from torch.func import functional_call, stack_module_state
from torch.nn import functional as F

from curate.judge.training.augment import Batches
from curate.judge.training.device import Device
from curate.judge.training.device_memory import with_smaller_batch
from curate.judge.training.fit import Replay, begin, parameter_groups, rate_factors, seeded_dropout, steps_of
from curate.judge.training.jobs import FoldJob, FoldResult, FoldWork, ReadyJob
from curate.judge.training.loaded_batches import fits
from curate.judge.training.optimizers import AdamW
from curate.judge.training.recipes import EXTRAS, Recipe

LARGEST_NET = 1_000_000  # parameters; one such net alone leaves a GPU idle between its operators
MOST_AT_ONCE = 15


def can_be_stacked(work: FoldWork) -> bool:
    """Whether the nets of a run can train at once: small ones by AdamW, without extras, on images that fit on the device."""
    recipe, plain = work.recipe, Recipe(epochs=1)
    if recipe.optimizer != "adamw" or any(getattr(recipe, extra) != getattr(plain, extra) for extra in EXTRAS):
        return False
    if not fits(work.images, recipe, work.device):
        return False
    return sum(p.numel() for p in work.make_model(work.seed).parameters()) <= LARGEST_NET


def run_stacked(
    work: FoldWork, jobs: Sequence[FoldJob], told: Callable[[FoldJob, float], None], *, is_recorded: bool = False
) -> Generator[tuple[FoldJob, FoldResult], None, None]:
    """Runs the jobs, up to 15 of them at once; results come after all of a stack are trained.

    Each net has the batches, in the order and with the shifts, that it has in `FoldWork.run`: the results are the same but for the
    rounding of sums, and for the draws of dropout layers.

    Args:
        is_recorded: replay the training step as a CUDA graph.

    Raises:
        DivergedError: a training diverged.
        CurateError: half a batch does not fit into the device's memory, either.
    """
    for start in range(0, len(jobs), MOST_AT_ONCE):
        stack = jobs[start : start + MOST_AT_ONCE]

        def train(recipe: Recipe, stack: Sequence[FoldJob] = stack) -> tuple[list[ReadyJob], list[list[tuple[float, float]]]]:
            ready = [work.ready(job) for job in stack]
            labels = torch.tensor(work.labels, device=work.device.where)

            def on_step(step: int, steps: int) -> None:
                for job in stack:
                    told(job, step / steps * work.training_share(job))

            return ready, fit_stacked(ready, labels, recipe, work.device, on_step=on_step, is_recorded=is_recorded)

        ready, curves = with_smaller_batch(train, work.recipe, f"the stack of {len(stack)} folds")
        for job, one, curve in zip(stack, ready, curves, strict=True):
            yield job, work.judged(job, one, curve, functools.partial(told, job))


def fit_stacked(
    ready: Sequence[ReadyJob],
    labels: Tensor,
    recipe: Recipe,
    device: Device,
    *,
    on_step: Callable[[int, int], None],
    is_recorded: bool = False,
) -> list[list[tuple[float, float]]]:
    """Trains the nets of all jobs in place, as `fit` does one after the other; returns loss and accuracy per epoch of each.

    Of folds whose sizes give another number of steps, all have the smallest.
    """
    models, all_batches = [job.model for job in ready], [job.batches for job in ready]
    generators = [begin(job.model, job.batches, job.indices, device, seed=job.seed) for job in ready]
    size, steps_per_epoch = min(steps_of(len(job.indices), recipe) for job in ready)
    steps = recipe.epochs * steps_per_epoch
    for model in models:  # pooling of maps with channels last has no batched form
        model.to(memory_format=torch.contiguous_format)
    params, buffers = stack_module_state(models)  # type: ignore[arg-type]
    names = {id(parameter): name for name, parameter in models[0].named_parameters()}
    groups = parameter_groups(models[0], lr=recipe.peak_lr, weight_decay=recipe.weight_decay)
    optimizer = AdamW([{**group, "params": [params[names[id(parameter)]] for parameter in group["params"]]} for group in groups])
    skeleton = copy.deepcopy(models[0]).to("meta")
    totals = torch.zeros((recipe.epochs, len(ready), 2), device=device.where)
    batch = StackedBatches(all_batches)

    def logits_of_one(params: dict[str, Tensor], buffers: dict[str, Tensor], x: Tensor) -> Tensor:
        return functional_call(skeleton, (params, buffers), (x,))

    def train(chosen: Tensor, shifts: Tensor, epoch: Tensor, factor: Tensor) -> None:
        x, targets = batch(chosen, shifts, epoch), labels[chosen]  # (F, B, C, H, W) and (F, B)
        with device.autocast():
            logits = torch.vmap(logits_of_one, randomness="different")(params, buffers, x).float()  # (F, B, K)
        losses = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none", label_smoothing=recipe.label_smoothing)
        losses = losses.view(targets.shape).mean(dim=1)  # (F,)
        losses.sum().backward()
        with torch.no_grad():
            right = (logits.argmax(dim=2) == targets).float().mean(dim=1)
            totals.index_add_(0, epoch.view(1), torch.stack([losses, right], dim=1)[None])
        for group in optimizer.param_groups:
            group["lr"] = factor * recipe.peak_lr
        optimizer.step()
        optimizer.zero_grad()

    step = Replay(train, is_recorded=is_recorded and device.kind == "cuda")
    factors = torch.tensor(rate_factors(steps, recipe), device=device.where)
    epochs = torch.arange(recipe.epochs, device=device.where)
    with seeded_dropout(skeleton, ready[0].seed, device):
        for epoch in range(recipe.epochs):
            orders, shifts = zip(
                *(drawn(job, generator, size, steps_per_epoch) for job, generator in zip(ready, generators, strict=True)), strict=True
            )
            order = torch.stack(orders, dim=1).to(device.where, non_blocking=True)  # (steps, F, B)
            shift = torch.stack(shifts, dim=1).to(device.where, non_blocking=True)  # (steps, F, 2 or 0, B)
            for number in range(steps_per_epoch):
                done = epoch * steps_per_epoch + number
                step(order[number], shift[number], epochs[epoch], factors[done])
                on_step(done + 1, steps)
    with torch.no_grad():
        for number, model in enumerate(models):
            for name, value in [*model.named_parameters(), *model.named_buffers()]:
                value.copy_((params if name in params else buffers)[name][number])
            model.to(memory_format=torch.channels_last).eval()
    curves = (totals / steps_per_epoch).transpose(0, 1).tolist()
    return [[(loss, accuracy) for loss, accuracy in curve] for curve in curves]


def drawn(job: ReadyJob, generator: torch.Generator, size: int, steps: int) -> tuple[Tensor, Tensor]:
    """Order (steps, B) and shifts (steps, 2 or 0, B) of an epoch of one net, as `Batches.epoch` draws them."""
    order = job.indices[torch.randperm(len(job.indices), generator=generator)]
    shifts = [job.batches.draw(size, generator) for _ in range(len(order) // size)]
    return order[: steps * size].view(steps, size), torch.stack(shifts[:steps])


class StackedBatches:
    """Augmented batches of several nets at once, each shifted, mirrored and normalised as its own."""

    def __init__(self, batches: Sequence[Batches]) -> None:
        self.first = batches[0]
        self.scale = torch.stack([one.scale for one in batches])  # (F, 1, C, 1, 1)
        self.offset = torch.stack([one.offset for one in batches])
        self.mirrored_first = torch.stack([one.mirrored_first for one in batches]) if self.first.mirror else None  # (F, N)

    def __call__(self, chosen: Tensor, shifts: Tensor, epoch: Tensor) -> Tensor:
        """Float (F, B, C, H, W) of the images at `chosen` (F, B), shifted by `shifts` (F, 2 or 0, B)."""
        pixels = self.first.cut(chosen.flatten(), shifts.transpose(0, 1).flatten(1))
        x = pixels.view(*chosen.shape, *pixels.shape[1:]).float() * self.scale - self.offset
        if self.mirrored_first is not None:
            flip = self.mirrored_first.gather(1, chosen) ^ (epoch % 2).bool()
            x = torch.where(flip[:, :, None, None, None], x.flip(4), x)
        return x
