"""The memory of a device: kept with the process, and what happens when it is not enough."""

import contextlib
import ctypes
import gc
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import torch

from curate.errors import CurateError
from curate.judge.training.recipes import Recipe

M_TRIM_THRESHOLD = -1
M_MMAP_THRESHOLD = -3
M_ARENA_MAX = -8
LARGEST_MMAP_THRESHOLD = 32 * 2**20  # glibc takes no higher one on 64-bit machines
KEEP = 2**30
OWN_PROCESS = "CURATE_OWN_PROCESS"
"""Set by our programs and in our processes: what is set for good in the C library must not be set in somebody's notebook."""


def keep_freed_memory() -> None:
    """Lets glibc reuse blocks of up to 32 MiB; does nothing on other C libraries, and in processes that are not ours.

    Training on a CPU allocates and frees the same large tensors at every step. By default each of them is a fresh mapping whose
    pages the kernel clears first: 22 % of the processor time of an airbench step (442 against 347 ms on one core).

    Source: mallopt(3).
    """
    if not sys.platform.startswith("linux") or OWN_PROCESS not in os.environ:
        return
    with contextlib.suppress(OSError, AttributeError):
        libc = ctypes.CDLL(None)
        libc.mallopt(M_MMAP_THRESHOLD, LARGEST_MMAP_THRESHOLD)
        libc.mallopt(M_TRIM_THRESHOLD, KEEP)
        libc.mallopt(M_ARENA_MAX, 1)  # threads share one heap; one of their own would be unmapped again and again


T = TypeVar("T")


def with_smaller_batch(train: Callable[[Recipe], T], recipe: Recipe, what: str) -> T:
    """What `train(recipe)` returns; where it runs out of memory, what it returns with half as many images in a batch.

    Args:
        what: is trained, for the message.

    Raises:
        CurateError: half the batch is too much, too.
    """
    half = replace(recipe, batch_size=max(1, recipe.batch_size // 2))
    try:
        return train(recipe)
    except torch.OutOfMemoryError:
        pass  # once more outside: the error holds on to the tensors of the step that failed
    release_memory()
    try:
        return train(half)
    except torch.OutOfMemoryError as error:
        raise CurateError(
            f"{what} does not fit into the device's memory, neither with {recipe.batch_size} images in a batch nor with {half.batch_size}; "
            "end other programs on the device, take a smaller --model or --image-size, or use --device cpu; "
            "finished folds are kept, run the same command again"
        ) from error


def release_memory() -> None:
    """Gives memory that nothing refers to any more back to the device."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
