"""Weight files: safetensors whose metadata says which net they are of."""

import json
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from torch import Tensor

from curate.errors import DataError, DependencyError
from curate.files import RUN, write_atomically
from curate.judge.models.base import ConvNet
from curate.packages import pip_install

SPEC_KEY = "curate.model"


@dataclass(frozen=True)
class WeightFile:
    """What a file of weights holds.

    Attributes:
        name: the architecture.
        num_classes, in_channels, image_size: its shape.
        input_statistics: mean and deviation per channel that its input was normalised by; None where the file does not say.
        trained_on: hash of the images that it was trained on; None where the file does not say.
        tensors: parameters and buffers by name.
    """

    name: str
    num_classes: int
    in_channels: int
    image_size: tuple[int, int]
    input_statistics: tuple[tuple[float, ...], tuple[float, ...]] | None
    trained_on: str | None
    tensors: dict[str, Tensor]


def write_weight_file(path: Path, model: ConvNet, *, trained_on: str | None) -> Path:
    """Writes parameters and buffers of `model`, and what it is, atomically."""
    spec = {
        "name": model.name,
        "num_classes": model.num_classes,
        "in_channels": model.in_channels,
        "image_size": model.image_size,
        "input_statistics": model.input_statistics,
        "trained_on": trained_on,
    }
    tensors = {key: tensor.detach().cpu().contiguous() for key, tensor in model.state_dict().items()}
    return write_atomically(path, _safetensors().torch.save(tensors, metadata={SPEC_KEY: json.dumps(spec)}), remedy=RUN)


def read_weight_file(path: Path) -> WeightFile:
    """The content of a file that `write_weight_file` wrote.

    Raises:
        DataError: there is no such file, it is not safetensors, or it does not say which net it is of.
        DependencyError: safetensors is not installed.
    """
    metadata, tensors = read_tensors(path)
    try:
        spec = json.loads(metadata[SPEC_KEY])
        height, width = spec["image_size"]
        statistics = spec.get("input_statistics")
        return WeightFile(
            str(spec["name"]),
            int(spec["num_classes"]),
            int(spec["in_channels"]),
            (int(height), int(width)),
            statistics and (tuple(map(float, statistics[0])), tuple(map(float, statistics[1]))),
            spec.get("trained_on"),
            tensors,
        )
    except (KeyError, ValueError, TypeError) as error:
        raise DataError(
            f"{path} does not say which model its weights are of; expected the metadata '{SPEC_KEY}' that curate writes"
        ) from error


def read_tensors(path: Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    """Metadata and tensors of a safetensors file, whoever wrote it; `SPEC_KEY` is in the metadata where curate did.

    Raises:
        DataError: there is no such file, or it is not safetensors.
        DependencyError: safetensors is not installed.
    """
    safetensors = _safetensors()
    if not path.is_file():
        raise DataError(f"no weights at {path}")
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            return file.metadata() or {}, {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except safetensors.SafetensorError as error:
        raise DataError(f"{path} is not a safetensors file ({error}); weights are read as safetensors only") from error


def _safetensors() -> ModuleType:
    try:
        import safetensors
        import safetensors.torch
    except ImportError as error:
        raise DependencyError(f"weights need safetensors; install it with: {pip_install('safetensors')}") from error
    return safetensors
