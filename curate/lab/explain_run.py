"""explain: pictures of what a run's nets have learnt and what they see, written as files."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from curate.data.image_set import ImageSet
from curate.data.pixels import quiet_pillow, read_pixels
from curate.errors import DataError
from curate.judge.fold_nets import RunNets, net_file
from curate.judge.models.weights import load_weights
from curate.lab.excitation import check_channels, most_exciting
from curate.lab.figure import check_picture_path, save
from curate.lab.layers import conv_layers, feature_maps, kind_of_layer
from curate.lab.run_saliency import explain_sample
from curate.lab.seeing_figures import depth_figure, excitation_figure, filters_figure, maps_figure, saliency_figure
from curate.lab.tracing import maps_of_layers
from curate.lab.visible import last_local_layer, visible
from curate.progress import Progress, silent
from curate.run import Run

BATCH = 500
NUM_LAYERS = 8  # rows of a picture of all layers
NUM_CHANNELS = 8  # rows of a picture of several channels
NUM_SEARCHED = 5_000
"""Images that are searched for exciting ones by default: a second's work for a small net."""


def picture_of_filters(run: Run, *, layer: str | None = None, to: Path | None = None) -> dict:
    """Draws the learned filters of a convolution, by default the first.

    Args:
        layer: its name.
        to: the file, .png, .svg or .pdf; by default in the folder `pictures` of the run.

    Raises:
        RunError: the run kept no net.
        UnknownNameError, DataError: there is no such layer, or it is no convolution.
        UsageError: another ending.
    """
    path = _path(run, to, "filters", layer or "first")
    net = load_weights(net_file(run))
    layer = layer or next(iter(conv_layers(net)))
    figure = filters_figure(net, layer)
    return {"layer": layer, "layers": list(conv_layers(net)), "picture": save(figure, path)}


def picture_of_maps(run: Run, image_set: ImageSet, subject: str, *, layer: str | None = None, to: Path | None = None) -> dict:
    """Draws what a layer puts out for an image, or some of it for several layers.

    Args:
        subject: a sample id of the run, or an image file, which is squeezed to the size of the run's images.
        layer: its name; by default up to eight convolutions and poolings, from the first to the last.
        to: as in `picture_of_filters`.

    Raises:
        DataError: it is neither a sample nor an image; there is no such layer, or it has no maps.
        RunError: the run kept no net.
        UsageError: another ending.
    """
    path = _path(run, to, "maps", subject, layer or "all")
    nets = RunNets(run, image_set)
    position = nets.position(subject) if subject in nets else None
    image = image_set.images[position] if position is not None else _image_file(nets, subject)
    judge = nets.fold_net() if position is None else nets.judge(position)
    x = judge.normalised(image[None])
    name = subject if position is not None else Path(subject).name
    if layer is None:
        maps = maps_of_layers(judge.net, x[0])
        layers = _spread(list(maps), NUM_LAYERS)
        kinds = {each: kind_of_layer(judge.net, each) for each in layers}
        figure = depth_figure(image, {each: maps[each] for each in layers}, name=name, kinds=kinds)
    else:
        layers = [layer]
        figure = maps_figure(image, feature_maps(judge.net, x, layer)[0], layer, name=name)
    return {"image": subject, "layers": layers, "fold": judge.fold, "picture": save(figure, path)}


def picture_of_excitation(
    run: Run,
    image_set: ImageSet,
    *,
    layer: str | None = None,
    channel: int | None = None,
    limit: int | None = None,
    to: Path | None = None,
    progress: Progress = silent,
) -> dict:
    """Draws the patches of the run's images that excite a channel of a layer most.

    Args:
        layer: its name; by default the last convolution that does not see the whole image.
        channel: which; by default the first eight.
        limit: search at most that many images, evenly spaced over the dataset; by default NUM_SEARCHED.
        to: as in `picture_of_filters`.

    Raises:
        UsageError: there is no such channel; another ending.
        UnknownNameError, DataError: there is no such layer, or it has no maps.
        RunError: the run kept no net.
    """
    path = _path(run, to, "excite", layer or "default", "some" if channel is None else str(channel))
    judge = RunNets(run, image_set).fold_net()
    x = judge.normalised(image_set.images[:1])
    layer = layer or last_local_layer(judge.net, x)
    num_channels = feature_maps(judge.net, x, layer).shape[1]
    channels = list(range(min(NUM_CHANNELS, num_channels))) if channel is None else [channel]
    check_channels(layer, channels, num_channels)
    seen = visible(judge.net, x, layer)
    positions = np.linspace(0, len(image_set) - 1, min(limit or NUM_SEARCHED, len(image_set))).astype(int)

    def batches() -> Iterator[Tensor]:
        for start in range(0, len(positions), BATCH):
            progress("search images", start, len(positions))
            yield judge.normalised(image_set.images[positions[start : start + BATCH]])
        progress("search images", len(positions), len(positions))

    found = most_exciting(judge.net, batches(), layer)
    found = replace(found, indices=positions[found.indices])
    figure = excitation_figure(image_set.images, found, seen, channels)
    return {
        "layer": layer,
        "num_images": len(positions),
        "dataset_size": len(image_set),
        "patch_size": list(seen.size),
        "sample_ids": [] if channel is None else image_set.sample_ids[found.indices[channel]].tolist(),
        "picture": save(figure, path),
    }


def picture_of_saliency(run: Run, image_set: ImageSet, sample_id: str, *, method: str = "auto", to: Path | None = None) -> dict:
    """Draws what in an image speaks for its given and for its suggested label.

    Args:
        sample_id: of the run.
        method: see `curate.lab.saliency`.
        to: as in `picture_of_filters`.

    Raises:
        DataError: there is no such sample.
        UsageError: there is no such method; another ending.
        RunError: the run kept no net.
        DependencyError: captum is not installed.
    """
    path = _path(run, to, "saliency", sample_id)
    found = explain_sample(RunNets(run, image_set), sample_id, method=method)
    labels = {"given": found.given, "suggested": found.suggested}
    return {
        "sample_id": sample_id,
        **{f"{kind}_label": None if evidence is None else evidence.class_name for kind, evidence in labels.items()},
        **{f"{kind}_confidence": None if evidence is None else evidence.probability for kind, evidence in labels.items()},
        "method": found.method,
        "fold": found.fold,
        "net_has_seen_it": found.has_seen,
        "picture": save(saliency_figure(found), path),
    }


def _path(run: Run, to: Path | None, *parts: str) -> Path:
    """Where the picture goes; checked before any work is done."""
    if to is None:
        return run.path / "pictures" / f"{'-'.join(re.sub(r'[^A-Za-z0-9._]+', '-', part).strip('-.') for part in parts)}.png"
    check_picture_path(to)
    return to


def _image_file(nets: RunNets, subject: str) -> NDArray[np.uint8]:
    """The image file `subject`, (C, H, W), made like the images of the run.

    Raises:
        DataError: there is none, or it is no image; or the run's images are no squares.
    """
    if not Path(subject).is_file():
        try:
            nets.position(subject)
        except DataError as error:
            raise DataError(f"{error}; and there is no image file of that name") from error
    channels, height, width = nets.image_set.images.shape[1:]
    if height != width or channels not in (1, 3):
        raise DataError(
            f"image files can be shown to a net of square grey or colour images only; those of the run are {channels} x {height} x {width}"
        )
    with quiet_pillow():
        return read_pixels(subject, mode="L" if channels == 1 else "RGB", size=height)


def _spread(names: list[str], num: int) -> list[str]:
    """Up to `num` of the names, evenly spaced from the first to the last."""
    return [names[i] for i in np.linspace(0, len(names) - 1, min(num, len(names))).round().astype(int)]
