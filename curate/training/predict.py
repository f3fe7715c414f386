"""Probabilities and embeddings of a trained network."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from curate.models.base import ConvNet
from curate.training.augment import Batches, reflect_pad
from curate.training.device import Device

BATCH = 500  # with 2,000 the largest maps outgrow what the allocator reuses, and a forward pass takes twice as long on a CPU

OnImages = Callable[[int], None]
"""Called with the number of images that were passed forward since the last call, each view counted."""


@torch.inference_mode()
def predict(
    model: ConvNet, batches: Batches, indices: Tensor, device: Device, *, views: int = 1, on_images: OnImages = lambda n: None
) -> Tensor:
    """Class probabilities (M, K) float32 on the CPU of the images at `indices` (M,).

    The logits are averaged over the views of `Recipe.views` before the softmax.
    """
    model.eval()
    out = []
    for chosen in indices.to(device.where).split(BATCH):
        x = batches.normalise(batches.images[chosen])
        with device.autocast():
            logits = sum(model(view).float() for view in _views(x, views)) / views
        out.append(F.softmax(logits, dim=1).cpu())
        on_images(views * len(chosen))
    return torch.cat(out)


@torch.inference_mode()
def embed(model: ConvNet, batches: Batches, indices: Tensor, device: Device, *, on_images: OnImages = lambda n: None) -> Tensor:
    """Pooled features (M, D) float32 on the CPU of the images at `indices` (M,)."""
    model.eval()
    out = []
    for chosen in indices.to(device.where).split(BATCH):
        with device.autocast():
            features = model.forward_features(batches.normalise(batches.images[chosen]))
        out.append(features.float().cpu())
        on_images(len(chosen))
    return torch.cat(out)


def _views(x: Tensor, views: int) -> list[Tensor]:
    """The image, its mirror image, and both shifted by a pixel up-left and down-right: as many as asked."""
    seen = [x]
    if views == 6:
        h, w = x.shape[2:]
        padded = reflect_pad(x, 1)
        seen += [padded[:, :, :h, :w], padded[:, :, 2:, 2:]]
    if views > 1:
        seen += [view.flip(3) for view in seen]
    return seen
