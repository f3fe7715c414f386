"""A model without an image, as verbs: its arithmetic and its receptive fields, with random weights."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from curate.errors import UnknownNameError
from curate.judge.models.base import ConvNet
from curate.judge.models.registry import MODELS, make_model
from curate.lab.arithmetic import FAILURES, Arithmetic, arithmetic, cannot_take, shape_text
from curate.lab.arithmetic_figure import arithmetic_figure
from curate.lab.effective_field import effective_field_figure, effective_fields, effective_size, layers_by_stride, windowed_layers
from curate.lab.figure import check_picture_path, save
from curate.lab.receptive_field import Field
from curate.lab.tracing import trace
from curate.progress import Progress, silent

NOISE_IMAGES = 8
"""Images of noise over which an effective receptive field is averaged."""


def new_net(name: str, input_shape: tuple[int, int, int], *, num_classes: int) -> ConvNet:
    """A net of the registry for such images, with random weights.

    Raises:
        UnknownNameError: there is no such model.
        DataError: it cannot take such images; names the smallest square ones that it can, found by trying.
    """
    channels = input_shape[0]

    def make(height: int, width: int) -> ConvNet:
        return make_model(name, num_classes=num_classes, in_channels=channels, image_size=(height, width), seed=0)

    def take(side: int) -> None:
        with torch.device("meta"), torch.no_grad():  # shapes without numbers: a try costs next to nothing
            make(side, side).eval()(torch.zeros(1, channels, side, side))

    if name not in MODELS:
        raise UnknownNameError.of("model", name, MODELS)
    try:
        net = make(*input_shape[1:])
        with torch.no_grad():
            net.eval()(torch.zeros(1, *input_shape))
    except FAILURES as error:
        raise cannot_take(f"model '{name}'", input_shape, error, take) from error
    return net


def arithmetic_of(
    name: str,
    input_shape: tuple[int, int, int],
    *,
    num_classes: int,
    effective: bool = False,
    to: Path | None = None,
    progress: Progress = silent,
) -> tuple[Arithmetic, Path | None]:
    """The arithmetic of a model of the registry, and its picture where `to` says.

    Args:
        effective: measure the effective receptive field of convolutions and poolings too, with random weights.

    Raises:
        UnknownNameError, DataError, UsageError: as `new_net` and `save`.
    """
    if to is not None:
        check_picture_path(to)
    net = new_net(name, input_shape, num_classes=num_classes)
    made = arithmetic(net, input_shape)
    if effective:
        fields = effective_fields(net, windowed_layers(net, made.layers), _noise(input_shape), progress=progress)
        sizes = {layer: effective_size(field) for layer, field in fields.items()}
        made = replace(made, layers=tuple(replace(layer, effective_size=sizes.get(layer.name)) for layer in made.layers))
    return made, to and save(arithmetic_figure(made, title=f"{name}, input {shape_text(input_shape)}, {num_classes:,} classes"), to)


def receptive_field(name: str, input_shape: tuple[int, int, int], *, layers: Sequence[str] = (), to: Path) -> dict[str, Any]:
    """Theoretical and effective receptive fields of a model with random weights, drawn.

    Raises:
        UnknownNameError: there is no such model or layer.
        DataError, UsageError: as `new_net`, `effective_fields` and `save`.
    """
    check_picture_path(to)
    net = new_net(name, input_shape, num_classes=10)
    images = _noise(input_shape)
    records, _ = trace(net, images[:1])
    found = effective_fields(net, list(layers) or layers_by_stride(net, records), images)
    theory = {record.name: record.receptive_field for record in records if len(record.output_shape) == 4}
    rows = [{"layer": layer, **_field_facts(theory.get(layer)), "effective_size": effective_size(found[layer])} for layer in found]
    figure = effective_field_figure(found, records, title=f"{name}, random weights: what the unit in the middle sees")
    return {"model": name, "input": shape_text(input_shape), "layers": rows, "figure": save(figure, to)}


def _noise(input_shape: tuple[int, int, int]) -> torch.Tensor:
    return torch.randn(NOISE_IMAGES, *input_shape, generator=torch.Generator().manual_seed(0))


def _field_facts(field: Field | None) -> dict[str, Any]:
    if field is None:
        return {"size": None, "jump": None, "start": None}
    return {"size": "whole image" if field.is_whole else list(field.size), "jump": field.y.jump, "start": field.y.start}
