"""One forward pass, watched: which layer and which function made what, with which parameters, at what cost.

Forward hooks tell which module is at work; a function mode tells every call of torch inside it, so that what a model computes
outside of layers (`F.relu`, `x + y`) is seen too. Both are gone afterwards.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils.weak import WeakTensorKeyDictionary

from curate.lab.formulas import Worked, work_out
from curate.lab.layers import evaluating
from curate.lab.operations import Counting
from curate.lab.receptive_field import Field, propagate

ARGUMENTS = {
    "conv2d": ("input", "weight", "bias", "stride", "padding", "dilation", "groups"),
    "max_pool2d": ("input", "kernel_size", "stride", "padding", "dilation", "ceil_mode", "return_indices"),
    "avg_pool2d": ("input", "kernel_size", "stride", "padding", "ceil_mode", "count_include_pad", "divisor_override"),
    "linear": ("input", "weight", "bias"),
    "batch_norm": ("input", "running_mean", "running_var", "weight", "bias"),
    "group_norm": ("input", "num_groups", "weight", "bias"),
    "layer_norm": ("input", "normalized_shape", "weight", "bias", "eps"),
    "pad": ("input", "pad", "mode", "value"),
    "transpose": ("input", "dim0", "dim1"),
    "getitem": ("input", "index"),
    "chunk": ("input", "chunks", "dim"),
    "split": ("input", "split_size", "dim"),
    "tensor_split": ("input", "sections", "dim"),
    **dict.fromkeys(("cat", "concat", "concatenate"), ("tensors", "dim")),
    **dict.fromkeys(("mean", "sum", "amax", "amin", "max", "min"), ("input", "dim", "keepdim")),
    **dict.fromkeys(("softmax", "log_softmax", "unbind"), ("input", "dim")),
}
"""What arguments by position are called."""
UNSEEN = frozenset({
    "view", "reshape", "permute", "transpose", "contiguous", "getitem", "chunk", "split", "split_with_sizes", "unbind",
    "tensor_split", "unsqueeze", "squeeze", "expand", "clone", "to", "float", "detach", "unflatten", "size", "pad", "type_as",
    "view_as", "expand_as",
})  # fmt: skip
"""Functions that compute nothing: outside of layers they get no record of their own."""


@dataclass
class Record:
    """One call of a layer, or of a function outside of layers.

    Attributes:
        name: the module's path, and the function after a `/`: `layer1.0/add`.
        kind: class of the module, or name of the function.
        input_shape, output_shape: of the first tensor that depends on the image, with the batch.
        parameters: numbers learned that this call is the first to use.
        multiply_adds: products in matrices and convolutions, counted in the operations that ran.
        activation_bytes: memory of the output; 0 where it shares the input's.
        receptive_field: of the output's units; None where it is not known.
        worked: formulas of the functions inside.
        output: a copy of what it put out, where that was asked for.
    """

    name: str
    kind: str
    input_shape: tuple[int, ...] = ()
    output_shape: tuple[int, ...] = ()
    parameters: int = 0
    multiply_adds: int = 0
    activation_bytes: int = 0
    receptive_field: Field | None = None
    worked: list[Worked] = field(default_factory=list)
    output: Tensor | None = None


class Watch(TorchFunctionMode):
    """Writes down a forward pass; see `trace`."""

    def __init__(self, net: nn.Module, costs: Counting, *, keep_outputs: bool) -> None:
        super().__init__()
        self._keep_outputs = keep_outputs
        self.records: list[Record] = []
        self.unused = {id(parameter): parameter.numel() for parameter in net.parameters()}
        self._costs = costs
        self._fields = WeakTensorKeyDictionary()
        self._path: list[str] = []
        self._open: Record | None = None  # the layer at work
        self._storages: set[int] = set()  # of its inputs
        self._carried = (0, 0)  # parameters and multiply-adds of functions without a record

    def begin(self, image: Tensor) -> None:
        """The image, of which everything is followed."""
        self._fields[image] = Field()

    def enter(self, name: str, module: nn.Module, inputs: tuple) -> None:
        self._path.append(name)
        if self._open is None and _is_layer(module):
            seen = self._followed(inputs)
            self._open = self._new(name, type(module).__name__, seen)
            self._storages = {_storage(tensor) for tensor in seen}

    def leave(self, name: str, output: Any) -> None:
        self._path.pop()
        if self._open is not None and self._open.name == name:
            record, self._open = self._open, None
            outputs = self._followed(output) or (tensors_in(output) if record.parameters or record.multiply_adds else [])
            if outputs:
                self._close(record, outputs[0], self._storages)

    def __torch_function__(self, func: Callable, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        kwargs = kwargs or {}
        before = self._costs.multiply_adds
        result = func(*args, **kwargs)
        outputs = [tensor for tensor in tensors_in(result) if tensor.is_floating_point()]
        if not outputs:
            return result
        seen = self._followed((args, kwargs))
        parameters = sum(self.unused.pop(id(tensor), 0) for tensor in tensors_in((args, kwargs)))
        multiply_adds = self._costs.multiply_adds - before
        if not seen:
            self._carry(parameters, multiply_adds)
            return result
        name = _plain_name(func)
        options = {**_named(name, args), **kwargs}
        for tensor in outputs:
            self._fields[tensor] = propagate(name, options, [(tensor, self._fields[tensor]) for tensor in seen], tensor)
        if self._open is not None:
            record = self._open
        elif name in UNSEEN:
            self._carry(parameters, multiply_adds)
            return result
        else:
            path = self._path[-1] if self._path else ""
            record = self._new(f"{path}/{name}" if path else name, name, seen)
            self._close(record, outputs[0], {_storage(tensor) for tensor in seen})
        worked = work_out(name, options, _shape(seen), tuple(outputs[0].shape))
        record.worked += [worked] if worked else []
        record.parameters += parameters
        record.multiply_adds += multiply_adds
        return result

    def _close(self, record: Record, output: Tensor, storages: set[int]) -> None:
        record.output_shape = tuple(output.shape)
        record.receptive_field = self._fields.get(output)
        record.activation_bytes = 0 if _storage(output) in storages else output.numel() * output.element_size()
        record.output = output.clone() if self._keep_outputs else None  # a copy: the next layer may work in place
        self.records.append(record)

    def _followed(self, values: Any) -> list[Tensor]:
        return [tensor for tensor in tensors_in(values) if tensor in self._fields]

    def _carry(self, parameters: int, multiply_adds: int) -> None:
        """Gives what a function without a record used and computed to the layer at work, or to the next record."""
        if self._open is not None:
            self._open.parameters += parameters
            self._open.multiply_adds += multiply_adds
        else:
            self._carried = (self._carried[0] + parameters, self._carried[1] + multiply_adds)

    def _new(self, name: str, kind: str, seen: list[Tensor]) -> Record:
        (parameters, multiply_adds), self._carried = self._carried, (0, 0)
        return Record(name, kind, _shape(seen), parameters=parameters, multiply_adds=multiply_adds)


def trace(net: nn.Module, x: Tensor, *, keep_outputs: bool = False, skips: bool = False) -> tuple[list[Record], int]:
    """The calls of one forward pass in their order, and how many parameters none of them used.

    The net is in evaluation mode meanwhile; afterwards every module is as it was, without hooks.

    Args:
        x: images (B, C, H, W) on the net's device.
        keep_outputs: keep a copy of each output in its record.
        skips: count products without computing them: quick, and outputs are no numbers to look at.
    """
    with watched(net, keep_outputs=keep_outputs, skips=skips) as watch, torch.no_grad():
        watch.begin(x)
        net(x)
    return watch.records, sum(watch.unused.values())


@contextmanager
def watched(net: nn.Module, *, keep_outputs: bool, skips: bool = False) -> Iterator[Watch]:
    """The time in which forward passes of `net` are written down."""
    handles: list[Any] = []
    try:
        with (
            evaluating(net),
            Counting(skips=skips) as costs,
            Watch(net, costs, keep_outputs=keep_outputs) as watch,
        ):
            for name, module in net.named_modules():
                handles.append(module.register_forward_pre_hook(lambda m, inputs, name=name: watch.enter(name, m, inputs)))
                handles.append(module.register_forward_hook(lambda m, inputs, output, name=name: watch.leave(name, output)))
            yield watch
    finally:
        for handle in handles:
            handle.remove()


def tensors_in(values: Any) -> list[Tensor]:
    """The tensors among arguments or results, however they are nested."""
    if isinstance(values, Tensor):
        return [values]
    if isinstance(values, dict):
        values = list(values.values())
    return [tensor for value in values for tensor in tensors_in(value)] if isinstance(values, (tuple, list)) else []


def _is_layer(module: nn.Module) -> bool:
    """Whether a module is told as one: it has no modules inside, or it is torch's own and no container."""
    is_container = isinstance(module, (nn.Sequential, nn.ModuleList, nn.ModuleDict))
    return not any(module.children()) or (type(module).__module__.startswith("torch.nn.") and not is_container)


def _plain_name(func: Callable) -> str:
    """`add` for `torch.add`, `x.add_`, `x + y` and `x += y`."""
    name = func.__name__.strip("_")
    return name[1:] if name in ("iadd", "isub", "imul", "radd", "rmul", "itruediv") else name


def _named(name: str, args: tuple) -> dict[str, Any]:
    """The arguments by position, by name, as far as ARGUMENTS knows them."""
    if name == "permute":
        return {"dims": args[1] if len(args) == 2 else args[1:]}
    return dict(zip(ARGUMENTS.get(name, ()), args, strict=False))


def _shape(tensors: list[Tensor]) -> tuple[int, ...]:
    return tuple(tensors[0].shape) if tensors else ()


def _storage(tensor: Tensor) -> int:
    return tensor.untyped_storage()._cdata


WINDOWED = ("Conv2d", "MaxPool2d", "AvgPool2d", "Conv2dSame", "conv2d", "max_pool2d", "avg_pool2d")
"""Kinds of layers and functions that look through windows and put out maps."""


def maps_of_layers(net: nn.Module, x: Tensor) -> dict[str, Tensor]:
    """The maps (M, h, w) that every convolution and pooling puts out for an image (C, H, W), in the order of the forward pass.

    Functions that are called more than once have a number after their name: `max_pool2d`, `max_pool2d 2`.
    """
    found: dict[str, Tensor] = {}
    times: dict[str, int] = {}
    for record in trace(net, x[None], keep_outputs=True)[0]:
        output = record.output
        if output is not None and output.ndim == 4 and output.shape[2] > 1 and record.kind in WINDOWED:
            times[record.name] = times.get(record.name, 0) + 1
            found[record.name if times[record.name] == 1 else f"{record.name} {times[record.name]}"] = output[0]
    return found
