"""Layers by name, their filters, and what they put out."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from curate.errors import DataError, UnknownNameError


def find_layer(net: nn.Module, name: str) -> nn.Module:
    """The module of `net` called `name`, such as `conv1` or `body.0.3`.

    Raises:
        UnknownNameError: there is none; names the nearest ones.
    """
    modules = dict(net.named_modules())
    if not name or name not in modules:
        raise UnknownNameError.of("layer", name, (known for known in modules if known))
    return modules[name]


def conv_layers(net: nn.Module) -> dict[str, nn.Conv2d]:
    """The 2-D convolutions of `net` by name, in the order in which they were made: as a rule that of the forward pass.

    Raises:
        DataError: it has none.
    """
    found = {name: module for name, module in net.named_modules() if isinstance(module, nn.Conv2d)}
    if not found:
        raise DataError(f"{type(net).__name__} has no 2-D convolution to look at")
    return found


KINDS = {"Conv2d": "convolution", "Conv2dSame": "convolution", "MaxPool2d": "max pooling", "AvgPool2d": "mean pooling"}


def kind_of_layer(net: nn.Module, name: str) -> str:
    """What the layer of that name is, in words, such as `convolution`; "" where it is no module of `net` or has no such word."""
    return KINDS.get(type(dict(net.named_modules()).get(name)).__name__, "")


@contextmanager
def evaluating(net: nn.Module) -> Iterator[None]:
    """Within, `net` is in evaluation mode; at the end, also after an error, each of its modules is in the mode that it was in."""
    modes = [(module, module.training) for module in net.modules()]
    net.eval()
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode


@contextmanager
def one_thread() -> Iterator[None]:
    """Within, torch uses one thread: for many small products, between which threads would wait for each other on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class _Enough(Exception):
    """Ends a forward pass: all that is wanted has been recorded."""


@contextmanager
def recorded(net: nn.Module, names: Iterable[str]) -> Iterator[dict[str, Tensor]]:
    """Within, every forward pass of `net` leaves the outputs of the layers `names` in the dict that this yields.

    A layer that is called more than once leaves its last output. The hooks are removed at the end, also after an error.

    Raises:
        UnknownNameError: there is no layer of such a name.
    """
    layers = {name: find_layer(net, name) for name in names}
    outputs: dict[str, Tensor] = {}
    handles = []
    try:
        for name, layer in layers.items():

            def keep(_module: nn.Module, _inputs: object, output: object, name: str = name) -> None:
                if isinstance(output, Tensor):
                    outputs[name] = output.detach().clone()  # a copy: the next layer may work in place

            handles.append(layer.register_forward_hook(keep))
        yield outputs
    finally:
        for handle in handles:
            handle.remove()


@torch.no_grad()
def feature_maps(net: nn.Module, x: Tensor, layer: str) -> Tensor:
    """What `layer` puts out for the images `x`: (B, M, h, w) on the device of `x`; the net is in evaluation mode meanwhile.

    The forward pass ends at that layer, so that early layers come quickly.

    Args:
        x: (B, C, H, W) float, normalised as the net was trained.
        layer: its name.

    Raises:
        UnknownNameError: there is no such layer.
        DataError: it gives no maps, as the fully connected ones do, or the forward pass never reaches it.
    """

    def stop(*_: object) -> None:
        raise _Enough

    with evaluating(net), recorded(net, [layer]) as outputs:
        handle = find_layer(net, layer).register_forward_hook(stop)  # after the one that records
        try:
            net(x)
        except _Enough:
            pass
        finally:
            handle.remove()
    maps = outputs.get(layer)
    if maps is None:
        raise DataError(f"layer '{layer}' puts out no tensor, or the forward pass never reaches it; try {_some(net)}")
    if maps.ndim != 4:
        raise DataError(f"layer '{layer}' puts out {tuple(maps.shape)}, not maps (B, M, h, w); try {_some(net)}")
    return maps


@torch.no_grad()
def maps_of_convolutions(net: nn.Module, x: Tensor) -> dict[str, Tensor]:
    """What every convolution that a forward pass reaches puts out, (B, M, h, w) by name, in the order in which they are reached.

    Args:
        x: (B, C, H, W) float, normalised as the net was trained; the net is in evaluation mode meanwhile.

    Raises:
        DataError: the net has no convolutions.
    """
    with evaluating(net), recorded(net, conv_layers(net)) as outputs:
        net(x)
    return outputs


def _some(net: nn.Module) -> str:
    return ", ".join(list(conv_layers(net))[:6])


def layer_filters(net: nn.Module, layer: str) -> Tensor:
    """The weights (O, I, h, w) of the convolution `layer`, I being the input channels of one group.

    Raises:
        UnknownNameError: there is no such layer.
        DataError: it is no 2-D convolution.
    """
    module = find_layer(net, layer)
    if not isinstance(module, nn.Conv2d):
        raise DataError(f"layer '{layer}' is a {type(module).__name__}, which has no filters; convolutions: {', '.join(conv_layers(net))}")
    return module.weight.detach().float().cpu()


def normalised_filters(filters: Tensor, *, quantile: float = 1.0) -> Tensor:
    """Each filter divided by its largest absolute weight: (O, I, h, w) in [-1, 1], where 0 stays 0; a filter of zeros stays one.

    One scale per filter, because batch norm makes the size of a filter meaningless; the input channels of a filter share
    it, since their proportions mean something.

    Args:
        quantile: of the absolute weights, that becomes 1; what is larger is cut, so that a few weights do not hide the others.
    """
    largest = filters.abs().flatten(1).quantile(quantile, dim=1).view(-1, 1, 1, 1)
    return (filters / torch.where(largest > 0, largest, torch.ones_like(largest))).clamp(-1, 1)


def colour_filters(filters: Tensor) -> Tensor:
    """Filters of an RGB image as pictures: (O, 3, h, w) in [0, 1], where 0.5 (grey) is a weight of 0.

    Raises:
        DataError: they look at other than three channels.
    """
    if filters.shape[1] != 3:
        raise DataError(f"only filters of three input channels can be drawn in colour, these have {filters.shape[1]}")
    return 0.5 + 0.5 * normalised_filters(filters)


def strongest_filters(filters: Tensor, num: int) -> list[int]:
    """The `num` output channels whose filters have the largest weights in all (root of the sum of squares), in ascending order."""
    norms = filters.flatten(1).norm(dim=1)
    return sorted(norms.topk(min(num, len(filters))).indices.tolist())


def mosaic(kernels: Tensor, *, columns: int, zoom: int = 3) -> Tensor:
    """Kernels (I, h, w) side by side in one matrix, row after row, with lines of NaN between them; a weight takes zoom x zoom cells."""
    num, height, width = (len(kernels), *(zoom * side for side in kernels.shape[1:]))
    rows = -(-num // columns)
    sheet = torch.full((rows * (height + 1) - 1, columns * (width + 1) - 1), torch.nan)
    for i, kernel in enumerate(kernels):
        top, left = i // columns * (height + 1), i % columns * (width + 1)
        sheet[top : top + height, left : left + width] = kernel.repeat_interleave(zoom, 0).repeat_interleave(zoom, 1)
    return sheet
