"""Multiply-adds of a forward pass, counted in the very operations that run: products in matrices, convolutions and attention.

torch's own counter does the same, but for attention on a CPU, and takes a second to import.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from curate.lab.formulas import output_size


def _convolution(args: Sequence[Any], out: Tensor) -> int:
    x, weight, is_transposed = args[0], args[1], args[6]
    each = math.prod(weight.shape[1:])  # of one output place of one map; transposed: of one input place of one map
    return (x if is_transposed else out).numel() * each


def _product(args: Sequence[Any], out: Tensor) -> int:
    return out.numel() * args[0].shape[-1]


def _added_product(args: Sequence[Any], out: Tensor) -> int:
    return out.numel() * args[1].shape[-1]


def _attention(args: Sequence[Any], out: Tensor) -> int:
    """Queries times keys, and attention times values: (..., L, D), (..., S, D), (..., S, E)."""
    q, k, v = args[:3]
    return math.prod(q.shape[:-1]) * k.shape[-2] * (q.shape[-1] + v.shape[-1])


COUNTED: Mapping[str, Callable[[Sequence[Any], Tensor], int]] = {
    "convolution": _convolution,
    "mm": _product,
    "bmm": _product,
    "mv": _product,
    "linear": _product,
    "addmm": _added_product,
    "baddbmm": _added_product,
    "addmv": _added_product,
}
"""What each operation of torch multiplies; those of attention go by their beginning."""


def _convolution_shape(args: Sequence[Any]) -> tuple[int, ...] | None:
    x, weight, _, stride, padding, dilation, is_transposed = args[:7]
    sides = tuple(
        output_size(side, kernel, stride=stride[i % len(stride)], padding=padding[i % len(padding)], dilation=dilation[i % len(dilation)])
        for i, (side, kernel) in enumerate(zip(x.shape[2:], weight.shape[2:], strict=True))
    )
    return None if is_transposed or min(sides) < 1 else (x.shape[0], weight.shape[0], *sides)


SHAPES: Mapping[str, Callable[[Sequence[Any]], tuple[int, ...] | None]] = {
    "convolution": _convolution_shape,
    "mm": lambda args: (args[0].shape[0], args[1].shape[1]),
    "bmm": lambda args: (*args[0].shape[:2], args[1].shape[2]),
    "addmm": lambda args: (args[1].shape[0], args[2].shape[1]),
    "linear": lambda args: (*args[0].shape[:-1], args[1].shape[0]),
}
"""The shape of what an operation would give; None where it has to run, be it only to fail."""


class Counting(TorchDispatchMode):
    """Counts while it is entered.

    Args:
        skips: products are counted but not computed: whatever lies in memory takes their place. Shapes are right, numbers are not.

    Attributes:
        multiply_adds: so far.
    """

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """False, for nothing here is compiled: else torch would import its compiler, which takes seconds."""
        return False

    def __init__(self, *, skips: bool = False) -> None:
        super().__init__()
        self.skips = skips
        self.multiply_adds = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        name = func.name().partition("::")[2].partition(".")[0]
        shape = SHAPES[name](args) if self.skips and name in SHAPES else None
        result = func(*args, **(kwargs or {})) if shape is None else args[1 if name == "addmm" else 0].new_empty(shape)
        count = _attention if name.startswith("_scaled_dot_product") else COUNTED.get(name)
        if count is not None:
            self.multiply_adds += count(args, result[0] if isinstance(result, (tuple, list)) else result)
        return result


@contextmanager
def unfilled() -> Iterator[None]:
    """Nets that are made within have whatever lies in memory for weights: enough to count them, and quick for the largest.

    The functions of `torch.nn.init` do nothing meanwhile, in the whole process.
    """
    known = {name: function for name, function in vars(nn.init).items() if name.endswith("_") and not name.startswith("_")}
    for name in known:
        setattr(nn.init, name, lambda tensor, *_, **__: tensor)
    try:
        yield
    finally:
        for name, function in known.items():
            setattr(nn.init, name, function)
