"""A model without an image, as verbs: its arithmetic and its receptive fields, with random weights."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from curate.errors import CurateError, DataError, UnknownNameError
from curate.judge.models.base import ConvNet
from curate.judge.models.registry import MODELS, make_model
from curate.judge.models.zoo import ZOO
from curate.judge.models.zoo_net import is_small
from curate.lab.arithmetic import FAILURES, arithmetic, cannot_take
from curate.lab.arithmetic_figure import arithmetic_figure
from curate.lab.counted import Arithmetic
from curate.lab.effective_field import effective_field_figure, effective_fields, effective_size, layers_by_stride, windowed_layers
from curate.lab.figure import check_picture_path, save
from curate.lab.formulas import shape_text
from curate.lab.light_torch import with_shapes_only
from curate.lab.operations import unfilled
from curate.lab.own_module import is_file_of_modules, load_module, told, usual_input
from curate.lab.receptive_field import Field
from curate.lab.tracing import trace
from curate.progress import Progress, silent

NOISE_IMAGES = 8
"""Images of noise over which an effective receptive field is averaged."""
LARGER = (3, 96, 96)
"""Images for nets of ImageNet where receptive fields are drawn: the smallest for which nothing of the net is changed."""


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
        with_shapes_only()
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


def counting_net(name: str, input_shape: tuple[int, int, int], *, num_classes: int) -> ConvNet:
    """A net of the registry with whatever lies in memory for its numbers, at next to no cost: to be counted, or to be given others.

    Raises:
        UnknownNameError: there is no such model.
        DataError: it cannot take such images.
    """
    if name not in MODELS:
        raise UnknownNameError.of("model", name, MODELS)
    channels, height, width = input_shape
    with unfilled():
        return make_model(name, num_classes=num_classes, in_channels=channels, image_size=(height, width), seed=0).eval()


@dataclass(frozen=True)
class Counted:
    """The arithmetic of a model, and what to say of it.

    Attributes:
        made: layer by layer.
        says: what it is, in a line.
        num_classes: that it was made for; None where a file says.
        published: its parameters as published, with as many classes; None where there is no such number.
        note: what the published one has more; ''.
        figure: the picture.
    """

    made: Arithmetic
    says: str
    num_classes: int | None
    published: int | None = None
    note: str = ""
    figure: Path | None = None


def arithmetic_of(
    name: str,
    input_shape: tuple[int, int, int] | None = None,
    *,
    num_classes: int | None = None,
    effective: bool = False,
    to: Path | None = None,
    progress: Progress = silent,
) -> Counted:
    """The arithmetic of a model of the registry, or of one from a Python file, and its picture where `to` says.

    Args:
        name: of the registry, or `FILE.py:CLASS`.
        input_shape: (C, H, W); by default that which the net was made for.
        num_classes: by default as many as the net was made for: 1,000 for nets of ImageNet, else 10.
        effective: measure the effective receptive field of convolutions and poolings too, with random weights.

    Raises:
        UnknownNameError, DataError, UsageError: as `new_net`, `load_module` and `save`.
    """
    if to is not None:
        check_picture_path(to)
    if is_file_of_modules(name):
        net: nn.Module = load_module(name, num_classes=num_classes)
        shape = input_shape or usual_input(net)
        if shape is None:
            raise DataError(f"{name} takes none of the usual images; say which it takes, such as --in 3x64x64")
        found = Counted(_own_counted(net, name, shape), "a net of your own", num_classes)
    else:
        if name not in MODELS:
            raise UnknownNameError.of("model", name, MODELS)
        architecture = MODELS[name]
        shape, classes = input_shape or architecture.own_input, num_classes or architecture.own_classes
        if effective:
            net = new_net(name, shape, num_classes=classes)
        made = arithmetic(net, shape) if effective else _counted(name, shape, classes)
        spec = ZOO.get(name)
        is_published = spec is not None and classes == architecture.own_classes and shape[0] == 3 and not is_small(shape[1:])
        published = spec.parameters if spec is not None and is_published else 0
        note = spec.note if spec is not None else ""
        found = Counted(made, architecture.description, classes, published or None, note)
    if effective:
        fields = effective_fields(net, windowed_layers(net, found.made.layers), _noise(shape), progress=progress)
        sizes = {layer: effective_size(field) for layer, field in fields.items()}
        layers = tuple(replace(layer, effective_size=sizes.get(layer.name)) for layer in found.made.layers)
        found = replace(found, made=replace(found.made, layers=layers))
    if to is None:
        return found
    classes_text = f", {found.num_classes:,} classes" if found.num_classes is not None else ""
    figure = arithmetic_figure(found.made, title=f"{name}, input {shape_text(shape)}{classes_text}")
    return replace(found, figure=save(figure, to))


def _counted(name: str, shape: tuple[int, int, int], num_classes: int) -> Arithmetic:
    """The arithmetic of a net of the registry, or the error with the smallest images that it takes."""
    try:
        return arithmetic(counting_net(name, shape, num_classes=num_classes), shape, skips=True)
    except FAILURES:
        return arithmetic(new_net(name, shape, num_classes=num_classes), shape)  # says what it can take


def _own_counted(net: nn.Module, name: str, shape: tuple[int, int, int]) -> Arithmetic:
    """The arithmetic of a net of the user's own, whose code may fail in any way."""
    try:
        return arithmetic(net, shape)
    except CurateError:
        raise
    except Exception as error:
        raise DataError(f"{name} cannot take one image of {shape_text(shape)}: {told(error)}") from error


def receptive_field(name: str, input_shape: tuple[int, int, int] | None, *, layers: Sequence[str] = (), to: Path) -> dict[str, Any]:
    """Theoretical and effective receptive fields of a model with random weights, drawn.

    Args:
        input_shape: (C, H, W); by default that which a small net was made for, and LARGER for the others.
        layers: by name; by default the last of each size.

    Raises:
        UnknownNameError: there is no such model or layer.
        DataError, UsageError: as `new_net`, `effective_fields` and `save`.
    """
    check_picture_path(to)
    if input_shape is None:
        own = MODELS[name].own_input if name in MODELS else LARGER
        input_shape = own if is_small(own[1:]) else LARGER
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
