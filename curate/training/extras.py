"""Extras of a recipe: colour jitter, cutout, mixup and dropout, on batches that are on the device already."""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from curate.models.base import ConvNet
from curate.training.augment import LARGEST_BLOCK, Batches, pixel_statistics
from curate.training.device import Device
from curate.training.forward import logits_of, maps_of
from curate.training.recipe import Recipe


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

    def __init__(self, recipe: Recipe, batches: Batches, indices: Tensor, seed: int) -> None:
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
