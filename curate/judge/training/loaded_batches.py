"""Batches of images that do not fit on the device: read batch by batch, augmented by torchvision's v2 transforms, then sent there."""

import multiprocessing as mp
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from curate.judge.training.augment import Batches, as_tensor
from curate.judge.training.device import Device
from curate.judge.training.recipes import Recipe
from curate.memory import total_memory

SHARE = 0.5  # of the device's memory that images may take
MOST_WORKERS = 8


def batches_of(images: NDArray[np.uint8], recipe: Recipe, device: Device) -> Batches:
    """Batches of the images (N, C, H, W), augmented as the recipe says: from the device's memory where they fit into half of it."""
    if fits(images, recipe, device):
        return Batches(as_tensor(images).to(device.where), shift=recipe.shift, mirror=recipe.mirror, border=recipe.border)
    return LoadedBatches(images, device.where, shift=recipe.shift, mirror=recipe.mirror, border=recipe.border)


def fits(images: NDArray[np.uint8], recipe: Recipe, device: Device) -> bool:
    """Whether images take at most half of the device's memory, with the borders that shifts need."""
    height, width = images.shape[2:]
    is_there = device.kind == "cpu"  # a memory map is read from where it lies
    with_border = images.nbytes * (height + 2 * recipe.shift) * (width + 2 * recipe.shift) / (height * width) if recipe.shift else 0
    return (0 if is_there else images.nbytes) + with_border <= SHARE * memory_of(device)


def memory_of(device: Device) -> int:
    """Bytes that are free on a GPU, or that the machine has."""
    if device.kind == "cuda":
        return torch.cuda.mem_get_info()[0]
    return total_memory()


class LoadedBatches(Batches):
    """`Batches` by a DataLoader: the same pixels for the same draws.

    Args:
        images: (N, C, H, W) uint8, in memory or in a memory map.
        where: the device that batches go to.
        shift, mirror, border: as in `Batches`.
        num_workers: processes that read and augment ahead; None = none for a CPU, which is busy training, else a few.

    Raises:
        UsageError: as `Batches`.
    """

    def __init__(
        self,
        images: NDArray[np.uint8],
        where: torch.device,
        *,
        shift: int = 0,
        mirror: bool = False,
        border: str = "reflect",
        num_workers: int | None = None,
    ) -> None:
        self.array, self.border = images, border
        cores = min(MOST_WORKERS, max(1, (os.cpu_count() or 1) - 1))
        self.num_workers = (cores if where.type == "cuda" else 0) if num_workers is None else num_workers
        super().__init__(as_tensor(images), shift=shift, mirror=mirror, border=border, where=where)

    def hold_windows(self) -> None:
        """Holds nothing: every image gets its border when it is read."""

    def pixels(self, indices: Tensor) -> Tensor:
        return self.images[indices.to(self.images.device)].to(self.where)

    def augmented(self, indices: Tensor, shifts: Tensor, epoch: int) -> Tensor:
        shown = self.shown(indices, shifts, epoch)
        return self.normalise(torch.stack([shown[number] for number in range(len(shown))]).to(self.where))

    def epoch(self, order: Tensor, size: int, epoch: int, generator: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
        shifts = torch.cat([self.draw(size, generator) for _ in range(len(order) // size)], dim=1)
        order = order[: len(order) // size * size]
        is_pinned = self.where.type == "cuda"
        loader = DataLoader(
            self.shown(order, shifts, epoch),
            batch_size=size,
            num_workers=self.num_workers,
            pin_memory=is_pinned,
            multiprocessing_context=_context() if self.num_workers else None,
        )
        for chosen, batch in zip(order.to(self.where).view(-1, size), loader, strict=True):
            yield chosen, self.normalise(batch.to(self.where, non_blocking=True))

    def shown(self, indices: Tensor, shifts: Tensor, epoch: int) -> "Shown":
        """The images at `indices` (M,) as they are shown in `epoch`, shifted by `shifts` (2 or 0, M)."""
        flips = self.mirrored_first[indices.cpu()] ^ bool(epoch % 2) if self.mirror else torch.zeros(len(indices), dtype=torch.bool)
        return Shown(self.array, indices.cpu().numpy(), shifts.cpu().numpy(), flips.numpy(), self.shift, self.border)


def _context() -> str | None:
    """How the loader's processes begin: as copies of this one where the system can, which they share the images with; they never touch
    the GPU. Python's own choice since 3.14, `forkserver`, would import torch in each of them in every epoch."""
    return "fork" if "fork" in mp.get_all_start_methods() else None


@dataclass(frozen=True)
class MappedFile:
    """An array in a file, as another process finds it: pickling a memory map would send all of its content.

    Attributes:
        path: of the file.
        dtype, shape: of the array.
        offset: of its first byte in the file.
    """

    path: str
    dtype: np.dtype
    shape: tuple[int, ...]
    offset: int

    @classmethod
    def of(cls, array: NDArray) -> "MappedFile | None":
        """Where a memory map lies; None for another array, or for a part of a map that is not in one piece."""
        whole = array
        while isinstance(whole.base, np.memmap):
            whole = whole.base
        if not isinstance(whole, np.memmap) or whole.filename is None or not array.flags.c_contiguous:
            return None
        first = array.__array_interface__["data"][0] - whole.__array_interface__["data"][0]
        return cls(str(whole.filename), array.dtype, array.shape, whole.offset + first)

    def open(self) -> NDArray:
        """The array, for reading."""
        return np.memmap(self.path, self.dtype, "r", self.offset, self.shape)


class Shown(Dataset):
    """Images as a net is shown them, one by one: uint8 (C, H, W). Pickled, a memory map is the place of its file."""

    def __init__(
        self,
        array: NDArray[np.uint8],
        indices: NDArray[np.int64],
        shifts: NDArray[np.int64],
        flips: NDArray[np.bool_],
        shift: int,
        border: str,
    ) -> None:
        self.array, self.indices, self.shifts, self.flips = array, indices, shifts, flips
        self.shift, self.border = shift, {"reflect": "reflect", "zeros": "constant"}[border]

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "array": MappedFile.of(self.array) or self.array}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        if isinstance(self.array, MappedFile):
            self.array = self.array.open()

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, number: int) -> Tensor:
        from torchvision.transforms.v2 import functional as transforms

        image = torch.from_numpy(np.array(self.array[self.indices[number]]))  # a copy: a memory map may not be writable
        if self.shift:
            height, width = image.shape[1:]
            down, right = self.shifts[:, number].tolist()
            padded = transforms.pad(image, [self.shift] * 4, padding_mode=self.border)
            image = transforms.crop(padded, down, right, height, width)
        return transforms.horizontal_flip(image) if self.flips[number] else image
