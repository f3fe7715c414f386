"""A net of the user's own, from a Python file: `net.py:MyNet`."""

import importlib.util
import inspect
import sys
from pathlib import Path
from typing import Any

import torch
from torch import nn

from curate.errors import DataError

USUAL_SIDES = {1: (28, 32, 64, 224), 3: (32, 224, 227, 299, 28, 64, 96, 128)}
"""Sides of images that are tried, by channels, where nobody says what a net takes."""


def is_file_of_modules(name: str) -> bool:
    """Whether `name` means a Python file, `net.py` or `net.py:MyNet`."""
    return name.partition(":")[0].endswith(".py")


def load_module(name: str, *, num_classes: int | None = None) -> nn.Module:
    """The net that `FILE.py:NAME` means: a class of nn.Module, a net made of one, or a function that returns one.

    The file is run, as `python FILE.py` would run it. Without a name the file must hold exactly one class of nn.Module of its own.

    Args:
        num_classes: passed on to a class or function that has such an argument.

    Raises:
        DataError: there is no such file or name, the file cannot be run, or what it holds is no net.
    """
    file, _, wanted = name.partition(":")
    path = Path(file)
    if not path.is_file():
        raise DataError(f"there is no Python file '{file}'")
    members = _members(path)
    if wanted:
        if wanted not in members:
            raise DataError(f"{file} has no '{wanted}'; it has {_listed(members)}")
        found = members[wanted]
    else:
        classes = {key: value for key, value in members.items() if _is_class(value)}
        nets = classes or {key: value for key, value in members.items() if isinstance(value, nn.Module)}
        if len(nets) != 1:
            raise DataError(
                f"{file} holds no torch.nn.Module; write a class such as `class Net(nn.Module)`"
                if not nets
                else f"{file} holds {len(nets)} nets; say which, such as {file}:{next(iter(nets))}; there are {', '.join(nets)}"
            )
        found = next(iter(nets.values()))
    return _made(found, f"{file}:{wanted}" if wanted else file, num_classes)


def _members(path: Path) -> dict[str, Any]:
    """What the file defines itself."""
    spec = importlib.util.spec_from_file_location("curate_own_module", path)
    if spec is None or spec.loader is None:
        raise DataError(f"{path} cannot be run as Python")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look themselves up there
    sys.path.insert(0, str(path.resolve().parent))  # for what it imports from beside it
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise DataError(f"{path} cannot be run: {told(error)}") from error
    finally:
        sys.path.pop(0)
    return {
        key: value
        for key, value in vars(module).items()
        if not key.startswith("_") and (not inspect.isclass(value) or value.__module__ == spec.name)
    }


def _is_class(value: Any) -> bool:
    return inspect.isclass(value) and issubclass(value, nn.Module)


def _made(found: Any, name: str, num_classes: int | None) -> nn.Module:
    if isinstance(found, nn.Module):
        return found
    if not callable(found):
        raise DataError(f"{name} is a {type(found).__name__}, not a torch.nn.Module")
    try:
        takes_classes = num_classes is not None and "num_classes" in inspect.signature(found).parameters
        net = found(num_classes=num_classes) if takes_classes else found()
    except Exception as error:
        raise DataError(
            f"{name} cannot be made without arguments ({told(error)}); write a function that returns the net, and name that"
        ) from error
    if not isinstance(net, nn.Module):
        raise DataError(f"{name} gives a {type(net).__name__}, not a torch.nn.Module")
    return net


def told(error: BaseException) -> str:
    """An error of the user's own code in a line: `TypeError: forward() missing 1 required positional argument`."""
    return f"{type(error).__name__}: {str(error).strip()}".partition("\n")[0].removesuffix(": ")


def usual_input(net: nn.Module) -> tuple[int, int, int] | None:
    """The first usual shape of images (C, H, W) that `net` takes, found by trying; None where it takes none of them."""
    first = next((module for module in net.modules() if isinstance(module, nn.Conv2d)), None)
    for channels in (first.in_channels,) if first is not None else (1, 3):
        for side in USUAL_SIDES.get(channels, USUAL_SIDES[3]):
            try:
                with torch.no_grad():
                    net.eval()(torch.zeros(1, channels, side, side))
            except Exception:
                continue
            return channels, side, side
    return None


def _listed(members: dict[str, Any]) -> str:
    nets = [key for key, value in members.items() if _is_class(value) or isinstance(value, nn.Module)]
    return ", ".join(nets) or "no torch.nn.Module at all"
