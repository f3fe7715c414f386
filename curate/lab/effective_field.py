"""The effective receptive field: how much each pixel really moves a unit, by the gradient.

A unit may see a large square in theory; in fact the pixels in its middle count most, as a bell does, and those at the rim next
to nothing.

Source: Luo, Li, Urtasun & Zemel, Understanding the Effective Receptive Field in Deep CNNs, arXiv:1701.04128.
"""

import math
import re
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from curate.errors import DataError
from curate.lab.counted import Layer, field_text
from curate.lab.figure import ORANGE, SEQUENTIAL, add_bar, new_figure, styled
from curate.lab.figure_images import show_image
from curate.lab.layers import evaluating, find_layer
from curate.lab.tracing import Record
from curate.progress import Progress, silent

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COUNTS = 1 - 0.9545
"""A pixel counts where its gradient is at least this part of the largest: within two deviations of a bell."""


def effective_fields(
    net: nn.Module, layers: Sequence[str], images: Tensor, *, progress: Progress = silent
) -> dict[str, NDArray[np.float64]]:
    """For each layer, how much each pixel moves its unit in the middle: mean over images of the gradient's size, largest 1.

    The gradient is that of the sum over the layer's channels; its size is added up over the image's channels. The net is in
    evaluation mode meanwhile.

    Args:
        net: any net; with random weights it tells of the architecture, with trained ones of what was learned.
        layers: their names; such that put out maps (B, M, h, w).
        images: (B, C, H, W) on the net's device, as the net takes them; noise will do.

    Returns:
        (H, W) each, 0..1; all 0 where the unit answers to nothing.

    Raises:
        UnknownNameError: there is no such layer.
        DataError: it puts out no maps, or the forward pass never reaches it.
    """
    modules = {layer: find_layer(net, layer) for layer in layers}
    outputs: dict[str, Tensor] = {}
    handles: list[Any] = []
    try:
        for layer, module in modules.items():

            def keep(_module: nn.Module, _inputs: object, output: Tensor, layer: str = layer) -> None:
                outputs[layer] = output * 1  # a copy in the graph: the next layer may work in place

            handles.append(module.register_forward_hook(keep))
        x = images.detach().clone().requires_grad_()
        with evaluating(net), torch.enable_grad():
            net(x)
    finally:
        for handle in handles:
            handle.remove()
    found = {}
    for i, layer in enumerate(layers):
        found[layer] = _gradient_sizes(layer, outputs.get(layer), x)
        progress("effective fields", i + 1, len(layers), layer)
    return found


def _gradient_sizes(layer: str, maps: Tensor | None, x: Tensor) -> NDArray[np.float64]:
    if maps is None or maps.ndim != 4:
        found = "is never reached" if maps is None else f"puts out {tuple(maps.shape)}"
        raise DataError(f"layer '{layer}' {found}; a receptive field needs maps (B, M, h, w)")
    middle = maps[:, :, maps.shape[2] // 2, maps.shape[3] // 2].sum()
    (gradient,) = torch.autograd.grad(middle, x, retain_graph=True)
    sizes = gradient.abs().sum(1).mean(0).double().cpu().numpy()  # (H, W)
    return sizes / (sizes.max() or 1.0)


def effective_size(field: NDArray[np.float64]) -> float:
    """The side of a square with as many pixels as count in `field`."""
    return math.sqrt(int((field >= COUNTS).sum())) if field.max() > 0 else 0.0


def windowed_layers(net: nn.Module, layers: Sequence[Layer]) -> list[str]:
    """The convolutions and poolings among the layers of a net that are called once, and whose units see a part of the image."""
    names, calls = dict(net.named_modules()), Counter(layer.name for layer in layers)
    found = []
    for layer in layers:
        is_module = type(names.get(layer.name)).__name__ == layer.kind and calls[layer.name] == 1  # no function, and called once
        has_places = layer.receptive_field is not None and layer.receptive_field.is_map and not layer.receptive_field.is_whole
        if is_module and has_places and re.search("conv|pool", layer.kind.lower()):
            found.append(layer.name)
    return found


def layers_by_stride(net: nn.Module, records: Sequence[Record]) -> list[str]:
    """The last layer with maps before each change of their size, among the records of a forward pass."""
    names = dict(net.named_modules())
    found: dict[tuple[int, ...], str] = {}
    for record in records:
        is_module = type(names.get(record.name)).__name__ == record.kind  # and no function of that name
        if is_module and len(record.output_shape) == 4 and record.receptive_field and record.receptive_field.is_map:
            found[record.output_shape[2:]] = record.name
    return list(found.values())


@styled
def effective_field_figure(found: dict[str, NDArray[np.float64]], records: Sequence[Record], *, title: str) -> "Figure":
    """The effective field of the unit in the middle of each layer, within the square that it sees in theory.

    Colour is the square root of the gradient's size, so that weak pixels show too.

    Args:
        found: of `effective_fields`.
        records: of `curate.lab.tracing.trace` for such images.
    """
    by_name = {record.name: record for record in records if len(record.output_shape) == 4}
    names = list(found)
    columns = min(len(names), 3)
    rows = math.ceil(len(names) / columns)
    figure, axes = new_figure(rows, columns, width=3.1 * columns + 1, height=3.5 * rows + 1.0, title=title)
    for place, name in zip(axes.flat, names, strict=False):
        record = by_name[name]
        drawn = show_image(place, np.sqrt(found[name]), cmap=SEQUENTIAL, vmin=0, vmax=1)
        seen, effective = record.receptive_field, effective_size(found[name])
        height, width = found[name].shape
        beyond = seen is not None and (seen.size[0] > height or seen.size[1] > width)
        cut = f"\ncut by the image of {height}×{width}" if beyond else ""
        place.set_title(f"{name}\ntheory {field_text(seen)}, effective {effective:.0f}×{effective:.0f}{cut}", fontsize=9)
        if seen is not None:
            _outline(place, seen.box(record.output_shape[2] // 2, record.output_shape[3] // 2, (height, width)))
    for place in list(axes.flat)[len(names) :]:
        place.set_axis_off()
    add_bar(figure, drawn, axes, "how much a pixel moves the unit: √ of the gradient, largest 1")
    from matplotlib.lines import Line2D

    line = Line2D([], [], color=ORANGE, linewidth=1.6, label=f"the square seen in theory, cut at the border of the {height}×{width} pixels")
    figure.legend(handles=[line], loc="outside lower center")
    return figure


def _outline(place: "Axes", box: tuple[int, int, int, int]) -> None:
    from matplotlib.patches import Rectangle

    top, bottom, left, right = box
    place.add_patch(Rectangle((left - 0.5, top - 0.5), right - left, bottom - top, fill=False, color=ORANGE, linewidth=1.6, clip_on=False))
