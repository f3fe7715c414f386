"""Figures of a photograph in a published net: its answer, the maps of every layer, the evidence, and activations back in pixels."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from curate.lab.figure import BLUE, GREY, ORANGE, new_figure, noted, styled
from curate.lab.figure_images import show_image
from curate.lab.saliency import overlay
from curate.lab.seeing_figures import add_evidence_bar, layer_labels, liveliest
from curate.lab.sheet import coloured, sheet_figure
from curate.lab.walk_back import shown

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MAPS_IN_A_ROW = 8
MOST_ROWS = 32


@styled
def prediction_figure(image: NDArray[np.uint8], answers: Sequence[tuple[str, float]], *, model: str, is_random: bool) -> "Figure":
    """The photograph as the net gets it, and its five likeliest classes as bars."""
    title = f"{model} takes it for: {answers[0][0]}" if not is_random else f"{model} with random weights: its answer means nothing"
    figure, axes = new_figure(1, 2, width=9.2, height=3.8, width_ratios=(1, 1.25), title=title)
    show_image(axes[0, 0], image, f"what the net gets\n{' × '.join(map(str, image.shape))}")
    bars = axes[0, 1]
    names, probs = [name for name, _ in answers][::-1], [100 * p for _, p in answers][::-1]
    bars.barh(range(len(names)), probs, color=[BLUE] * (len(names) - 1) + [ORANGE], height=0.66)
    for row, p in enumerate(probs):
        bars.text(p + 1.5, row, f"{p:.1f} %", va="center", fontsize=9, color=GREY)
    bars.set_yticks(range(len(names)), names, fontsize=9)
    bars.set_xlim(0, 118)
    bars.set_xticks([0, 50, 100])
    bars.set_xlabel("probability, %; the five likeliest of 1,000 classes")
    return figure


@styled
def maps_of_all_layers_figure(
    image: NDArray[np.uint8], layers: Mapping[str, Tensor], *, name: str, model: str, kinds: Mapping[str, str] | None = None
) -> "Figure":
    """The liveliest maps of every convolution and pooling: a row for each, on one scale per row, from the image down to the answer."""
    names = list(layers)
    if len(names) > MOST_ROWS:
        names = [names[i] for i in sorted({round(k) for k in np.linspace(0, len(names) - 1, MOST_ROWS)})]
    chosen = {layer: liveliest(layers[layer], MAPS_IN_A_ROW) for layer in names}
    rows = [[coloured(layers[layer][channel], layers[layer]) for channel in chosen[layer]] for layer in names]
    labels = layer_labels({layer: layers[layer] for layer in names}, kinds)
    under = [[f"map {channel}" for channel in chosen[layer]] for layer in names]
    few = "" if len(names) == len(layers) else f". {len(names)} of {len(layers)} layers"
    note = f"Each row is a layer: the {MAPS_IN_A_ROW} maps that vary most, on one scale. Red is above 0, blue below, white is 0{few}"
    figure = sheet_figure(image, rows, labels, under, title=f"{name} on its way through {model}")
    return noted(figure, note)


WAYS = {
    "gradcam": ("Grad-CAM", "where the last layers saw it"),
    "guided": ("guided backpropagation", "which edges spoke for it"),
    "deconvolution": ("deconvolution", "what comes back to the pixels"),
}


@styled
def evidence_figure(
    image: NDArray[np.uint8], heats: Mapping[str, Tensor], *, class_name: str, probability: float, is_random: bool
) -> "Figure":
    """The photograph, and what speaks for its class by several methods."""
    title = f"Why {class_name}? ({100 * probability:.1f} %)" + (" Random weights: it means nothing" if is_random else "")
    figure, axes = new_figure(1, 1 + len(heats), width=2.75 * (1 + len(heats)) + 0.9, height=3.7, title=title)
    show_image(axes[0, 0], image, "what the net gets")
    for place, (way, heat) in zip(axes[0, 1:], heats.items(), strict=True):
        name, says = WAYS[way]
        show_image(place, overlay(image, _visible(heat.numpy()), side=336), name)
        place.set_xlabel(says, color=GREY)
    add_evidence_bar(figure, axes)
    others = "the others: red and blue where a brighter or a darker pixel would make it likelier"
    return noted(figure, f"Grad-CAM: red speaks for the class; {others}. Each picture is on its own scale")


def _visible(heat: NDArray[np.float32]) -> NDArray[np.float32]:
    """Heat whose largest 0.5 % are cut, so that a few pixels do not hide the others."""
    top = float(np.quantile(np.abs(heat), 0.995)) or 1.0
    return (heat / top).clip(-1, 1)


@styled
def projection_figure(image: NDArray[np.uint8], rows: Mapping[str, Mapping[int, tuple[Tensor, Tensor]]]) -> "Figure":
    """For some layers, the strongest activations back in pixels: the part of the image, guided, and by deconvolution; grey is nothing."""
    pictures, labels, under = [], [], []
    for layer, found in rows.items():
        boxes = [box_of(guided) for guided, _ in found.values()]
        pictures.append([np.moveaxis(image, 0, 2)[box] for box in boxes])
        labels.append(f"{layer}\nthe image there")
        under.append([f"map {channel}" for channel in found])
        for way, name in enumerate(("guided\nbackpropagation", "deconvolution")):
            both = [np.round(255 * shown(ways[way]).numpy()).astype(np.uint8).transpose(1, 2, 0) for ways in found.values()]
            pictures.append([picture[box] for picture, box in zip(both, boxes, strict=True)])
            labels.append(name)
            under.append([])
    figure = sheet_figure(image, pictures, labels, under, title="Activations back in pixels")
    return noted(figure, "The strongest place of each map, walked back to the pixels that it answered to, cut out. Grey is nothing")


SMALLEST_BOX = 24
"""Pixels on a side of what is cut out of an image."""


def box_of(projected: Tensor) -> tuple[slice, slice]:
    """The square of an image (C, H, W) that holds nearly all of a projection; all of the image where that is much of it."""
    sizes = projected.abs().amax(0).numpy()  # (H, W)
    rows, columns = np.nonzero(sizes > 0.05 * sizes.max()) if sizes.max() > 0 else np.nonzero(sizes == 0)
    height, width = sizes.shape
    side = max(SMALLEST_BOX, int(np.ptp(rows)) + 5, int(np.ptp(columns)) + 5)
    if side > 0.7 * min(height, width):
        return slice(0, height), slice(0, width)
    middle = (rows.min() + rows.max()) // 2, (columns.min() + columns.max()) // 2
    top, left = (int(np.clip(place - side // 2, 0, edge - side)) for place, edge in zip(middle, (height, width), strict=True))
    return slice(top, top + side), slice(left, left + side)
