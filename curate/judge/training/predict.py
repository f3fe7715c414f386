"""Probabilities and embeddings of trained networks, by the forward pass that is quickest on the device."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial, reduce
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from curate.errors import CurateError, DataError
from curate.judge.models.base import ConvNet
from curate.judge.training.augment import Batches, reflect_pad
from curate.judge.training.device import Device, logits_of, maps_of
from curate.judge.training.device_memory import release_memory
from curate.judge.training.loaded_batches import memory_of

GPU_BATCH = 2000
BATCH = 500  # with 2,000 the largest maps outgrow what the allocator reuses, and a forward pass takes twice as long on a CPU
CPU_BYTES = 2**28
"""Of the largest maps of a batch on a CPU: 500 images of CIFAR-10 stay below it, of 64 x 64 pixels it is half as many."""
GPU_SHARE = 16
"""The largest maps of a batch take this part of a GPU's free memory: its neighbours, views and the library's workspace need room, too."""

NO_ROOM = (
    "the device has no memory left to judge a single image; end other programs on it, take a smaller --model or --image-size, "
    "or use --device cpu; finished folds are kept, run the same command again"
)

OnImages = Callable[[int], None]
"""Called with the number of images that were passed forward since the last call, each view counted."""


@torch.inference_mode()
def predict(
    model: ConvNet,
    batches: Batches,
    indices: Tensor,
    device: Device,
    *,
    views: int = 1,
    sure: float = 1.0,
    on_images: OnImages = lambda n: None,
) -> Tensor:
    """Class probabilities (M, K) float32 on the CPU of the images at `indices` (M,).

    The logits are averaged over the views of `Recipe.views` before the softmax. An image of whose class the image itself is as sure as
    `sure` is not looked at again: `on_images` is told of its other views at once.
    """

    def judged(chosen: Tensor, which: slice) -> Tensor:
        x = batches.normalise(batches.pixels(chosen))
        with device.autocast():
            seen = [logits_of(model, view, device).float() for view in _views(x, views, max(1, batches.shift))[which]]
        on_images(len(seen) * len(chosen))
        return reduce(torch.add, seen)

    def all_of(chosen: Tensor, which: slice) -> Tensor:
        return _in_batches(partial(judged, which=which), model, batches, chosen, device)

    if views == 1 or sure >= 1:
        return F.softmax(all_of(indices, slice(None)) / views, dim=1)
    logits = all_of(indices, slice(1))
    unsure = (F.softmax(logits, dim=1).amax(dim=1) < sure).nonzero().flatten()
    on_images((views - 1) * (len(indices) - len(unsure)))
    if len(unsure):
        logits[unsure] = (logits[unsure] + all_of(indices[unsure], slice(1, None))) / views
    return F.softmax(logits, dim=1)


@torch.inference_mode()
def embed(model: ConvNet, batches: Batches, indices: Tensor, device: Device, *, on_images: OnImages = lambda n: None) -> Tensor:
    """Pooled features (M, D) float32 on the CPU of the images at `indices` (M,)."""

    def features(chosen: Tensor) -> Tensor:
        with device.autocast():
            found = model.pooling(maps_of(model, batches.normalise(batches.pixels(chosen)), device)).float()
        on_images(len(chosen))
        return found

    return _in_batches(features, model, batches, indices, device)


def images_at_once(model: ConvNet, image: Tensor, device: Device) -> int:
    """How many images are judged at once: as many as the device's memory has room for the largest maps of, and no more than pay.

    Args:
        model: in evaluation mode, on the device.
        image: (1, C, H, W), normalised: it is passed forward once to see how large its maps are.

    Raises:
        CurateError: there is no room for a single image.
    """
    with _Largest() as largest, device.autocast():
        try:
            logits_of(model, image, device)
        except torch.OutOfMemoryError as error:
            raise CurateError(NO_ROOM) from error
    in_bytes = 4 * max(largest.numel, image.numel())
    if device.kind == "cuda":
        return max(1, min(GPU_BATCH, memory_of(device) // GPU_SHARE // in_bytes))
    return max(1, min(BATCH, CPU_BYTES // in_bytes))


class _Largest(TorchFunctionMode):
    """Context that notes how many numbers the largest tensor has that any function of torch gives."""

    numel = 0

    def __torch_function__(self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None) -> Any:
        out = func(*args, **(kwargs or {}))
        if isinstance(out, Tensor):
            self.numel = max(self.numel, out.numel())
        return out


def _in_batches(forward: Callable[[Tensor], Tensor], model: ConvNet, batches: Batches, indices: Tensor, device: Device) -> Tensor:
    """What `forward` makes of the images at `indices` (M,), on the CPU, in batches that fit: half as large where memory runs out.

    Raises:
        CurateError: there is no room for a single image.
    """
    model.eval()
    where = indices.to(device.where)
    out, place, size = [], 0, images_at_once(model, batches.normalise(batches.pixels(where[:1])), device) if len(where) else BATCH
    while place < len(where):
        try:
            out.append(forward(where[place : place + size]))
        except torch.OutOfMemoryError as error:
            if size == 1:
                raise CurateError(NO_ROOM) from error
            size //= 2
        else:
            place += size
            continue
        release_memory()  # outside: the error holds on to the tensors of the pass that failed
    return torch.cat(out).cpu()  # once: each copy would wait for a GPU


def _views(x: Tensor, views: int, margin: int) -> list[Tensor]:
    """As many views of the images (B, C, H, W) as asked, of the same size.

    `2`, `6`, `10`: the second half is the first one mirrored. `6`: the image, and shifted by a pixel up-left and down-right.
    `5`, `10`: the centre and the corners of the image padded by `margin`, by reflection.

    Source of the ten: Krizhevsky, Sutskever & Hinton 2012, section 4.1.
    """
    seen = [x]
    h, w = x.shape[2:]
    if views == 6:
        padded = reflect_pad(x, 1)
        seen += [padded[:, :, :h, :w], padded[:, :, 2:, 2:]]
    elif views in (5, 10):
        padded = reflect_pad(x, margin)
        seen += [padded[:, :, top : top + h, left : left + w] for top in (0, 2 * margin) for left in (0, 2 * margin)]
    if views % 2 == 0:
        seen += [view.flip(3) for view in seen]
    return seen


def ensemble(members: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """The mean of the members' probabilities.

    The repeats of cross-validation are such an ensemble already: `OutOfFold.pred_probs` is the mean of nets none of which
    saw the sample. This one is for nets that were trained on the same samples with other seeds.

    Args:
        members: of each net (M, K), the probabilities of the same images.

    Returns:
        (M, K) float32, rows sum to 1.

    Raises:
        DataError: there is no member, or their shapes differ.
    """
    shapes = {np.shape(probs) for probs in members}
    if len(shapes) != 1:
        found = " and ".join(map(str, sorted(shapes))) or "none"
        raise DataError(f"an ensemble needs probabilities of one shape from at least one net, found {found}")
    mean = np.mean(np.stack(members), axis=0, dtype=np.float64)
    return (mean / mean.sum(axis=1, keepdims=True)).astype(np.float32)
