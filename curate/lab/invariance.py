"""Pooling forgets where things are: how much a description of an image changes with its shifts. numpy only, as `curate.lab.convolution`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from curate.lab.convolution import Pixels, convolve, plain_array
from curate.lab.figure import GREY, PALETTE, new_figure, noted, styled
from curate.lab.pooling import global_pool, pool

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def pooling_invariance(
    image: Pixels, kernel: NDArray, *, shifts: Sequence[int], sizes: Sequence[int] = (1, 2, 4, 8), kind: str = "max"
) -> dict[str, NDArray[np.float64]]:
    """How much a description of the image changes when the image is shifted, without pooling and with more and more of it.

    The description is one convolution with `kernel`, negative answers cut off (ReLU), then pooled. Borders play no part: the
    image goes round.

    Args:
        image: (H, W) or (C, H, W).
        kernel: (h, w).
        shifts: to the right, in pixels.
        sizes: of the pooling windows; 1 is no pooling.
        kind: of pooling: max, mean or sum.

    Returns:
        For each size, and for global pooling, the relative change for each shift: the norm of the difference over the norm before.
    """
    answer = convolve(plain_array(image), kernel, padding="circular").clip(min=0)
    answers = [np.roll(answer, shift, axis=-1) for shift in shifts]  # the image goes round, so its answer does
    names = {f"{kind} over {size} × {size}" if size > 1 else "no pooling": size for size in sizes}
    changes = {}
    for name, size in names.items():
        before = pool(answer, kind, size=size)
        changes[name] = np.array([relative_difference(pool(moved, kind, size=size), before) for moved in answers])
    before = global_pool(answer, kind)
    changes[f"global {kind}"] = np.array([relative_difference(global_pool(moved, kind), before) for moved in answers])
    return changes


def relative_difference(after: NDArray, before: NDArray) -> float:
    """The norm of after − before over the norm of before; 0 where both are 0."""
    difference, size = float(np.linalg.norm(after - before)), float(np.linalg.norm(before))
    return difference / size if size else (0.0 if difference == 0 else float("inf"))


@styled
def invariance_figure(changes: dict[str, NDArray[np.float64]], shifts: Sequence[int], *, title: str, kernel: str = "a kernel") -> "Figure":
    """One line for each pooling: how much the description changes with the shift; `kernel` is what made it, for the note."""
    figure, axes = new_figure(1, 1, width=7.2, height=4.2, title=title)
    place = axes[0, 0]
    for i, (name, values) in enumerate(changes.items()):
        place.plot(shifts, values, marker="o", markersize=4, color=PALETTE[i % len(PALETTE)], label=name)
    place.set_xlabel("shift of the image, pixels")
    place.set_ylabel("relative change of the description")
    place.set_ylim(bottom=-0.02)
    place.axhline(0, color=GREY, linewidth=0.6)
    place.grid(axis="y")
    place.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    says = f"The description: the image through {kernel}, negative answers cut off, then pooled"
    return noted(figure, f"{says}. 0: the shift is forgotten; 1: the change is as large as the description")
