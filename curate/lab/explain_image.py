"""The convolution lab as verbs: one image in, a picture and its figures out."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from curate.data.catalog import CATALOG
from curate.data.load import load
from curate.data.pixels import quiet_pillow, read_pixels
from curate.errors import DataError, UsageError
from curate.lab.arithmetic import shape_text
from curate.lab.convolution import convolution_figure, convolve, pad_sides, shape_formula
from curate.lab.equivariance import equivariance, equivariance_figure, invariance_figure, pooling_invariance
from curate.lab.explain_net import new_net
from curate.lab.figure import check_picture_path, save
from curate.lab.formulas import sides_formula, size_formula
from curate.lab.kernels import parse_kernel
from curate.lab.pooling import KINDS, global_pool, pool, pooling_figure
from curate.progress import Progress, silent


def load_image(source: str, *, root: Path | None = None, progress: Progress = silent) -> NDArray[np.uint8]:
    """One image: a file, or a sample of the catalog by its id.

    Args:
        source: a path, or `mnist/test/3520`.
        root: where the dataset's files are, if not at their usual place.

    Returns:
        (C, H, W) uint8, C = 1 or 3; a file upright and on white where it is transparent.

    Raises:
        DataError: there is no such file or sample, or the file is no image.
    """
    if Path(source).is_file():
        with quiet_pillow():
            return read_pixels(source)
    name, _, rest = source.partition("/")
    split, _, index = rest.partition("/")
    if name not in CATALOG or split not in ("train", "test") or not (index.isascii() and index.isdigit()):
        raise DataError(f"there is no image file '{source}', and it is no sample id either, such as mnist/test/3520")
    image_set = load(name, root=root, split=split, progress=progress)
    if int(index) >= len(image_set):
        raise DataError(f"there is no sample '{source}'; {name} has {name}/{split}/0 to {name}/{split}/{len(image_set) - 1}")
    return image_set.images[int(index)]


def conv(
    source: str,
    *,
    kernel: str,
    size: int | None = None,
    sigma: float | None = None,
    stride: int = 1,
    dilation: int = 1,
    padding: str = "none",
    mode: str | int | None = None,
    flip: bool = True,
    to: Path,
    root: Path | None = None,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Convolves an image and draws it with kernel and result; see `curate.lab.convolution.convolve`.

    Raises:
        DataError, UnknownNameError, UsageError: as `load_image`, `parse_kernel`, `convolve` and `save`.
    """
    check_picture_path(to)
    matrix = parse_kernel(kernel, size=size, sigma=sigma)
    image = load_image(source, root=root, progress=progress)
    options: dict[str, Any] = {"stride": stride, "dilation": dilation, "padding": padding, "mode": mode, "flip": flip}
    result = convolve(image, matrix, **options)
    name = kernel.strip() if kernel.strip()[:1].isalpha() else "own kernel"
    figure = convolution_figure(image, matrix, kernel_name=name, **options)
    shape = (int(matrix.shape[0]), int(matrix.shape[1]))
    sides = pad_sides(shape, dilation=dilation, padding=padding, mode=mode)
    return {
        "image": source,
        "kernel": name,
        "operation": "convolution" if flip else "cross-correlation",
        "image_shape": shape_text(image.shape),
        "kernel_shape": shape_text(shape),
        "result_shape": shape_text(result.shape),
        "formula": shape_formula((image.shape[1], image.shape[2]), shape, sides, stride=stride, dilation=dilation),
        "smallest": float(result.min()),
        "largest": float(result.max()),
        "figure": save(figure, to),
    }


def pooling(
    source: str, *, size: int = 2, stride: int | None = None, to: Path, root: Path | None = None, progress: Progress = silent
) -> dict[str, Any]:
    """Pools an image by maximum, mean and sum, and draws them.

    Raises:
        DataError, UsageError: as `load_image`, `pool` and `save`.
    """
    check_picture_path(to)
    image = load_image(source, root=root, progress=progress)
    pooled = pool(image, size=size, stride=stride)
    return {
        "image": source,
        "image_shape": shape_text(image.shape),
        "result_shape": shape_text(pooled.shape),
        "formula": sides_formula([size_formula(side, size, stride=stride or size) for side in image.shape[1:]]),
        **{f"global_{kind}": global_pool(image, kind).tolist() for kind in KINDS},
        "figure": save(pooling_figure(image, size=size, stride=stride), to),
    }


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
