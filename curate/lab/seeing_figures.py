"""Figures of what a net has learnt and what it sees: filters, maps, exciting images, evidence for labels."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from curate.lab.excitation import Excitation, check_channels
from curate.lab.figure import BLACK, DIVERGING, FAINT, GREY, ORANGE, add_bar, new_figure, noted, styled
from curate.lab.figure_images import image_grid, show_image, show_tiles
from curate.lab.layers import colour_filters, conv_layers, layer_filters, mosaic, normalised_filters, strongest_filters
from curate.lab.run_saliency import Evidence, SampleSaliency
from curate.lab.saliency import overlay
from curate.lab.sheet import coloured, scale_of, sheet_figure
from curate.lab.visible import Visible

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

MOST_FILTERS, MOST_COLOURED, MOST_KERNELS = 24, 64, 64
MOST_MAPS, MAPS_PER_LAYER = 64, 8


@styled
def filters_figure(net: nn.Module, layer: str, *, is_random: bool = False) -> "Figure":
    """The filters of a convolution, each on its own scale; of many, those with the largest weights.

    Filters over three channels are drawn in colour, others as weights from blue (negative) to red (positive): one input
    channel as one kernel, several as a mosaic of one kernel for each.

    Args:
        is_random: the net has learned nothing, and the title says so.

    Raises:
        UnknownNameError: there is no such layer.
        DataError: it is no convolution.
    """
    filters = layer_filters(net, layer)
    num, inputs, height, width = filters.shape
    chosen = strongest_filters(filters, MOST_FILTERS if inputs > 3 else MOST_COLOURED)
    of = f"{num} filters" if len(chosen) == num else f"The {len(chosen)} of {num} filters with the largest weights,"
    convolutions = list(conv_layers(net))
    of = f"Convolution {convolutions.index(layer) + 1} of {len(convolutions)}. {of}"
    grid: dict[str, Any] = {
        "titles": [f"filter {i}" for i in chosen],
        "title": f"{'Random' if is_random else 'Learned'} filters of layer {layer}",
        "columns": _columns(len(chosen)),
    }
    if inputs == 3:
        figure = image_grid(list(colour_filters(filters)[chosen]), cell=0.9, **grid)
        says = "each answers most to its own colours; grey is a weight of 0"
        return noted(figure, f"{of} of {height} × {width} over red, green and blue: {says}")
    grid.update(cmap=DIVERGING, vmin=-1, vmax=1, bar="weight, each filter on its own scale")
    if inputs == 1:
        says = "red: a bright pixel there raises the answer, blue: it lowers it"
        return noted(image_grid(list(normalised_filters(filters)[chosen]), cell=1.1, **grid), f"{of} of {height} × {width}; {says}")
    columns = math.ceil(math.sqrt(min(inputs, MOST_KERNELS)))
    scaled = normalised_filters(filters, quantile=0.99)[chosen]
    figure = image_grid([mosaic(_strongest_kernels(kernels), columns=columns) for kernels in scaled], **grid)
    kernels_of = f"its {inputs} kernels" if inputs <= MOST_KERNELS else f"the {MOST_KERNELS} strongest of its {inputs} kernels"
    return noted(figure, f"{of} of {height} × {width}. Each is a mosaic of {kernels_of}, one for each input channel")


@styled
def maps_figure(image: NDArray[np.uint8], maps: Tensor, layer: str, *, name: str) -> "Figure":
    """The maps of one layer for one image, all on one scale; of many, those that vary most.

    Args:
        image: (C, H, W).
        maps: (M, h, w).
        name: of the image, for the title.
    """
    chosen = liveliest(maps, MOST_MAPS)
    cmap, vmin, vmax = scale_of(maps)
    columns = _columns(len(chosen) + 1)
    rows = math.ceil((len(chosen) + 1) / columns)
    figure, axes = new_figure(width=max(3.5, 1.1 * columns + 0.9), height=1.3 * rows + 0.6, title=f"What layer {layer} sees in {name}")
    tiles = [_on_page(image), *(maps[channel] for channel in chosen)]
    titles = ["image", *(f"map {channel}" for channel in chosen)]
    *_, drawn = show_tiles(axes[0, 0], tiles, titles, columns=columns, cmap=cmap, vmin=vmin, vmax=vmax, cell=1.0)
    add_bar(figure, drawn, axes, "output")
    _, height, width = maps.shape
    of = f"{len(maps)} maps" if len(chosen) == len(maps) else f"The {len(chosen)} of {len(maps)} maps that vary most,"
    return noted(figure, f"{of} of {height} × {width}, on one scale: red above 0, blue below")


@styled
def depth_figure(image: NDArray[np.uint8], layers: Mapping[str, Tensor], *, name: str, kinds: Mapping[str, str] | None = None) -> "Figure":
    """The liveliest maps of several layers for one image: a row for each layer, on a scale of its own.

    Rows that follow each other with as many maps, such as a convolution and its pooling, show the same ones.

    Args:
        image: (C, H, W).
        layers: maps (M, h, w) by layer, in forward order.
        name: of the image, for the title.
        kinds: what layers are, such as `convolution`, by layer.
    """
    channels = followed(layers)
    rows = [[coloured(maps[channel], maps) for channel in channels[layer]] for layer, maps in layers.items()]
    names = [[f"map {channel}" for channel in channels[layer]] for layer in layers]
    figure = sheet_figure(image, rows, layer_labels(layers, kinds), names, title=f"What the net sees in {name}")
    most = max(map(len, rows))
    which = "those that vary most, and the same in rows that follow each other with as many maps"
    return noted(figure, f"Up to {most} maps of each layer: {which}. Every row has its own scale: red above 0, blue below")


def layer_labels(layers: Mapping[str, Tensor], kinds: Mapping[str, str] | None = None) -> list[str]:
    """Name, kind if there is one, and shape of the maps of each layer, one below the other."""
    lines = [(layer, (kinds or {}).get(layer, ""), " × ".join(map(str, maps.shape))) for layer, maps in layers.items()]
    return ["\n".join(line for line in each if line) for each in lines]


def followed(layers: Mapping[str, Tensor]) -> dict[str, list[int]]:
    """The same maps for layers that follow each other with as many of them: those that vary most in the last of these."""
    chosen: dict[str, list[int]] = {}
    for layer in reversed(list(layers)):
        later = list(chosen.values())[-1] if chosen else None
        same = later is not None and len(layers[layer]) == len(layers[list(chosen)[-1]])
        chosen[layer] = later if same and later is not None else liveliest(layers[layer], MAPS_PER_LAYER)
    return chosen


@styled
def excitation_figure(images: NDArray[np.uint8], found: Excitation, seen: Visible, channels: Sequence[int]) -> "Figure":
    """What excites channels of a layer most: a row of patches for each, as large as a place of the layer can see.

    One channel alone gets a second row with the whole images and a frame around what the place sees.

    Args:
        images: (N, C, H, W), those that were searched.
        found: by `most_exciting`.
        seen: of the same layer.
        channels: which.

    Raises:
        UsageError: the layer has no such channel.
    """
    check_channels(found.layer, channels, len(found.values))
    whole = seen.size == seen.image_size
    num = found.indices.shape[1]
    what = f"channel {channels[0]} of layer {found.layer}" if len(channels) == 1 else f"channels of layer {found.layer}"
    tiles = [
        _on_page(images[i] if whole else seen.patch(images[i], tuple(place)))
        for channel in channels
        for i, place in zip(found.indices[channel], found.places[channel], strict=True)
    ]
    titles = [f"{value:.2f}" for channel in channels for value in found.values[channel]]
    labels = [f"channel {channel}" for channel in channels] if len(channels) > 1 else ()
    alone = len(channels) == 1 and not whole
    if alone:
        tiles += [_on_page(images[i]) for i in found.indices[channels[0]]]
        titles += [""] * num
    size = {"width": max(4.5, 1.05 * num + 0.8), "height": 1.2 * (len(channels) + alone) + 0.6}
    figure, axes = new_figure(title=f"What excites {what} most", **size)
    drawn = show_tiles(axes[0, 0], tiles, titles, columns=num, labels=labels, cell=1.0)
    for image, place in zip(drawn[num:] if alone else (), found.places[channels[0]], strict=False):
        _frame(axes[0, 0], image, seen, tuple(place))
    height, width = seen.size
    field = "A place of this layer can see the whole image" if whole else f"A place of this layer sees {height} × {width} pixels"
    framed = ", framed in the images below" if alone else ""
    of = f"{len(channels)} of {len(found.values)} channels. " if 1 < len(channels) < len(found.values) else ""
    return noted(figure, f"{of}{field}{framed}; above each patch the value of the channel's map there. Faint grey is beyond the border")


@styled
def saliency_figure(found: SampleSaliency) -> "Figure":
    """A sample, the evidence for its given and for its suggested label, and how sure the net is of each."""
    given, other = found.given, found.suggested
    agrees = given is not None and given.probability >= other.probability
    title = f"Why {other.class_name}?"
    if given is not None:
        title = (
            f"Why {given.class_name} rather than {other.class_name}?"
            if agrees
            else f"Why {other.class_name} rather than {given.class_name}?"
        )
    shown: list[tuple[str, Evidence]] = [("next likely" if agrees else "suggested", other)]
    if given is not None:
        shown.insert(0, ("given", given))
    figure, axes = new_figure(1, 1 + len(shown), width=2.7 * (1 + len(shown)) + 0.9, height=3.6, title=title)
    show_image(axes[0, 0], found.image, found.sample_id)
    for place, (kind, evidence) in zip(axes[0, 1:], shown, strict=True):
        show_image(
            place, overlay(found.image, evidence.heat, side=336), f"{kind}: {evidence.class_name}, {100 * evidence.probability:.0f} %"
        )
        place.set_xlabel(f"red speaks for {evidence.class_name}, blue against", color=GREY)
    add_evidence_bar(figure, axes)
    return noted(figure, f"The net of fold {found.fold}, {_SEEN[found.has_seen]}. {_METHOD[found.method]}")


_SEEN = {False: "which never saw this image", True: "which was trained on this image: the run kept no other net"}
_METHOD = {
    "occlusion": "Parts of the image are hidden in turn: red where the label needs what is there",
    "gradients": "Integrated gradients: red where brighter or darker pixels than usual make the label likelier",
    "gradcam": "Grad-CAM of the last maps, which shows only what speaks for a label",
    "guided": "Guided backpropagation: red and blue where brighter or darker pixels would make the label likelier",
    "deconvolution": "Deconvolution: what of the answer comes back through the layers to each pixel",
}


def add_evidence_bar(figure: "Figure", axes: NDArray) -> None:
    """The colours of evidence beside `axes`: red for a class, blue against it."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    bar = figure.colorbar(ScalarMappable(Normalize(-1, 1), DIVERGING), ax=axes, fraction=0.03, pad=0.02, shrink=0.7, ticks=[-1, 0, 1])
    bar.ax.set_yticklabels(["against", "0", "for"])
    bar.outline.set_visible(False)  # type: ignore[operator]


def _columns(num: int) -> int:
    """Columns of a grid of `num` cells: about twice as wide as high, and without gaps in the last row where that can be."""
    wanted = math.sqrt(2 * num)
    whole = [columns for columns in range(1, num + 1) if num % columns == 0 and num <= columns**2 <= 4 * num]
    return min(whole, key=lambda columns: abs(columns - wanted), default=math.ceil(wanted))


def _strongest_kernels(kernels: Tensor) -> Tensor:
    """Up to MOST_KERNELS of the kernels (I, h, w)."""
    return kernels[strongest_filters(kernels[:, None], MOST_KERNELS)]


def liveliest(maps: Tensor, num: int) -> list[int]:
    """The `num` maps of (M, h, w) with the largest deviation from their own mean, in ascending order."""
    return sorted(maps.float().flatten(1).std(dim=1, correction=0).topk(min(num, len(maps))).indices.tolist())


def _on_page(patch: NDArray) -> NDArray[np.uint8]:
    """(C, h, w) in 0..255, C = 1 or 3, as (3, h, w) uint8, faint grey where it is not a number."""
    from matplotlib.colors import to_rgb

    faint = 255 * np.array(to_rgb(FAINT))[:, None, None]
    return np.where(np.isnan(patch), faint, patch).astype(np.uint8)


def _frame(axes: "Axes", image: "AxesImage", seen: Visible, place: tuple[int, int]) -> None:
    """A frame around what the place (row, column) of the maps sees of `image`, drawn in `axes`."""
    from matplotlib.patches import Rectangle

    (top, bottom), (left, right) = seen.rows[place[0]], seen.columns[place[1]]
    x, end, _, y = image.get_extent()
    pixel = (end - x) / image.get_array().shape[1]  # type: ignore[union-attr]
    corner, sides = (x + pixel * left, y + pixel * top), (pixel * (right - left), pixel * (bottom - top))
    for colour, width in ((BLACK, 2.4), (ORANGE, 1.4)):
        axes.add_patch(Rectangle(corner, *sides, fill=False, edgecolor=colour, linewidth=width))
