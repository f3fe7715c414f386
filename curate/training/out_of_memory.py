"""When the memory of a device is not enough: half the batch is tried once, then it is told."""

import gc
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import torch

from curate.errors import CurateError
from curate.training.recipe import Recipe

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
