"""The arithmetic of any model: shapes, parameters, multiply-adds, memory and receptive fields, layer by layer, as they are.

Nothing is taken from a table: one image goes through the model, and what each layer did is read off the tensors. The
textbook's formula stands beside each value.
"""

import copy
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import nn

from curate.errors import CurateError, DataError, UsageError
from curate.lab.receptive_field import Field
from curate.lab.tracing import Record, trace

LARGEST_SIDE, LARGEST_TRIED_ONE_BY_ONE = 1024, 320
"""Up to which side `smallest_side` looks."""
FAILURES = (RuntimeError, ValueError, IndexError, AssertionError, ZeroDivisionError, DataError)
"""What models raise for images that they cannot take."""


@dataclass(frozen=True)
class Layer:
    """One call of a layer, or of a function outside of layers, in the order of the forward pass.

    Attributes:
        name: the module's path; of a function the path, `/` and its name.
        kind: class of the module, or name of the function.
        output_shape: without the batch.
        parameters: learned numbers; 0 where an earlier call has used them already.
        multiply_adds: products in matrices and convolutions, for one image.
        activation_bytes: memory of its output for one image; 0 where it works in place.
        receptive_field: what its units see of the image; None where that is not known.
        effective_size: side of the square that they really see, by the gradient; None where that was not asked for.
        size_formula, parameter_formula, multiply_add_formula: the textbook's, or ''.
    """

    name: str
    kind: str
    output_shape: tuple[int, ...]
    parameters: int
    multiply_adds: int
    activation_bytes: int
    receptive_field: Field | None
    size_formula: str = ""
    parameter_formula: str = ""
    multiply_add_formula: str = ""
    effective_size: float | None = None

    @property
    def part(self) -> str:
        """Which part of a model it belongs to: `convolutions`, `fully connected`, `normalisation` and so on."""
        kind = self.kind.lower()
        if "attention" in kind or kind in ("matmul", "bmm"):
            return "attention"
        if "conv" in kind:
            return "convolutions"
        if "linear" in kind:
            return "fully connected" if len(self.output_shape) == 1 else "linear at every place"
        return "normalisation" if "norm" in kind else "other"

    def as_dict(self) -> dict[str, Any]:
        """The layer for JSON: a receptive field of the whole image is `whole`, an unknown one null."""
        field = self.receptive_field
        seen: Any = None
        if field is not None:
            jump = [field.y.jump, field.x.jump] if field.is_map else None
            seen = {"size": "whole", "jump": jump, "start": None}
            if not field.is_whole:
                seen = {"size": list(field.size), "jump": jump, "start": [field.y.start, field.x.start] if field.is_map else None}
        texts = ("size_formula", "parameter_formula", "multiply_add_formula")
        numbers = ("parameters", "multiply_adds", "activation_bytes")
        return {
            "name": self.name,
            "kind": self.kind,
            "output_shape": list(self.output_shape),
            **{key: getattr(self, key) for key in numbers},
            "receptive_field": seen,
            "effective_size": self.effective_size,
            **{key: getattr(self, key) for key in texts},
        }


@dataclass(frozen=True)
class Arithmetic:
    """The layers of a model for images of one shape.

    Attributes:
        input_shape: (C, H, W).
        layers: in the order of the forward pass.
        unused_parameters: learned numbers that no layer of this pass has used, such as those of auxiliary classifiers.
        parameter_bytes: memory of all parameters.
    """

    input_shape: tuple[int, int, int]
    layers: tuple[Layer, ...]
    unused_parameters: int
    parameter_bytes: int

    @cached_property
    def parameters(self) -> int:
        """All learned numbers of the model, the unused ones too."""
        return sum(layer.parameters for layer in self.layers) + self.unused_parameters

    @cached_property
    def multiply_adds(self) -> int:
        return sum(layer.multiply_adds for layer in self.layers)

    @cached_property
    def activation_bytes(self) -> int:
        """Memory of all outputs for one image: what training has to keep."""
        return sum(layer.activation_bytes for layer in self.layers)

    def parts(self, what: str) -> dict[str, int]:
        """Where `what` (`parameters`, `multiply_adds` or `activation_bytes`) sits: the sum of each part, largest first."""
        sums: dict[str, int] = {}
        for layer in self.layers:
            sums[layer.part] = sums.get(layer.part, 0) + getattr(layer, what)
        if what == "parameters" and self.unused_parameters:
            sums["unused here"] = self.unused_parameters
        return {part: total for part, total in sorted(sums.items(), key=lambda item: -item[1]) if total}


def arithmetic(net: nn.Module, input_shape: tuple[int, int, int]) -> Arithmetic:
    """The arithmetic of `net` for one image of `input_shape` (C, H, W).

    The net is in evaluation mode meanwhile, and as it was afterwards, without hooks.

    Raises:
        DataError: the net cannot take such images; names the smallest square ones that it can.
    """
    parameters = list(net.parameters())
    device = parameters[0].device if parameters else torch.device("cpu")
    dtype = parameters[0].dtype if parameters else torch.float32

    try:
        records, unused = trace(net, torch.zeros(1, *input_shape, device=device, dtype=dtype))
    except FAILURES as error:
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


def parse_shape(text: str) -> tuple[int, int, int]:
    """(C, H, W) from `3x227x227`.

    Raises:
        UsageError: the text is something else.
    """
    if not re.fullmatch(r"\d+x\d+x\d+", text) or "0" in text.split("x"):
        raise UsageError(f"an input is channels x height x width, such as 3x227x227; found '{text}'")
    channels, height, width = (int(part) for part in text.split("x"))
    return channels, height, width


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


def shape_text(shape: Sequence[int]) -> str:
    """`96×55×55`."""
    return "×".join(str(side) for side in shape)


def field_text(field: Field | None) -> str:
    """`11×11`; `whole image`; or `–` where it is not known."""
    if field is None:
        return "–"
    if field.is_whole:
        return "whole image"
    return "×".join(str(math.ceil(side)) if side < math.inf else "whole" for side in field.size)
