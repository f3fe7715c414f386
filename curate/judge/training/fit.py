"""Training of one network on one tensor of images."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from curate.judge.models.base import ConvNet, Dropout
from curate.judge.training.augment import Batches, Extras
from curate.judge.training.device import Device
from curate.judge.training.device_memory import keep_freed_memory
from curate.judge.training.joint_training import ALONE, Team
from curate.judge.training.optimizers import AdamW, Muon
from curate.judge.training.recipes import Recipe


def num_frozen(epoch: int, num_stages: int, *, head_epochs: int, stage_epochs: int) -> int:
    """How many stages, from the first on, learn nothing in `epoch`, counted from 0.

    The head learns alone at first, so that what is random in it does not spoil the stages below; then the highest stage joins in,
    and the next below it every `stage_epochs`.

    Args:
        num_stages: of the net.
        head_epochs: epochs in which only the head learns.
        stage_epochs: epochs from one stage to the next below it; 0 = all at once after `head_epochs`.

    Returns:
        0 where all learn, `num_stages` where only the head does; for `ConvNet.freeze`.

    Source: Howard & Ruder 2018, arXiv:1801.06146 (gradual unfreezing).
    """
    if epoch < head_epochs:
        return num_stages
    return max(0, num_stages - 1 - (epoch - head_epochs) // stage_epochs) if stage_epochs else 0


def parameter_groups(model: ConvNet, *, lr: float, weight_decay: float, stage_decay: float = 1.0) -> list[dict[str, Any]]:
    """Groups for a torch optimizer over what can learn: two per stage, weights and one-dimensional parameters, the head first.

    Args:
        lr: rate of the head.
        weight_decay: of the weights; biases and normalisation have none.
        stage_decay: rate of a stage as a share of that of the part above it; what is lower is more general and changes less.

    Returns:
        Without empty groups. Call it before anything is frozen: what is frozen then is in no group.

    Source: Howard & Ruder 2018, arXiv:1801.06146 (discriminative fine-tuning).
    """
    groups: dict[tuple[int, bool], list] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            groups.setdefault((model.stage_of(name), parameter.ndim > 1), []).append(parameter)
    return [
        {
            "params": parameters,
            "lr": lr * stage_decay ** (len(model.stages) - stage),
            "weight_decay": weight_decay if is_decayed else 0.0,
        }
        for (stage, is_decayed), parameters in sorted(groups.items(), key=lambda item: item[0], reverse=True)
    ]


WARM_UP = 3


class Replay:
    """Calls `step`; where recorded, the first `WARM_UP` calls run as they are, and all others as one CUDA graph.

    Args:
        step: works on tensors of the same shapes each time and changes nothing but tensors in place; what it returns is ignored.
        is_recorded: only on a GPU.
    """

    def __init__(self, step: Callable[..., None], *, is_recorded: bool) -> None:
        self.step, self.is_recorded = step, is_recorded
        self.calls = 0
        self.inputs: list[Tensor] = []
        self.graph: torch.cuda.CUDAGraph | None = None

    def __call__(self, *inputs: Tensor) -> None:
        """One step; `inputs` lie on the device."""
        self.calls += 1
        if not self.is_recorded:
            self.step(*inputs)
        elif self.calls <= WARM_UP:
            side = torch.cuda.Stream()
            side.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(side):
                self.step(*inputs)
            torch.cuda.current_stream().wait_stream(side)
        else:
            if self.graph is None:
                self.inputs = [tensor.clone() for tensor in inputs]
                self.graph = torch.cuda.CUDAGraph()
                with torch.cuda.graph(self.graph):  # records and does not compute
                    self.step(*self.inputs)
            else:
                for kept, tensor in zip(self.inputs, inputs, strict=True):
                    kept.copy_(tensor)
            self.graph.replay()


WHITENING_PIXELS = 5000 * 32 * 32

OnStep = Callable[[int, int], None]
"""Called after each step with the number done and the number in all."""

OnEpoch = Callable[[int, dict[str, float]], None]
"""Called after each epoch, counted from 0, with `loss` and `accuracy` on what the net was shown in it."""


def fit(
    model: ConvNet,
    batches: Batches,
    labels: Tensor,
    indices: Tensor,
    recipe: Recipe,
    device: Device,
    *,
    seed: int,
    team: Team = ALONE,
    on_step: OnStep = lambda step, steps: None,
    on_epoch: OnEpoch = lambda epoch, metrics: None,
) -> ConvNet:
    """Trains `model` in place on the samples at `indices` and returns it in evaluation mode.

    Args:
        model: on the device, channels last.
        batches: of all images; only those at `indices` are read.
        labels: (N,) int64 on the device; those at `indices` are in 0..K-1.
        indices: (M,) int64 on the CPU, the training samples.
        seed: of the order, the shifts, the mirroring and the extras.
        team: who trains this net together; each calls this with the same arguments, and each gets the net.
        on_step: follows the steps.
        on_epoch: follows the epochs, on a GPU after the last one; where images are blended, `accuracy` is that against the label with
            the greater share.
    """
    generator = begin(model, batches, indices, device, seed=seed)
    size, steps_per_epoch = steps_of(len(indices), recipe)
    steps = recipe.epochs * steps_per_epoch
    team.joined(model, device)
    optimizers = make_optimizers(model, recipe)
    schedule = rate_factors(steps, recipe)
    peaks = [[group["lr"] for group in optimizer.param_groups] for optimizer in optimizers]
    extras = Extras(recipe, batches, indices.to(device.where), seed)

    def logits(x: Tensor) -> Tensor:
        return extras.logits(model, x, device)

    forward = team.forward(model, logits)
    step = 0
    totals = torch.zeros((recipe.epochs, 2), device=device.where)  # of losses and of right answers; reading them would wait for a GPU

    def tell(epoch: int) -> None:
        team.average(totals[epoch])
        loss, accuracy = (totals[epoch] / steps_per_epoch).tolist()
        on_epoch(epoch, {"loss": loss, "accuracy": accuracy})

    with seeded_dropout(model, seed + team.rank, device):
        for epoch in range(recipe.epochs):
            if recipe.head_epochs or recipe.stage_epochs:
                model.freeze(num_frozen(epoch, len(model.stages), head_epochs=recipe.head_epochs, stage_epochs=recipe.stage_epochs))
                forward = team.forward(model, logits)
            order = indices[torch.randperm(len(indices), generator=generator)]
            for chosen, x in batches.epoch(order, size, epoch, generator):
                x, targets = extras.on_batch(x, labels[chosen], model.num_classes)
                x, targets, weight = team.part(x, targets)
                with device.autocast():
                    answers = forward(x).float()
                loss = F.cross_entropy(answers, targets, label_smoothing=recipe.label_smoothing)
                loss = weight * loss
                loss.backward()
                with torch.no_grad():
                    wanted = targets if targets.ndim == 1 else targets.argmax(dim=1)
                    totals[epoch] += torch.stack([loss.detach(), weight * (answers.argmax(dim=1) == wanted).float().mean()])
                for optimizer, rates in zip(optimizers, peaks, strict=True):
                    for group, peak in zip(optimizer.param_groups, rates, strict=True):
                        group["lr"] = peak * schedule[step]
                    optimizer.step()
                    optimizer.zero_grad(set_to_none=True)
                step += 1
                on_step(step, steps)
            if device.kind == "cpu":
                tell(epoch)
    if device.kind != "cpu":
        for epoch in range(recipe.epochs):
            tell(epoch)
    return model.eval()


def begin(model: ConvNet, batches: Batches, indices: Tensor, device: Device, *, seed: int) -> torch.Generator:
    """Readies the model and the batches for training on the samples at `indices` (M,), and returns the generator of the order."""
    if device.kind == "cpu":
        keep_freed_memory()
    generator = torch.Generator().manual_seed(seed)
    batches.start(generator)
    model.train()
    if model.input_statistics is None:
        model.input_statistics = batches.statistics
    else:  # weights that came from elsewhere expect the normalisation that they were trained with
        batches.normalise_by(*model.input_statistics)
    height, width = batches.images.shape[2:]
    spread = torch.linspace(0, len(indices) - 1, min(len(indices), max(1, WHITENING_PIXELS // (height * width)))).long()
    model.init_from_images(batches.normalise(batches.pixels(indices[spread].to(device.where))))
    return generator


def steps_of(num_samples: int, recipe: Recipe) -> tuple[int, int]:
    """Samples in a batch, and batches in an epoch: the last, smaller batch is left out; another order comes next epoch."""
    size = min(recipe.batch_size, num_samples)
    return size, num_samples // size


def rate_factors(steps: int, recipe: Recipe) -> list[float]:
    """`rate_factor` of all steps, in float32; 1 throughout where the recipe's rate is constant."""
    if recipe.constant_rate:
        return [1.0] * steps
    return torch.tensor([rate_factor(step, steps, recipe.warmup) for step in range(steps)]).tolist()


@contextlib.contextmanager
def seeded_dropout(model: ConvNet, seed: int, device: Device) -> Iterator[None]:
    """Dropout layers of the net start at `seed` inside. torch's global generators are afterwards as they were.

    On a CPU a net that draws from nothing else has a generator of its own, so that others may train in threads beside it.
    """
    if device.kind == "cpu" and not model.draws_globally:
        own = [module for module in model.modules() if isinstance(module, Dropout)]
        generator = torch.Generator().manual_seed(seed)
        for module in own:
            module.generator = generator
        yield
        for module in own:
            module.generator = None
        return
    cuda = [torch.cuda.current_device()] if device.kind == "cuda" else []
    with torch.random.fork_rng(devices=cuda):
        torch.default_generator.manual_seed(seed)
        if cuda:
            torch.cuda.manual_seed(seed)
        yield


def rate_factor(step: int, steps: int, warmup: float) -> float:
    """Share of the peak rate at `step` of `steps`: a rise over the share `warmup`, then a fall to 0, both linear."""
    rise = warmup * steps
    return (step + 1) / rise if step + 1 < rise else min(1.0, (steps - step) / max(1.0, steps - rise))


def make_optimizers(model: ConvNet, recipe: Recipe) -> list[AdamW | torch.optim.Optimizer]:
    """The optimizers of the recipe, over all trainable parameters of the model."""
    if recipe.optimizer == "adamw":
        by_stage = parameter_groups(model, lr=recipe.peak_lr, weight_decay=recipe.weight_decay, stage_decay=recipe.stage_decay)
        return [AdamW(by_stage)]
    trainable = [p for p in model.parameters() if p.requires_grad]
    filters = [p for p in trainable if p.ndim == 4]
    heads = [p for p in trainable if p.ndim in (2, 3)]
    biases = [p for p in trainable if p.ndim <= 1]
    groups = [{"params": biases, "lr": recipe.bias_lr}, {"params": heads, "lr": recipe.head_lr, "weight_decay": recipe.weight_decay}]
    if recipe.optimizer == "sgd":
        groups.append({"params": filters, "lr": recipe.peak_lr, "weight_decay": recipe.weight_decay})
    is_fused = trainable[0].is_cuda or None  # on a CPU as torch chooses: fused sums are rounded otherwise
    sgd = torch.optim.SGD(groups, lr=recipe.peak_lr, momentum=recipe.momentum, nesterov=True, fused=is_fused)
    return [sgd] if recipe.optimizer == "sgd" or not filters else [sgd, Muon(filters, recipe.peak_lr, recipe.muon_momentum)]
