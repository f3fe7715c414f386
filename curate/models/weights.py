"""Weights on disk: safetensors with what is needed to build the net again. Nothing else is ever read, nothing unpickled."""

import json
from pathlib import Path
from types import ModuleType

from curate.errors import DataError, DependencyError
from curate.models.base import ConvNet
from curate.models.registry import make_model
from curate.run import write_atomically

SPEC_KEY = "curate.model"


def save_weights(path: Path, model: ConvNet) -> Path:
    """Writes parameters and buffers of `model`, which `make_model` made, to `path`, atomically.

    Raises:
        DataError: `model` was not made by `make_model`, so that nobody could build it again.
        DependencyError: safetensors is not installed.
        StorageError: the disk is full or read-only.
    """
    if model.name is None:
        raise DataError(f"this {type(model).__name__} has no name; make it with make_model, so that its weights can be read again")
    safetensors = _safetensors()
    spec = {
        "name": model.name,
        "num_classes": model.num_classes,
        "in_channels": model.in_channels,
        "image_size": model.image_size,
    }
    tensors = {key: tensor.detach().cpu().contiguous() for key, tensor in model.state_dict().items()}
    return write_atomically(path, safetensors.torch.save(tensors, metadata={SPEC_KEY: json.dumps(spec)}))


def load_weights(path: Path) -> ConvNet:
    """The net that `save_weights` wrote, on the CPU, in evaluation mode.

    Raises:
        DataError: there is no such file, it is not safetensors, it was not written by `save_weights`, or its tensors
            are not those of the architecture that it names.
        UnknownNameError: it names an architecture that is not in the registry.
        DependencyError: safetensors is not installed.
    """
    safetensors = _safetensors()
    if not path.is_file():
        raise DataError(f"no weights at {path}")
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except safetensors.SafetensorError as error:
        raise DataError(f"{path} is not a safetensors file ({error}); weights are read as safetensors only") from error
    try:
        spec = json.loads(metadata[SPEC_KEY])
        name, num_classes, in_channels = str(spec["name"]), int(spec["num_classes"]), int(spec["in_channels"])
        height, width = spec["image_size"]
    except (KeyError, ValueError, TypeError) as error:
        raise DataError(
            f"{path} does not say which model its weights are of; expected the metadata '{SPEC_KEY}' that curate writes"
        ) from error
    model = make_model(name, num_classes=num_classes, in_channels=in_channels, image_size=(int(height), int(width)), seed=0)
    _check_shapes(path, name, {k: tuple(v.shape) for k, v in tensors.items()}, {k: tuple(v.shape) for k, v in model.state_dict().items()})
    model.load_state_dict(tensors)
    return model.eval()


def _check_shapes(path: Path, name: str, found: dict[str, tuple], expected: dict[str, tuple]) -> None:
    for key in (*expected, *found):
        if found.get(key) != expected.get(key):
            shapes = [f"shape {shape}" if shape is not None else "none" for shape in (expected.get(key), found.get(key))]
            raise DataError(
                f"{path} does not fit model '{name}': tensor '{key}' expected {shapes[0]}, found {shapes[1]}; "
                "it may come from another version of curate"
            )


def _safetensors() -> ModuleType:
    try:
        import safetensors
        import safetensors.torch
    except ImportError as error:
        raise DependencyError("weights need safetensors; install it with: pip install safetensors") from error
    return safetensors
