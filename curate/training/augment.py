"""Batches from one uint8 tensor on the device: cropped, mirrored, normalised there."""

import copy
import warnings
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from curate.errors import UsageError

LARGEST_BLOCK = 2**26  # numbers in float32: 256 MiB


class Batches:
    """Serves float batches of a uint8 image tensor, with random shifts and mirroring where asked.

    Args:
        images: (N, C, H, W) uint8 on the device.
        shift: largest shift in pixels, in each direction. 0 = none.
        mirror: whether half of the images are mirrored, each one in alternating epochs.
        border: what fills the space that a shift leaves: `reflect`, the image mirrored at its edge, or `zeros`, black.
        where: the device that batches are on; None = that of the images.

    Raises:
        UsageError: the shift is negative, or a side of the images is not larger than it.

    Source of the alternating mirror: Jordan 2024, arXiv:2404.00498, section 3.6.
    """

    def __init__(
        self, images: Tensor, *, shift: int = 0, mirror: bool = False, border: str = "reflect", where: torch.device | None = None
    ) -> None:
        self.images, self.shift, self.mirror, self.border = images, shift, mirror, border
        self.where = images.device if where is None else where
        height, width = images.shape[2:]
        if not 0 <= shift < min(height, width):
            raise UsageError(f"images of {height} x {width} pixels cannot be shifted by {shift}; expected 0 to {min(height, width) - 1}")
        self.hold_windows()
        self.standardise(torch.arange(min(len(images), 1000)))

    def hold_windows(self) -> None:
        """Pads all images, so that a shifted one is a window of its padded one."""
        if self.shift:
            padded = reflect_pad(self.images, self.shift) if self.border == "reflect" else F.pad(self.images, (self.shift,) * 4)
            height, width = self.images.shape[2:]
            self.windows = padded.unfold(2, height, 1).unfold(3, width, 1)  # (N, C, 2s+1, 2s+1, H, W), a view

    def again(self) -> "Batches":
        """Batches of the same images in the same memory, with a normalisation and draws of their own."""
        return copy.copy(self)

    def standardise(self, indices: Tensor) -> None:
        """Sets the mean and deviation that `normalise` uses to those of the images at `indices` (M,)."""
        mean, std = pixel_statistics(self.images, indices.to(self.images.device))
        self.normalise_by(mean.tolist(), std.tolist())

    def normalise_by(self, mean: Sequence[float], std: Sequence[float]) -> None:
        """Sets the mean and deviation per channel that `normalise` uses, of pixels scaled to [0, 1]."""
        self.statistics = tuple(mean), tuple(std)
        means, stds = (torch.tensor(values, dtype=torch.float32, device=self.where) for values in self.statistics)
        self.scale = (1 / (255 * stds)).view(1, -1, 1, 1)
        self.offset = (means / stds).view(1, -1, 1, 1)

    def start(self, generator: torch.Generator) -> None:
        """Draws anew which images are mirrored in even epochs and which in odd ones."""
        self.mirrored_first = torch.rand(len(self.images), generator=generator).to(self.images.device) < 0.5

    def normalise(self, images: Tensor) -> Tensor:
        """(B, C, H, W) uint8 to float32, zero mean and unit deviation per channel, channels last in memory."""
        return (images.float() * self.scale - self.offset).contiguous(memory_format=torch.channels_last)

    def pixels(self, indices: Tensor) -> Tensor:
        """The images at `indices` (B,) as they are: uint8 (B, C, H, W) on the device."""
        return self.images[indices]

    def __call__(self, indices: Tensor, epoch: int, generator: torch.Generator) -> Tensor:
        """The images at `indices` (B,), augmented: float32 (B, C, H, W). `generator` lives on the CPU."""
        return self.augmented(indices, self.draw(len(indices), generator), epoch)

    def epoch(self, order: Tensor, size: int, epoch: int, generator: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
        """The batches of an epoch: of each the indices (`size`,) on the device, and the images, augmented.

        All that is random is drawn first and goes to the device at once, so that nothing waits for the device while it trains.

        Args:
            order: (M,) int64 on the CPU; the last, smaller batch is left out.
            epoch: counted from 0.
            generator: on the CPU.
        """
        order = order[: len(order) // size * size].view(-1, size)
        shifts = torch.stack([self.draw(size, generator) for _ in order]).to(self.images.device, non_blocking=True)
        for chosen, shift in zip(order.to(self.images.device, non_blocking=True), shifts, strict=True):
            yield chosen, self.augmented(chosen, shift, epoch)

    def draw(self, count: int, generator: torch.Generator) -> Tensor:
        """Random shifts of `count` images, down and right: (2, count) int64 in 0..2 shift; (0, count) where nothing is shifted."""
        span = 2 * self.shift + 1
        drawn = [torch.randint(span, (count,), generator=generator) for _ in range(2)] if self.shift else []
        return torch.stack(drawn) if drawn else torch.empty((0, count), dtype=torch.int64)

    def cut(self, indices: Tensor, shifts: Tensor) -> Tensor:
        """The images at `indices` (B,), shifted as drawn: uint8 (B, C, H, W)."""
        return self.windows[indices, :, shifts[0], shifts[1]] if self.shift else self.images[indices]

    def augmented(self, indices: Tensor, shifts: Tensor, epoch: int) -> Tensor:
        """The images at `indices` (B,), shifted as drawn, mirrored in turn, normalised: float32 (B, C, H, W)."""
        x = self.normalise(self.cut(indices, shifts.to(self.images.device)))
        if self.mirror:
            flip = self.mirrored_first[indices] ^ bool(epoch % 2)
            x = torch.where(flip.view(-1, 1, 1, 1), x.flip(3), x)
        return x


def as_tensor(images: NDArray[np.uint8]) -> Tensor:
    """The images as a tensor on the CPU that shares their memory; only for reading, since a memory map may be read-only."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The given NumPy array is not writable", UserWarning)
        return torch.from_numpy(np.ascontiguousarray(images))


def reflect_pad(images: Tensor, pad: int) -> Tensor:
    """(N, C, H, W) to (N, C, H + 2 pad, W + 2 pad) of the same dtype, in blocks (torch pads no uint8)."""
    n, c, h, w = images.shape
    padded = torch.empty((n, c, h + 2 * pad, w + 2 * pad), dtype=images.dtype, device=images.device)
    for start in range(0, n, 4096):
        block = images[start : start + 4096]
        padded[start : start + 4096] = F.pad(block.float(), (pad,) * 4, mode="reflect").to(images.dtype)
    return padded


def pixel_statistics(images: Tensor, indices: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and deviation (C,) float32 of the uint8 images (N, C, H, W) at `indices`, scaled to [0, 1]; a flat channel has deviation 1."""
    total = torch.zeros(images.shape[1], dtype=torch.float64, device=images.device)
    squares = torch.zeros_like(total)
    for chosen in indices.split(max(1, min(4096, LARGEST_BLOCK // images[0].numel()))):
        block = images[chosen].float() / 255
        total += block.sum(dim=(0, 2, 3)).double()
        squares += block.square().sum(dim=(0, 2, 3)).double()
    count = len(indices) * images.shape[2] * images.shape[3]
    mean = total / count
    std = (squares / count - mean.square()).clamp_min(0).sqrt()
    return mean.float(), torch.where(std > 1e-4, std, torch.ones_like(std)).float()
