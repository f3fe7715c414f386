"""The textbook's formula of one call of a layer's function, with the numbers of that call."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from curate.explain.field_rules import windows
from curate.explain.formulas import (
    convolution_multiply_adds,
    convolution_parameters,
    linear_multiply_adds,
    linear_parameters,
    sides_formula,
    size_formula,
)

Count = tuple[int, str]
"""A number, and the formula that ends with it."""


@dataclass(frozen=True)
class Worked:
    """Formulas of one call; '' or None where the textbooks have none.

    Attributes:
        size: of the sides of its output.
        parameters: how many it has.
        multiply_adds: how many it computes for one image.
    """

    size: str = ""
    parameters: Count | None = None
    multiply_adds: Count | None = None


def work_out(name: str, options: Mapping[str, Any], in_shape: Sequence[int], out_shape: Sequence[int]) -> Worked | None:
    """The formulas of a call of the torch function `name`; None where there are none.

    Args:
        options: its arguments by name.
        in_shape, out_shape: of its first input and its output, with the batch.
    """
    if name == "conv2d":
        weight, groups, bias = options["weight"].shape, options.get("groups", 1), options.get("bias") is not None
        kernel, in_channels, out_channels = (int(weight[2]), int(weight[3])), int(weight[1]) * groups, int(weight[0])
        return Worked(
            _sizes(options, in_shape),
            convolution_parameters(kernel, in_channels, out_channels, groups=groups, bias=bias),
            convolution_multiply_adds(kernel, in_channels, out_channels, (out_shape[-2], out_shape[-1]), groups=groups),
        )
    if name in ("max_pool2d", "avg_pool2d"):
        return Worked(_sizes(options, in_shape))
    if name == "linear":
        out_features, in_features = (int(side) for side in options["weight"].shape)
        return Worked(
            parameters=linear_parameters(in_features, out_features, bias=options.get("bias") is not None),
            multiply_adds=linear_multiply_adds(in_features, out_features, math.prod(out_shape[1:-1])),
        )
    if name in ("batch_norm", "layer_norm", "group_norm") and options.get("weight") is not None:
        each = options["weight"].numel()
        return Worked(parameters=(2 * each, f"2·{each:,} = {2 * each:,}") if options.get("bias") is not None else None)
    if name in ("flatten", "view", "reshape") and len(in_shape) > 2 and len(out_shape) == 2:
        return Worked("·".join(f"{side:,}" for side in in_shape[1:]) + f" = {out_shape[-1]:,}")
    return None


def _sizes(options: Mapping[str, Any], in_shape: Sequence[int]) -> str:
    return sides_formula(
        [
            size_formula(size, w.kernel, stride=w.stride, padding=(w.before, w.after), dilation=w.dilation, ceil=w.ceil)
            for size, w in zip(in_shape[-2:], windows(options), strict=True)
        ]
    )
