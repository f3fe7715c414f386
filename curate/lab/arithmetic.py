"""The arithmetic of any model: shapes, parameters, multiply-adds, memory and receptive fields, layer by layer, as they are.

Nothing is taken from a table: one image goes through the model, and what each layer did is read off the tensors. The
textbook's formula stands beside each value.
"""

import copy
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn

from curate.errors import CurateError, DataError
from curate.lab.counted import Arithmetic, Layer
from curate.lab.light_torch import with_shapes_only
from curate.lab.tracing import Record, trace

LARGEST_SIDE, LARGEST_TRIED_ONE_BY_ONE = 1024, 320
"""Up to which side `smallest_side` looks."""
FAILURES = (RuntimeError, ValueError, IndexError, AssertionError, ZeroDivisionError, DataError)
"""What models raise for images that they cannot take."""


def arithmetic(net: nn.Module, input_shape: tuple[int, int, int], *, skips: bool = False) -> Arithmetic:
    """The arithmetic of `net` for one image of `input_shape` (C, H, W).

    The net is in evaluation mode meanwhile, and as it was afterwards, without hooks.

    Args:
        skips: count products without computing them; right for every net whose course does not hang on its numbers.

    Raises:
        DataError: the net cannot take such images; names the smallest square ones that it can.
    """
    parameters = list(net.parameters())
    device = parameters[0].device if parameters else torch.device("cpu")
    dtype = parameters[0].dtype if parameters else torch.float32

    try:
        records, unused = trace(net, torch.zeros(1, *input_shape, device=device, dtype=dtype), skips=skips)
    except FAILURES as error:
        with_shapes_only()
        bare = copy.deepcopy(net).to("meta").eval()  # shapes without numbers: a try costs next to nothing

        def take(side: int) -> None:
            bare(torch.zeros(1, input_shape[0], side, side, device="meta", dtype=dtype))

        raise cannot_take(type(net).__name__, input_shape, error, take) from error
    memory = sum(parameter.numel() * parameter.element_size() for parameter in parameters)
    return Arithmetic(input_shape, tuple(_layer(record) for record in records), unused, memory)


def cannot_take(name: str, input_shape: Sequence[int], error: Exception, take: Callable[[int], Any]) -> DataError:
    """The error for images that a model cannot take, with the smallest square ones for which `take(side)` works; or for want of memory."""
    shape = "x".join(str(number) for number in input_shape)
    if isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error):
        return DataError(f"there is not enough memory for {name} and images of {shape}; take smaller images or fewer classes")
    side = smallest_side(take)
    said = str(error).strip().split("\n")[0].rstrip(".") or type(error).__name__
    reason = "" if isinstance(error, CurateError) else f" ({said})"  # ours would say the same once more
    if side is None:
        return DataError(f"{name} cannot take images of {shape}, nor square ones of any size that was tried{reason}")
    smallest = f"{input_shape[0]}x{side}x{side}"
    return DataError(f"{name} cannot take images of {shape}; the smallest square ones that it can are {smallest}{reason}")


def smallest_side(take: Callable[[int], Any]) -> int | None:
    """The smallest side for which `take` does not fail, found by trying; None where it fails up to LARGEST_SIDE.

    Sides are doubled until one fits, then halved in between: a model that takes a side is taken to take all larger ones.
    Where none of them fits, sides up to LARGEST_TRIED_ONE_BY_ONE are tried one by one: some models take one size only.
    """
    side, too_small = 1, 0
    while not _fits(take, side):
        too_small, side = side, side * 2
        if side > LARGEST_SIDE:
            return next((side for side in range(1, LARGEST_TRIED_ONE_BY_ONE + 1) if _fits(take, side)), None)
    while side - too_small > 1:
        middle = (side + too_small) // 2
        if _fits(take, middle):
            side = middle
        else:
            too_small = middle
    return side


def _fits(take: Callable[[int], Any], side: int) -> bool:
    try:
        take(side)
    except FAILURES:
        return False
    return True


def _layer(record: Record) -> Layer:
    """The record as people read it; a formula stands there only where it tells the very number that was counted."""
    parameters = [worked.parameters for worked in record.worked if worked.parameters]
    products = [worked.multiply_adds for worked in record.worked if worked.multiply_adds]
    return Layer(
        record.name or record.kind,
        record.kind,
        record.output_shape[1:],
        record.parameters,
        record.multiply_adds,
        record.activation_bytes,
        record.receptive_field,
        next((worked.size for worked in record.worked if worked.size), ""),
        next((text for count, text in parameters if count == record.parameters), ""),
        next((text for count, text in products if count == record.multiply_adds), ""),
    )
