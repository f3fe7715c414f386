"""What becomes of a shift, as verbs: equivariance of the layers of a net, invariance by pooling; numbers and a picture."""

from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray

from curate.errors import UsageError
from curate.lab.equivariance import equivariance, equivariance_figure, invariance_figure, pooling_invariance
from curate.lab.explain_image import load_image
from curate.lab.explain_net import new_net
from curate.lab.figure import check_picture_path, save
from curate.lab.kernels import parse_kernel
from curate.progress import Progress, silent


def shifts_of(
    source: str, *, model: str, largest: int = 8, to: Path, root: Path | None = None, progress: Progress = silent
) -> dict[str, Any]:
    """How each layer of a model with random weights follows shifts of an image by 0..largest pixels, drawn.

    Raises:
        UnknownNameError, DataError, UsageError: as `load_image`, `new_net`, `equivariance` and `save`.
    """
    check_picture_path(to)
    image = load_image(source, root=root, progress=progress)
    net = new_net(model, (int(image.shape[0]), int(image.shape[1]), int(image.shape[2])), num_classes=10)
    shifts = _shifts(largest, image)
    layers = equivariance(net, torch.from_numpy(image) / 255, shifts)
    figure = equivariance_figure(layers, shifts, title=f"{model}, random weights: {source} shifted")
    rows = [{"layer": row.name, "jump": row.jump, "inside": row.inside.tolist(), "all": row.all.tolist()} for row in layers]
    return {
        "image": source,
        "model": model,
        "shifts": shifts,
        "largest_error_at_multiples_of_the_jump": max((e for row in layers for e in row.errors(shifts, at_multiples=True)), default=None),
        "largest_error_between": max((e for row in layers for e in row.errors(shifts, at_multiples=False)), default=None),
        "layers": rows,
        "figure": save(figure, to),
    }


def invariance(
    source: str, *, kernel: str, largest: int = 8, kind: str = "max", to: Path, root: Path | None = None, progress: Progress = silent
) -> dict[str, Any]:
    """How much the answers of a kernel change with shifts of an image, without pooling and with more and more of it, drawn.

    Raises:
        UnknownNameError, DataError, UsageError: as `load_image`, `parse_kernel`, `pooling_invariance` and `save`.
    """
    check_picture_path(to)
    matrix = parse_kernel(kernel)
    image = load_image(source, root=root, progress=progress)
    shifts = _shifts(largest, image)
    sizes = [size for size in (1, 2, 4, 8) if size <= min(image.shape[1:])]
    changes = pooling_invariance(image, matrix, shifts=shifts, sizes=sizes, kind=kind)
    figure = invariance_figure(changes, shifts, title=f"{source} shifted: pooling forgets where")
    return {
        "image": source,
        "shifts": shifts,
        "change": {key: values.tolist() for key, values in changes.items()},
        "figure": save(figure, to),
    }


def _shifts(largest: int, image: NDArray) -> list[int]:
    if not 0 < largest < image.shape[2]:
        raise UsageError(f"the largest shift must be 1 or more and less than the image's {image.shape[2]} pixels, found {largest}")
    return list(range(largest + 1))
