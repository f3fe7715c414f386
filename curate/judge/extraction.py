"""Features of every picture of an image set by a frozen backbone: read from the store, computed where they are not there yet."""

import hashlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from curate.data.image_set import ImageSet
from curate.data.pictures import quiet_pillow
from curate.data.working_copies import COPY_SIDE, centre_square, in_threads, num_cores
from curate.errors import DataError, UsageError
from curate.judge.backbones import Backbone
from curate.judge.feature_store import KEY_BYTES, FeatureStore
from curate.judge.training.device import Device
from curate.judge.training.device_memory import release_memory
from curate.progress import Progress, silent

if TYPE_CHECKING:
    from PIL import Image

CPU_BATCH, GPU_BATCH = 8, 256
"""Of one core, and of a GPU. On a core small batches stay in its cache: EfficientNet-Lite0 takes 34 ms a picture in batches of 4, 48 of 32
(float32, one busy core); two cores on one batch of 32 take 82 ms of processor time."""
SHARD, SHARD_SECONDS = 1024, 20.0
"""Features are written after so many pictures or seconds: what a kill may cost."""
ENOUGH = 1.05
"""Nets that see so little more than a working copy has (EfficientNet-Lite2: 260 pixels) are shown the copy, enlarged."""
PREPARATION, ARRAY_PREPARATION = f"centre-{COPY_SIDE}", "centre-bicubic"
"""How photographs are prepared, and images that are an array: other names where it is done otherwise, so that features made before are not
mixed in."""
VIEWS = ("plain", "mirrored")


@dataclass(frozen=True)
class Extracted:
    """Features of N pictures.

    Attributes:
        features: (N, D) float16, the mean over the views.
        num_computed: how many pictures' features were not in the store.
        seconds: that computing took.
    """

    features: NDArray[np.float16]
    num_computed: int
    seconds: float


def extract(
    image_set: ImageSet, backbone: Backbone, *, device: Device, folder: Path, mirrored: bool = False, progress: Progress = silent
) -> Extracted:
    """The features of every picture, in the order of the set.

    Args:
        folder: where the stores of all backbones are.
        mirrored: average with the features of the mirrored picture.
        progress: stage `features of …`, in pictures.

    Raises:
        DataError: a picture has vanished or changed since it was listed.
        UsageError: not even one picture at a time fits the GPU.
        StorageError: the disk is full or read-only.
    """
    views = VIEWS if mirrored else VIEWS[:1]
    name = "".join(sign if sign.isalnum() else "-" for sign in backbone.name.rpartition("/")[2])[:40]
    prepared = ARRAY_PREPARATION if image_set.pictures is None else PREPARATION
    store = FeatureStore(folder / f"{name}-{backbone.identity}-{'-'.join(views)}-{prepared}-{device.precision}", backbone.dimensions)
    keys = content_keys(image_set)
    features = np.zeros((len(image_set), backbone.dimensions), np.float16)
    is_there = store.take(keys, features)
    missing = np.flatnonzero(~is_there)
    _, first = np.unique(_texts(keys[missing]), return_index=True)
    todo = missing[np.sort(first)]  # a picture that is there several times is looked at once
    stage = f"features of {backbone.name}"
    progress(stage, 0, max(len(todo), 1), "all in the cache" if not len(todo) else "")
    start = written = time.perf_counter()
    computed: list[NDArray[np.float16]] = []
    places: list[int] = []
    for positions, rows in _in_batches(image_set, todo, backbone, device, mirrored) if len(todo) else ():
        computed.append(rows)
        places += positions
        is_late = time.perf_counter() - written > SHARD_SECONDS
        if len(places) >= SHARD or is_late or places[-1] == todo[-1]:
            block = np.concatenate(computed)
            store.add(keys[places], block)
            features[places] = block
            computed, places, written = [], [], time.perf_counter()
        progress(stage, int(np.searchsorted(todo, positions[-1])) + 1, len(todo))
    if not len(todo):
        progress(stage, 1, 1, "all in the cache")
    elif len(todo) < len(missing):
        store.take(keys, features)
    return Extracted(features, len(todo), time.perf_counter() - start)


def content_keys(image_set: ImageSet) -> NDArray[np.void]:
    """(N,) 16 bytes by which a picture's features are found again: of its file, or of its pixels where it has none."""
    if image_set.pictures is not None:
        return image_set.pictures.keys
    keys = np.empty((len(image_set), KEY_BYTES), np.uint8)
    for i, image in enumerate(image_set.images):
        digest = hashlib.blake2b(repr(image.shape).encode(), digest_size=KEY_BYTES)
        digest.update(np.ascontiguousarray(image).data)
        keys[i] = np.frombuffer(digest.digest(), np.uint8)
    return keys.view(f"V{KEY_BYTES}").ravel()


def net_input(image_set: ImageSet, position: int, side: int) -> "Image.Image":
    """The middle square of a picture at `side` pixels, RGB."""
    return centre_square(picture_of_net(image_set, position, side), side)


def picture_of_net(image_set: ImageSet, position: int, side: int) -> "Image.Image":
    """A picture, RGB, for a net that sees `side` pixels: its working copy where that has enough of them."""
    from PIL import Image

    if image_set.pictures is not None:
        return image_set.pictures.image(position) if side <= ENOUGH * COPY_SIDE else image_set.pictures.original(position, side)
    pixels = np.asarray(image_set.images[position])
    return Image.fromarray(pixels[0] if len(pixels) == 1 else np.ascontiguousarray(pixels.transpose(1, 2, 0))).convert("RGB")


def array_input(images: NDArray[np.uint8], side: int, where: torch.device) -> Tensor:
    """The middle squares (B, 3, S, S), float32 from 0 to 255, of images that are an array (B, C, H, W) with 1 or 3 channels.

    They are scaled together and on the device: one by one in Python they would keep a GPU waiting.
    """
    x = torch.from_numpy(np.ascontiguousarray(images)).to(where).float().expand(-1, 3, -1, -1)
    height, width = x.shape[2:]
    short = min(height, width)
    top, left = (height - short) // 2, (width - short) // 2
    x = x[:, :, top : top + short, left : left + short]
    if short != side:
        x = torch.nn.functional.interpolate(x, (side, side), mode="bicubic", antialias=True).clamp(0, 255).round()
    return x.contiguous(memory_format=torch.channels_last)


Fetch = Callable[[], NDArray[np.float16]]
"""Waits for features (B, D) that the device may still be computing."""


def _in_batches(
    image_set: ImageSet, todo: NDArray[np.int64], backbone: Backbone, device: Device, mirrored: bool
) -> Iterator[tuple[list[int], NDArray[np.float16]]]:
    """Positions and features (B, D) of one batch after the other.

    On a CPU every core takes a batch of its own, decodes it and passes it forward: cores that share one batch wait for each other at every
    layer, and most of all where other programs are busy.
    """
    launch = _launcher(backbone, device, mirrored)
    return (_on_cores if device.kind == "cpu" else _overlapped)(image_set, todo, backbone, device, launch)


def _overlapped(
    image_set: ImageSet, todo: NDArray[np.int64], backbone: Backbone, device: Device, launch: Callable[[Tensor], Fetch]
) -> Iterator[tuple[list[int], NDArray[np.float16]]]:
    """For a GPU. Nobody waits for another: threads decode two batches ahead, and a batch is computed while this thread stacks the next one
    and sends it there; only then the features of the one before are fetched.
    """
    before: tuple[list[int], Fetch] | None = None
    for positions, x in _inputs(image_set, todo, backbone, device):
        launched = positions, launch(x)
        if before is not None:
            yield before[0], before[1]()
        before = launched
    if before is not None:
        yield before[0], before[1]()


def _on_cores(
    image_set: ImageSet, todo: NDArray[np.int64], backbone: Backbone, device: Device, launch: Callable[[Tensor], Fetch]
) -> Iterator[tuple[list[int], NDArray[np.float16]]]:
    num_threads = torch.get_num_threads()
    batches = [todo[start : start + CPU_BATCH].tolist() for start in range(0, len(todo), CPU_BATCH)]

    def of_core(batch: list[int]) -> NDArray[np.float16]:
        torch.set_num_threads(1)  # of this thread only
        if image_set.pictures is None:
            return launch(array_input(np.asarray(image_set.images[batch]), backbone.pixels, device.where))()
        pixels = np.stack([np.asarray(net_input(image_set, i, backbone.pixels)) for i in batch])
        return launch(torch.from_numpy(pixels).permute(0, 3, 1, 2))()

    try:
        with quiet_pillow():
            for batch, rows in zip(batches, in_threads(of_core, batches, ahead=2 * num_cores()), strict=True):
                if isinstance(rows, DataError):
                    raise rows
                yield batch, rows
    finally:
        torch.set_num_threads(num_threads)  # the matrix library's own count is one for all threads


def _inputs(image_set: ImageSet, todo: NDArray[np.int64], backbone: Backbone, device: Device) -> Iterator[tuple[list[int], Tensor]]:
    """Positions of a batch, and its pictures (B, 3, S, S) on the device: uint8 photographs, or float32 scaled images of an array."""
    size = GPU_BATCH
    if image_set.pictures is None:
        for start in range(0, len(todo), size):
            chosen = todo[start : start + size]
            yield chosen.tolist(), array_input(np.asarray(image_set.images[chosen]), backbone.pixels, device.where)
        return
    read: Callable[[int], NDArray[np.uint8]] = lambda i: np.asarray(net_input(image_set, i, backbone.pixels))  # noqa: E731
    positions: list[int] = []
    pixels: list[NDArray[np.uint8]] = []
    with quiet_pillow():
        for position, picture in zip(todo.tolist(), in_threads(read, todo.tolist(), ahead=2 * size), strict=True):
            if isinstance(picture, DataError):
                raise picture
            positions.append(position)
            pixels.append(picture)
            if len(positions) == size or position == todo[-1]:
                stacked = torch.from_numpy(np.stack(pixels))
                if device.kind == "cuda":
                    stacked = stacked.pin_memory()  # else the copy waits for what the GPU computes
                yield positions, stacked.to(device.where, non_blocking=True).permute(0, 3, 1, 2)  # (B, 3, S, S), channels last
                positions, pixels = [], []


def _launcher(backbone: Backbone, device: Device, mirrored: bool) -> Callable[[Tensor], Fetch]:
    """From pictures (B, 3, S, S) of values 0 to 255 to their features (B, D) float16, to be fetched later.

    Batches that do not fit a GPU are halved.
    """
    net = backbone.net.to(device.where, memory_format=torch.channels_last)  # type: ignore[call-overload]
    mean = torch.tensor(backbone.mean, device=device.where).view(1, 3, 1, 1) * 255
    deviation = torch.tensor(backbone.deviation, device=device.where).view(1, 3, 1, 1) * 255

    def features(pictures: Tensor) -> Tensor:
        try:
            x = (pictures - mean) / deviation
            with torch.inference_mode(), device.autocast():
                total = net(x).float()
                if mirrored:
                    total = (total + net(x.flip(3)).float()) / 2
            return total.clamp(-60000, 60000).half()
        except torch.OutOfMemoryError as error:
            if len(pictures) == 1:
                told = f"one picture of {backbone.pixels} pixels does not fit the GPU with {backbone.name}"
                raise UsageError(f"{told}; use --device cpu") from error
        release_memory()  # outside: the error holds on to the tensors of the pass that failed
        half = len(pictures) // 2
        return torch.cat([features(pictures[:half]), features(pictures[half:])])

    def launch(pictures: Tensor) -> Fetch:
        found = features(pictures)
        return lambda: found.cpu().numpy()

    return launch


def _texts(keys: NDArray[np.void]) -> NDArray:
    return np.array([key.tobytes().hex() for key in keys]) if len(keys) else np.empty(0, "U32")
