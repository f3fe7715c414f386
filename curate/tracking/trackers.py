"""TRACKERS: what `--track` can name."""

import importlib.util
from collections.abc import Callable
from pathlib import Path

from curate.errors import DependencyError, UnknownNameError
from curate.tracking.story import Story
from curate.tracking.tensorboard import write_tensorboard
from curate.tracking.weights_and_biases import check_mode, write_wandb

TRACKERS: dict[str, Callable[[Story, Path], Path]] = {"wandb": write_wandb, "tensorboard": write_tensorboard}


def check_tracker(name: str) -> None:
    """Says now, and not after the training, that a tracker cannot be used.

    Raises:
        UnknownNameError: there is no tracker of that name.
        DependencyError: its package is not installed.
        UsageError: WANDB_MODE is none of W&B's.
    """
    if name not in TRACKERS:
        raise UnknownNameError.of("tracker", name, TRACKERS)
    if importlib.util.find_spec(name) is None:
        raise DependencyError(f"--track {name} needs the package {name}; install it with: pip install 'curate[track]'")
    if name == "wandb":
        check_mode()
