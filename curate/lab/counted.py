"""What was counted of a model: its layers, and their sums. Nothing here needs torch."""

import math
import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from curate.errors import UsageError
from curate.lab.receptive_field import Field


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
        input_shape: (C, H, W), or (N,) of a linear layer alone.
        layers: in the order of the forward pass.
        unused_parameters: learned numbers that no layer of this pass has used, such as those of auxiliary classifiers.
        parameter_bytes: memory of all parameters.
    """

    input_shape: tuple[int, ...]
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


def parse_shape(text: str) -> tuple[int, int, int]:
    """(C, H, W) from `3x227x227`.

    Raises:
        UsageError: the text is something else.
    """
    if not re.fullmatch(r"\d+x\d+x\d+", text) or "0" in text.split("x"):
        raise UsageError(f"an input is channels x height x width, such as 3x227x227; found '{text}'")
    channels, height, width = (int(part) for part in text.split("x"))
    return channels, height, width


def parse_input(text: str) -> tuple[int, ...]:
    """(C, H, W) from `3x32x32`, or (N,) from `4096`.

    Raises:
        UsageError: the text is something else.
    """
    return (int(text),) if text.isascii() and text.isdecimal() and int(text) else parse_shape(text)


def field_text(field: Field | None) -> str:
    """`11×11`; `whole image`; or `–` where it is not known."""
    if field is None:
        return "–"
    if field.is_whole:
        return "whole image"
    return "×".join(str(math.ceil(side)) if side < math.inf else "whole" for side in field.size)
