"""What becomes of a shift, as a verb: equivariance of the layers of a net; numbers and a picture."""

from pathlib import Path
from typing import Any

import torch

from curate.lab.equivariance import equivariance, equivariance_figure
from curate.lab.explain_image import load_image, shifts_up_to
from curate.lab.explain_net import new_net
from curate.lab.figure import check_picture_path, save
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
    shifts = shifts_up_to(largest, image)
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
