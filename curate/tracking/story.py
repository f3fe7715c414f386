"""Story: everything of one run that a tracker shows, as plain values."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

CURVES = ("loss", "accuracy")


@dataclass(frozen=True)
class Picture:
    """An image (H, W, 3) uint8 with its caption."""

    image: NDArray[np.uint8]
    caption: str


@dataclass(frozen=True)
class Story:
    """What a tracker shows of a run.

    Attributes:
        name: of the run.
        config: dataset, model, recipe, versions, device; dicts may be nested.
        figures: results such as accuracies, by name.
        curves: by fold, (E, 2) float32: loss and accuracy on the training samples in each epoch.
        held_out: by fold, the accuracy on the samples that it held out, after training.
        issues: the worst rows of the issue table, missing values None; None where nothing has been found yet.
        pictures: the worst suspects.
    """

    name: str
    config: Mapping[str, Any]
    figures: Mapping[str, float]
    curves: Mapping[str, NDArray[np.float32]]
    held_out: Mapping[str, float]
    issues: "pd.DataFrame | None" = None
    pictures: tuple[Picture, ...] = ()


def flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The values of nested dicts by their dotted names; lists as text."""
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value if isinstance(value, (bool, int, float, str)) else str(value)
