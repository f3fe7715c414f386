"""Activations projected back to pixels: which pixels made a unit, or a class, answer so; by guided backpropagation or deconvolution.

Both walk back from one number to the image, as a gradient does, and treat ReLU in a way of their own:

    gradient        passes where the unit was above 0 on the way forward
    deconvolution   passes what is above 0 on the way back
    guided          passes where both are so

Sources: Zeiler & Fergus 2014, arXiv:1311.2901; Springenberg et al. 2015, arXiv:1412.6806.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from curate.errors import DataError, UnknownNameError
from curate.lab.layers import evaluating, find_layer

WAYS = ("guided", "deconvolution", "gradient")
TOPS: dict[Any, float] = {F.relu: torch.inf, torch.relu: torch.inf, Tensor.relu: torch.inf, F.relu6: 6.0}
TOPS |= {function: torch.inf for function in (F.relu_, torch.relu_, Tensor.relu_)}
"""Functions that cut off what is below 0, and what they cut off above."""


class _Rectified(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, top: float, way: str) -> Tensor:
        ctx.save_for_backward((x > 0) & (x < top))
        ctx.way = way
        return x.clamp(0, top)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Any:
        (passed,) = ctx.saved_tensors
        grad = grads[0]
        if ctx.way != "gradient":
            grad = grad.clamp(min=0)
        return (grad if ctx.way == "deconvolution" else grad * passed), None, None


class Rectifying(TorchFunctionMode):
    """Within, every ReLU of a forward pass is walked back in the given way; `num` tells how many there were."""

    def __init__(self, way: str) -> None:
        super().__init__()
        self.way, self.num = way, 0

    def __torch_function__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        if func in (F.hardtanh, F.hardtanh_):  # as which ReLU6 is computed
            x, low, high = (*args, *(-1.0, 1.0)[len(args) - 1 :])[:3]
            low, high = (kwargs or {}).get("min_val", low), (kwargs or {}).get("max_val", high)
            if low == 0:
                self.num += 1
                return _Rectified.apply(x, float(high), self.way)
        if func in TOPS:
            self.num += 1
            return _Rectified.apply(args[0] if args else (kwargs or {})["input"], TOPS[func], self.way)
        return func(*args, **(kwargs or {}))


def project(net: nn.Module, x: Tensor, layer: str, channels: Sequence[int], way: str = "guided") -> list[Tensor]:
    """The strongest activation of each of some channels of `layer`, projected back to the pixels of an image.

    Args:
        net: in evaluation mode meanwhile.
        x: (C, H, W) float, as the net takes it.
        layer: one that puts out maps.
        channels: which maps.
        way: one of WAYS.

    Returns:
        For each channel (C, H, W) float32 on the CPU.

    Raises:
        UnknownNameError: there is no such layer or way.
        DataError: the layer puts out no maps, or the forward pass never reaches it.
    """
    _check(way)
    kept: list[Tensor] = []
    handle = find_layer(net, layer).register_forward_hook(lambda _module, _inputs, output: kept.append(output.clone()))
    image = x[None].detach().clone().requires_grad_(True)
    try:
        with evaluating(net), torch.enable_grad(), Rectifying(way):
            net(image)
    finally:
        handle.remove()
    if not kept or kept[0].ndim != 4:
        raise DataError(f"layer '{layer}' puts out no maps for this image; take a convolution or a pooling")
    strongest = [kept[0][0, channel].max() for channel in channels]
    return [torch.autograd.grad(value, image, retain_graph=True)[0][0].float().cpu() for value in strongest]


def project_value(value_of: Any, x: Tensor, way: str) -> Tensor:
    """A number that a net makes of an image, projected back: (C, H, W) float32 on the CPU.

    Args:
        value_of: from an image (1, C, H, W) to one number.
        x: (C, H, W).

    Raises:
        UnknownNameError: there is no such way.
    """
    _check(way)
    image = x[None].detach().clone().requires_grad_(True)
    with torch.enable_grad(), Rectifying(way):
        value = value_of(image)
    (found,) = torch.autograd.grad(value, image)
    return found[0].float().cpu()


def _check(way: str) -> None:
    if way not in WAYS:
        raise UnknownNameError.of("way back", way, WAYS)


def shown(projected: Tensor) -> Tensor:
    """A projection (C, H, W) as a picture in [0, 1], where 0.5 (grey) is nothing; the largest 0.2 % are cut."""
    sizes = projected.abs().flatten()
    largest = float(sizes.kthvalue(max(1, round(0.998 * len(sizes)))).values) or float(sizes.max()) or 1.0
    return (0.5 + 0.5 * projected / largest).clamp(0, 1)
