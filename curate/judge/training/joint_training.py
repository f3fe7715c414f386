"""Team: the workers that train one net together, each on its part of every batch."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from curate.judge.models.base import ConvNet
from curate.judge.training.device import Device

Logits = Callable[[Tensor], Tensor]


class _Forward(nn.Module):
    """A net with the function that gives its logits, for DistributedDataParallel, which follows calls of a module."""

    def __init__(self, model: ConvNet, logits: Logits) -> None:
        super().__init__()
        self.model, self.logits = model, logits

    def forward(self, x: Tensor) -> Tensor:
        return self.logits(x)


@dataclass(frozen=True)
class Team:
    """One of `size` workers of torch's process group; alone by default, and then nothing is done.

    Every worker draws order, shifts and extras of the whole batch from the same seeds and then takes its part, so that the
    sum of the gradients is that of one worker with the whole batch, up to rounding. Dropout draws otherwise.
    """

    rank: int = 0
    size: int = 1

    @property
    def judges(self) -> bool:
        """Whether this one judges what is held out; the others are done after the training."""
        return self.rank == 0

    def joined(self, model: ConvNet, device: Device) -> None:
        """Makes batch norms of `model` see the whole batch; torch can do so on GPUs only, elsewhere they see the part."""
        if self.size > 1 and device.kind == "cuda":
            nn.SyncBatchNorm.convert_sync_batchnorm(model)

    def forward(self, model: ConvNet, logits: Logits) -> Logits:
        """`logits`, whose gradients are averaged over the team; to be asked for anew when other parameters of `model` learn."""
        return logits if self.size == 1 else nn.parallel.DistributedDataParallel(_Forward(model, logits))

    def part(self, x: Tensor, targets: Tensor) -> tuple[Tensor, Tensor, float]:
        """This worker's part of a batch, and the weight of its mean loss, 1 where the parts are alike."""
        chosen = slice(self.rank, None, self.size)
        return x[chosen], targets[chosen], len(x[chosen]) * self.size / len(x)

    def average(self, values: Tensor) -> None:
        """Sets `values` to their mean over the team."""
        if self.size > 1:
            torch.distributed.all_reduce(values)
            values /= self.size


ALONE = Team()
