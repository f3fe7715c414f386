"""Which pixels a unit of a layer can see in theory, by the rules of each function of a forward pass.

A unit at place o of a map sees, along each side, the pixels first + o·jump … last + o·jump. How fields go through the
functions of a net is in `field_rules`.

Source: Araujo, Norris & Sim, Computing Receptive Fields of Convolutional Neural Networks, Distill 2019.

A convolution with kernel k, stride s, padding p and dilation d makes of (first, last, jump):

    first − p·jump,   last + (d·(k − 1) − p)·jump,   jump·s

Where branches meet, a unit sees what any of them sees. What mixes all places (global pooling, a fully connected layer,
attention) sees the whole image, and so does all that comes after. What is not understood is told as unknown, never guessed.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from torch import Tensor

WHOLE = math.inf


@dataclass(frozen=True)
class Span:
    """What units see along one side: unit 0 the pixels first..last (which may lie outside the image), unit 1 `jump` further."""

    first: float = 0
    last: float = 0
    jump: float = 1

    @property
    def size(self) -> float:
        """Pixels that a unit sees; infinite where it sees the whole side."""
        return self.last - self.first + 1

    @property
    def start(self) -> float:
        """The middle of what unit 0 sees; pixel 0 has its middle at 0. Not a number where that is the whole side."""
        return (self.first + self.last) / 2 if self.size < WHOLE else math.nan

    def window(self, kernel: int, *, stride: float = 1, before: int = 0, dilation: int = 1) -> "Span":
        """After a layer that looks through windows."""
        reach = dilation * (kernel - 1)
        return Span(self.first - before * self.jump, self.last + (reach - before) * self.jump, self.jump * stride)

    def seen_by(self, unit: int, side: int) -> tuple[int, int]:
        """First pixel of an image with so many, and one past the last, that a unit sees."""
        if self.size == WHOLE:
            return 0, side
        first, last = math.floor(self.first + unit * self.jump), math.ceil(self.last + unit * self.jump)
        return min(max(first, 0), side), min(max(last + 1, 0), side)


@dataclass(frozen=True)
class Field:
    """The receptive field of the units of one tensor.

    Attributes:
        y, x: what they see along height and width.
        dims: where the places are in the tensor: (rows, columns); one dimension that holds both; or none, where there is
            only one place left.
    """

    y: Span = Span()
    x: Span = Span()
    dims: tuple[int, ...] = (2, 3)

    @property
    def is_whole(self) -> bool:
        """Whether a unit sees the whole image."""
        return self.y.size == WHOLE and self.x.size == WHOLE

    @property
    def is_map(self) -> bool:
        """Whether the places still form rows and columns."""
        return len(self.dims) == 2

    @property
    def size(self) -> tuple[float, float]:
        """(height, width) in pixels, infinite where it is the whole image."""
        return self.y.size, self.x.size

    def box(self, row: int, column: int, image_size: tuple[int, int]) -> tuple[int, int, int, int]:
        """(top, bottom, left, right) of what the unit at that place sees of the image, the ends one past the last pixel."""
        return *self.y.seen_by(row, image_size[0]), *self.x.seen_by(column, image_size[1])


def whole(field: Field, dims: tuple[int, ...] = ()) -> Field:
    """The field of units that see everything, in a tensor whose places are at `dims`."""
    return Field(Span(-WHOLE, WHOLE, field.y.jump), Span(-WHOLE, WHOLE, field.x.jump), dims)


ELEMENTWISE = frozenset({
    "relu", "relu6", "leaky_relu", "elu", "selu", "celu", "gelu", "silu", "mish", "softplus", "sigmoid", "tanh", "hardtanh",
    "hardsigmoid", "hardswish", "logsigmoid", "dropout", "dropout2d", "alpha_dropout", "feature_dropout", "batch_norm",
    "local_response_norm", "clone", "contiguous", "to", "float", "double", "half", "bfloat16", "detach", "clamp", "clamp_min",
    "clamp_max", "abs", "neg", "exp", "log", "sqrt", "rsqrt", "pow", "square", "erf", "add", "sub", "mul", "div", "true_divide",
    "rsub", "maximum", "minimum", "prelu",
})  # fmt: skip
VIEWS = frozenset({"view", "reshape", "flatten", "unflatten", "squeeze", "unsqueeze"})
PARTS = frozenset({"chunk", "split", "split_with_sizes", "unbind", "tensor_split"})
REDUCTIONS = frozenset({"mean", "sum", "amax", "amin", "max", "min"})

Inputs = Sequence[tuple["Tensor", Field | None]]


def propagate(name: str, options: Mapping[str, Any], inputs: Inputs, output: "Tensor") -> Field | None:
    """The field of `output`, which the function `name` made of `inputs`; None where it cannot be told.

    Args:
        name: of the torch function, without underscores around it.
        options: its arguments by name.
        inputs: the tensors among them that depend on the image, with their fields.
    """
    known = [(tensor, field) for tensor, field in inputs if field is not None]
    if len(known) < len(inputs):
        return None
    if name in ELEMENTWISE:
        found = _meeting([replace(f, dims=tuple(dim + output.ndim - t.ndim for dim in f.dims)) for t, f in known])
    elif name in ("cat", "concat", "concatenate"):
        found = _joined(_dim(options, output.ndim), [field for _, field in known])
    else:
        found = _moved(name, options, *known[0], output)
    if found is None and all(field.is_whole for _, field in known):
        return whole(known[0][1])
    return found


def _meeting(fields: Sequence[Field]) -> Field | None:
    """What units see where tensors meet place by place; None where the places do not fit onto each other."""
    placed = [field for field in fields if field.dims]
    if not placed:
        return fields[0]
    y, x = [field.y for field in placed], [field.x for field in placed]
    if len({(field.dims, field.y.jump, field.x.jump) for field in placed}) > 1:
        return None
    spans = [Span(min(s.first for s in side), max(s.last for s in side), side[0].jump) for side in (y, x)]
    met = Field(spans[0], spans[1], placed[0].dims)
    return met if len(placed) == len(fields) else whole(met, met.dims)  # what has no places has seen everything


def _joined(dim: int, fields: Sequence[Field]) -> Field | None:
    """The field after tensors are joined along `dim`; None where that puts other places beside the image's."""
    if any(dim in field.dims and (field.is_map or len(fields) > 1) for field in fields):
        return None
    return _meeting(fields)


def _moved(name: str, options: Mapping[str, Any], x: "Tensor", field: Field, output: "Tensor") -> Field | None:
    """The field after a function of one tensor that depends on the image."""
    dims, is_image = field.dims, field.dims == (x.ndim - 2, x.ndim - 1)
    if name == "linear":
        return whole(field) if x.ndim - 1 in dims else field
    if name == "layer_norm":
        return field if max(dims, default=-1) < x.ndim - len(options["normalized_shape"]) else whole(field, dims)
    if name in ("group_norm", "instance_norm"):
        return whole(field, dims)
    if name == "multi_head_attention_forward":
        return whole(field, dims) if dims == (0,) else None
    if name in ("softmax", "log_softmax"):
        return field if _dim(options, x.ndim) not in dims else None
    if name in ("conv2d", "max_pool2d", "avg_pool2d") and is_image:
        down, across = windows(options)
        return Field(_looked_at(field.y, down), _looked_at(field.x, across), dims)
    if name in ("adaptive_avg_pool2d", "adaptive_max_pool2d") and is_image:
        return _adapted(field, x, output)
    if name == "pad" and is_image:
        left, _, top, _ = (*options["pad"], 0, 0)[:4]
        return Field(field.y.window(1, before=top), field.x.window(1, before=left), dims) if len(options["pad"]) <= 4 else None
    if name in REDUCTIONS:
        return _reduced(options, x, field, output)
    if name in VIEWS:
        return _viewed(x, field, output)
    if name in ("permute", "transpose"):
        order = _order(name, options, x.ndim)
        return replace(field, dims=tuple(order.index(dim) for dim in dims))
    if name in PARTS:
        dim = _dim(options, x.ndim)
        return None if dim in dims else replace(field, dims=tuple(d - (d > dim and name == "unbind") for d in dims))
    if name == "getitem":
        return _indexed(options["index"], field)
    return None


class Windows(NamedTuple):
    """How a convolution or pooling walks along one side: taps, step, padding before and after, gaps, and rounding up."""

    kernel: int
    stride: int
    before: int
    after: int
    dilation: int
    ceil: bool


def windows(options: Mapping[str, Any]) -> tuple[Windows, Windows]:
    """How conv2d, max_pool2d or avg_pool2d with these options walks along height and width."""
    kernel = options["weight"].shape[-2:] if "weight" in options else _pair(options["kernel_size"])
    stride = kernel if options.get("stride") in (None, [], ()) and "weight" not in options else _pair(options.get("stride", 1))
    dilation, padding = _pair(options.get("dilation", 1)), options.get("padding", 0)
    sides = []
    for i in (0, 1):
        if isinstance(padding, str):
            total = dilation[i] * (kernel[i] - 1) if padding == "same" else 0
            before, after = total // 2, total - total // 2
        else:
            before = after = _pair(padding)[i]
        sides.append(Windows(int(kernel[i]), int(stride[i]), int(before), int(after), int(dilation[i]), bool(options.get("ceil_mode"))))
    return sides[0], sides[1]


def _looked_at(span: Span, w: Windows) -> Span:
    return span.window(w.kernel, stride=w.stride, before=w.before, dilation=w.dilation)


def _adapted(field: Field, x: "Tensor", output: "Tensor") -> Field:
    """After adaptive pooling, by its largest window."""
    if output.shape[-2:] == (1, 1):
        return whole(field)
    spans = []
    for span, size, places in zip((field.y, field.x), x.shape[-2:], output.shape[-2:], strict=True):
        largest = max(-(-(i + 1) * size // places) - i * size // places for i in range(places))
        spans.append(span.window(largest, stride=size / places))
    return Field(spans[0], spans[1], field.dims)


def _reduced(options: Mapping[str, Any], x: "Tensor", field: Field, output: "Tensor") -> Field | None:
    """After a mean, sum or maximum over some dimensions."""
    given = options.get("dim")
    gone = set(range(x.ndim)) if given is None else {dim % x.ndim for dim in (given if isinstance(given, (tuple, list)) else (given,))}
    if set(field.dims) <= gone:
        return whole(field)
    if set(field.dims) & gone:
        return None
    if output.ndim == x.ndim:
        return field
    return replace(field, dims=tuple(dim - sum(other < dim for other in gone) for dim in field.dims))


def _viewed(x: "Tensor", field: Field, output: "Tensor") -> Field | None:
    """After a reshape: rows and columns where they still are dimensions of their own, else the dimension that holds both."""
    old, new = _prefixes(x.shape), _prefixes(output.shape)
    places = [[j for j in range(output.ndim) if (new[j], new[j + 1]) == (old[dim], old[dim + 1])] for dim in field.dims]
    if all(places):
        dims = tuple(found[0] if i == 0 else found[-1] for i, found in enumerate(places))
        if len(set(dims)) == len(dims):
            return replace(field, dims=dims)
    first, last = min(field.dims, default=0), max(field.dims, default=0)
    if last - first != len(field.dims) - 1:
        return None
    holding = [j for j in range(output.ndim) if new[j] <= old[first] and new[j + 1] >= old[last + 1]]
    return replace(field, dims=(holding[-1],)) if holding and field.dims else None


def _indexed(index: Any, field: Field) -> Field | None:
    """After `x[index]`, where rows and columns are left as they are."""
    parts = index if isinstance(index, tuple) else (index,)
    if not all(isinstance(part, (int, slice)) for part in parts):
        return None
    if any(dim < len(parts) and parts[dim] != slice(None) for dim in field.dims):
        return None
    return replace(field, dims=tuple(dim - sum(isinstance(part, int) for part in parts[:dim]) for dim in field.dims))


def _prefixes(shape: Sequence[int]) -> list[int]:
    """How many numbers each dimension's index steps through before it: products of the sizes to its left, ends included."""
    return [math.prod(shape[:i]) for i in range(len(shape) + 1)]


def _order(name: str, options: Mapping[str, Any], ndim: int) -> list[int]:
    """For each dimension of a permuted or transposed tensor, the one that it was."""
    if name == "permute":
        return [dim % ndim for dim in options["dims"]]
    order = list(range(ndim))
    first, second = options["dim0"] % ndim, options["dim1"] % ndim
    order[first], order[second] = order[second], order[first]
    return order


def _dim(options: Mapping[str, Any], ndim: int) -> int:
    return (options.get("dim") or 0) % ndim


def _pair(value: Any) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else (value[0], value[-1])
