"""Batches from one uint8 tensor on the device: cropped, mirrored, normalised there, and the extras of a recipe."""

import copy
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from curate.errors import UsageError
from curate.judge.models.base import ConvNet
from curate.judge.training.device import Device, logits_of, maps_of
from curate.judge.training.recipes import Recipe


def color_axes(images: Tensor, indices: Tensor) -> Tensor:
    """Principal axes of the pixels of the images at `indices` (M,), each as long as its eigenvalue.

    Args:
        images: (N, C, H, W) uint8; the covariance is that of their pixels scaled to [0, 1].

    Returns:
        (C, C) float32, an axis per column.
    """
    mean, _ = pixel_statistics(images, indices)
    covariance = torch.zeros((images.shape[1],) * 2, dtype=torch.float64, device=images.device)
    for chosen in indices.split(max(1, min(4096, LARGEST_BLOCK // images[0].numel()))):
        pixels = images[chosen].permute(1, 0, 2, 3).flatten(1).float() / 255 - mean[:, None]  # (C, B * H * W)
        covariance += (pixels @ pixels.T).double()
    values, vectors = torch.linalg.eigh(covariance / (len(indices) * images.shape[2] * images.shape[3]))
    return (vectors * values).float()


def jitter_colors(x: Tensor, axes: Tensor, strength: float, generator: np.random.Generator) -> Tensor:
    """Images (B, C, H, W) with one colour each added to all of its pixels: `axes` (C, C) times N(0, `strength`) draws.

    Source: Krizhevsky, Sutskever & Hinton 2012, section 4.1.
    """
    alphas = generator.normal(0, strength, (len(x), len(axes))).astype(np.float32)
    return x + (torch.from_numpy(alphas).to(x.device) @ axes.T)[:, :, None, None]


def cut_out(x: Tensor, side: int, generator: np.random.Generator) -> Tensor:
    """Images (B, C, H, W) with a square of `side` pixels set to 0, its centre anywhere in the image, cut off at the edge.

    0 is the mean of the normalised training pixels.

    Source: DeVries & Taylor 2017, arXiv:1708.04552.
    """
    inside = []  # (B, H) and (B, W): which rows and columns the square covers
    for length in x.shape[2:]:
        first = torch.from_numpy(generator.integers(0, length, (len(x), 1)) - side // 2)
        place = torch.arange(length)
        inside.append(((place >= first) & (place < first + side)).to(x.device))
    return x.masked_fill((inside[0][:, :, None] & inside[1][:, None, :])[:, None], 0)


def mix_up(x: Tensor, targets: Tensor, alpha: float, generator: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Images (B, C, H, W) and targets (B, K), each blended with those of another one of the batch in the same share.

    The share is drawn from Beta(`alpha`, `alpha`), once for the batch as in the authors' code.

    Source: Zhang, Cisse, Dauphin & Lopez-Paz 2018, arXiv:1710.09412.
    """
    share = float(generator.beta(alpha, alpha))
    other = torch.from_numpy(generator.permutation(len(x))).to(x.device)
    return share * x + (1 - share) * x[other], share * targets + (1 - share) * targets[other]


def drop_maps(maps: Tensor, rate: float, generator: np.random.Generator) -> Tensor:
    """Feature maps (B, M, h, w), each one dropped with probability `rate`; the others grow so that the mean stays.

    In a net whose head pools globally this is dropout of the pooled features.

    Source: Srivastava et al. 2014; whole maps: Tompson et al. 2015, arXiv:1411.4280.
    """
    kept = torch.from_numpy(generator.random(maps.shape[:2]) >= rate).to(maps.device)
    return maps * (kept / (1 - rate)).to(maps.dtype)[:, :, None, None]


class Extras:
    """The extras of one training.

    They draw from a generator of their own: images come in the same order, shifted and mirrored alike, with them and without.

    Args:
        recipe: says which are on.
        batches: standardised for the training images.
        indices: (M,) int64 on the device, the training images.
        seed: of all draws.
    """

    def __init__(self, recipe: Recipe, batches: "Batches", indices: Tensor, seed: int) -> None:
        self.recipe = recipe
        self.generator = np.random.default_rng(seed)
        if recipe.color_jitter:
            axes = color_axes(batches.images, indices.to(batches.images.device)).to(batches.where)
            self.axes = axes * (255 * batches.scale).view(-1, 1)

    def on_batch(self, x: Tensor, labels: Tensor, num_classes: int) -> tuple[Tensor, Tensor]:
        """The batch (B, C, H, W) changed, and its targets: the labels (B,) as they are, or (B, K) shares after mixup."""
        if self.recipe.color_jitter:
            x = jitter_colors(x, self.axes, self.recipe.color_jitter, self.generator)
        if self.recipe.cutout:
            x = cut_out(x, self.recipe.cutout, self.generator)
        if self.recipe.mixup:
            return mix_up(x, F.one_hot(labels, num_classes).float(), self.recipe.mixup, self.generator)
        return x, labels

    def logits(self, model: ConvNet, x: Tensor, device: Device) -> Tensor:
        """(B, K) of a batch in training."""
        if not self.recipe.dropout:
            return logits_of(model, x, device)
        return model.forward_head(drop_maps(maps_of(model, x, device), self.recipe.dropout, self.generator))


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


class _Readable:
    """An array as numpy takes it from elsewhere, and as writable: torch warns of others, and warnings are the whole process's."""

    def __init__(self, array: NDArray[np.uint8]) -> None:
        self.array = array
        self.__array_interface__ = {**array.__array_interface__, "data": (array.ctypes.data, False)}


def as_tensor(images: NDArray[np.uint8]) -> Tensor:
    """The images as a tensor on the CPU that shares their memory; only for reading, since a memory map may be read-only."""
    images = np.ascontiguousarray(images)
    return torch.from_numpy(images if images.flags.writeable else np.asarray(_Readable(images)))


def reflect_pad(images: Tensor, pad: int) -> Tensor:
    """(N, C, H, W) to (N, C, H + 2 pad, W + 2 pad) of the same dtype, in blocks (torch pads no uint8)."""
    n, c, h, w = images.shape
    padded = torch.empty((n, c, h + 2 * pad, w + 2 * pad), dtype=images.dtype, device=images.device)
    size = max(1, min(4096, LARGEST_BLOCK // max(1, padded[:1].numel())))
    for start in range(0, n, size):
        padded[start : start + size] = F.pad(images[start : start + size].float(), (pad,) * 4, mode="reflect").to(images.dtype)
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
