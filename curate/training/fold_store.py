"""FoldStore: where finished folds are kept, so that a killed run goes on with the next one."""

from typing import Protocol

from numpy.typing import NDArray

from curate.models.base import ConvNet


class FoldStore(Protocol):
    """What cross-validation asks of a place to keep things."""

    def load(self, name: str) -> NDArray | None:
        """The array of that name, or None where there is none."""

    def save(self, name: str, array: NDArray) -> None:
        """Keeps the array, atomically."""

    def save_model(self, name: str, model: ConvNet) -> None:
        """Keeps the weights, atomically."""


class NoStore:
    """Keeps nothing."""

    def load(self, name: str) -> None:
        return None

    def save(self, name: str, array: NDArray) -> None:
        return None

    def save_model(self, name: str, model: ConvNet) -> None:
        return None
