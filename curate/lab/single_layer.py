"""One layer by its numbers alone: what comes out, what it learns, what it multiplies; by the textbooks' formulas, without torch."""

import math
from dataclasses import dataclass
from typing import Any

from curate.errors import DataError, UsageError
from curate.lab.counted import Arithmetic, Layer
from curate.lab.formulas import (
    convolution_multiply_adds,
    convolution_parameters,
    linear_multiply_adds,
    linear_parameters,
    output_size,
    shape_text,
    sides_formula,
    size_formula,
)
from curate.lab.receptive_field import Field, Span

KINDS = ("conv", "pool", "linear")
BYTES = 4
"""Of a number in float32."""


@dataclass(frozen=True)
class LayerOptions:
    """What a layer may be told.

    Attributes:
        filters: output channels of a convolution, or units of a linear layer.
        kernel: side of the kernel or window.
        stride: by default 1, and of a pooling the window's side.
        padding: pixels on each side.
        dilation, groups: of a convolution.
        has_bias: whether each filter has one.
    """

    filters: int | None = None
    kernel: int | None = None
    stride: int | None = None
    padding: int = 0
    dilation: int = 1
    groups: int = 1
    has_bias: bool = True


def single_layer(kind: str, input_shape: tuple[int, ...], options: LayerOptions) -> Arithmetic:
    """The arithmetic of one layer `kind`, of KINDS, for an input (C, H, W), or (N,) for a linear layer.

    Raises:
        UsageError: an option is missing, or out of range.
        DataError: the kernel is larger than the padded image, or groups do not divide the channels.
    """
    if kind == "linear":
        return _linear(math.prod(input_shape), options)
    if len(input_shape) != 3:
        raise UsageError(f"a {kind} layer takes channels x height x width, such as --in 3x32x32; found {shape_text(input_shape)}")
    channels, height, width = input_shape
    kernel = options.kernel or (2 if kind == "pool" else 3)
    stride = options.stride if options.stride is not None else kernel if kind == "pool" else 1
    if min(kernel, stride, options.dilation, options.groups) < 1 or options.padding < 0:
        raise UsageError("kernel, stride, dilation and groups are 1 or more, and padding 0 or more")
    places: dict[str, Any] = {"stride": stride, "padding": options.padding, "dilation": options.dilation}
    sides = output_size(height, kernel, **places), output_size(width, kernel, **places)
    if min(sides) < 1:
        reach = options.dilation * (kernel - 1) + 1
        raise DataError(
            f"a kernel that covers {reach}x{reach} pixels is larger than the padded image of "
            f"{height + 2 * options.padding}x{width + 2 * options.padding}; take a smaller kernel, or more padding"
        )
    size = sides_formula([size_formula(side, kernel, **places) for side in (height, width)])
    span = Span().window(kernel, stride=stride, before=options.padding, dilation=options.dilation)
    if kind == "pool":
        shape = (channels, *sides)
        return _alone(input_shape, Layer("pool", "MaxPool2d", shape, 0, 0, BYTES * math.prod(shape), Field(span, span), size))
    if options.filters is None or options.filters < 1:
        raise UsageError("a convolution needs to know how many filters it has, such as --filters 10")
    if channels % options.groups or options.filters % options.groups:
        raise DataError(f"{options.groups} groups divide neither evenly: {channels} channels and {options.filters} filters")
    square = (kernel, kernel)
    number, parameters = convolution_parameters(square, channels, options.filters, groups=options.groups, bias=options.has_bias)
    products, multiply_adds = convolution_multiply_adds(square, channels, options.filters, sides, groups=options.groups)
    shape = (options.filters, *sides)
    memory = BYTES * math.prod(shape)
    return _alone(input_shape, Layer("conv", "Conv2d", shape, number, products, memory, Field(span, span), size, parameters, multiply_adds))


def _linear(num_inputs: int, options: LayerOptions) -> Arithmetic:
    if options.filters is None or options.filters < 1:
        raise UsageError("a linear layer needs to know how many units it has, such as --filters 1000")
    number, parameters = linear_parameters(num_inputs, options.filters, bias=options.has_bias)
    products, multiply_adds = linear_multiply_adds(num_inputs, options.filters, 1)
    layer = Layer("linear", "Linear", (options.filters,), number, products, BYTES * options.filters, None, "", parameters, multiply_adds)
    return _alone((num_inputs,), layer)


def _alone(input_shape: tuple[int, ...], layer: Layer) -> Arithmetic:
    return Arithmetic(input_shape, (layer,), 0, BYTES * layer.parameters)
