"""Weights on disk: safetensors with what is needed to build the net again. Nothing else is ever read, nothing unpickled."""

from pathlib import Path

from curate.errors import DataError
from curate.judge.models.base import ConvNet
from curate.judge.models.registry import make_model
from curate.judge.models.weight_files import read_weight_file, write_weight_file


def save_weights(path: Path, model: ConvNet, *, trained_on: str | None = None) -> Path:
    """Writes parameters and buffers of `model`, which `make_model` made, to `path`, atomically.

    Args:
        trained_on: `images_hash` of the ImageSet that it was trained on, so that nobody takes it as a start for judging those images.

    Raises:
        DataError: `model` was not made by `make_model`, so that nobody could build it again.
        DependencyError: safetensors is not installed.
        StorageError: the disk is full or read-only.
    """
    if model.name is None:
        raise DataError(f"this {type(model).__name__} has no name; make it with make_model, so that its weights can be read again")
    return write_weight_file(path, model, trained_on=trained_on)


def load_weights(path: Path) -> ConvNet:
    """The net that `save_weights` wrote, on the CPU, in evaluation mode.

    Raises:
        DataError: there is no such file, it is not safetensors, it was not written by `save_weights`, or its tensors
            are not those of the architecture that it names.
        UnknownNameError: it names an architecture that is not in the registry.
        DependencyError: safetensors, or a package that the architecture comes from, is not installed.
    """
    file = read_weight_file(path)
    model = make_model(file.name, num_classes=file.num_classes, in_channels=file.in_channels, image_size=file.image_size, seed=0)
    found = {key: tuple(tensor.shape) for key, tensor in file.tensors.items()}
    _check_shapes(path, file.name, found, {key: tuple(tensor.shape) for key, tensor in model.state_dict().items()})
    model.load_state_dict(file.tensors)
    model.input_statistics = file.input_statistics
    return model.eval()


def _check_shapes(path: Path, name: str, found: dict[str, tuple], expected: dict[str, tuple]) -> None:
    for key in (*expected, *found):
        if found.get(key) != expected.get(key):
            shapes = [f"shape {shape}" if shape is not None else "none" for shape in (expected.get(key), found.get(key))]
            raise DataError(
                f"{path} does not fit model '{name}': tensor '{key}' expected {shapes[0]}, found {shapes[1]}; "
                "it may come from another version of curate"
            )
