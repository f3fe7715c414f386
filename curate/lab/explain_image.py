"""The convolution lab as verbs: one image or matrix in, a picture and its figures out."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from curate.data.pixels import quiet_pillow, read_pixels
from curate.errors import DataError, DependencyError, UsageError
from curate.lab.convolution import convolution_figure, convolve, is_readable, pad, pad_sides, shape_formula
from curate.lab.figure import check_picture_path, save
from curate.lab.formulas import shape_text, sides_formula, size_formula
from curate.lab.invariance import invariance_figure, pooling_invariance
from curate.lab.kernels import parse_kernel
from curate.lab.matrices import CONVOLUTIONS, POOLINGS, Example, find_example, is_name, read_matrix
from curate.lab.pooling import KINDS, global_pool, pooling_figure
from curate.lab.pooling import pool as pooled
from curate.packages import pip_install
from curate.progress import Progress, silent

PHOTOGRAPHS = ("flower", "china")
"""Photographs that come with scikit-learn: a dahlia and a temple, 427 x 640 pixels."""


def photograph(name: str) -> NDArray[np.uint8]:
    """One of PHOTOGRAPHS, (3, H, W)."""
    from importlib.util import find_spec

    package = find_spec("sklearn")  # found, not imported, which takes a second
    if package is None or package.origin is None:
        raise DependencyError(f"the photograph '{name}' comes with scikit-learn; install it with: {pip_install('scikit-learn')}")
    with quiet_pillow():
        return read_pixels(str(Path(package.origin).parent / "datasets" / "images" / f"{name}.jpg"))


def load_image(source: str, *, root: Path | None = None, progress: Progress = silent) -> NDArray[np.uint8]:
    """One image: a file, a sample of the catalog by its id, or a photograph by name.

    Args:
        source: a path, `mnist/test/3520`, or one of PHOTOGRAPHS.
        root: where the dataset's files are, if not at their usual place.

    Returns:
        (C, H, W) uint8, C = 1 or 3; a file upright and on white where it is transparent.

    Raises:
        DataError: there is no such file or sample, or the file is no image.
    """
    if Path(source).is_file():
        with quiet_pillow():
            return read_pixels(source)
    if source in PHOTOGRAPHS:
        return photograph(source)
    from curate.data.catalog import CATALOG
    from curate.data.load import load

    name, _, rest = source.partition("/")
    split, _, index = rest.partition("/")
    if name not in CATALOG or split not in ("train", "test") or not (index.isascii() and index.isdigit()):
        raise DataError(f"there is no image file '{source}', and it is no sample id either, such as mnist/test/3520")
    image_set = load(name, root=root, split=split, progress=progress)
    if int(index) >= len(image_set):
        raise DataError(f"there is no sample '{source}'; {name} has {name}/{split}/0 to {name}/{split}/{len(image_set) - 1}")
    return image_set.images[int(index)]


def subject_of(
    image: str | None, matrix: str | None, examples: Mapping[str, Example], *, root: Path | None, progress: Progress = silent
) -> tuple[NDArray, str, Example | None]:
    """The pixels (C, H, W) that were asked for, what to call them, and the worked example where it is one.

    Raises:
        UsageError: an image and a matrix, or neither.
        DataError, UnknownNameError: as `load_image`, `read_matrix` and `find_example`.
    """
    if (image is None) == (matrix is None):
        found = "both" if image is not None else "neither"
        raise UsageError(
            f"give an image, such as mnist/test/3520, or --matrix with numbers, a CSV file or one of {', '.join(examples)}; found {found}"
        )
    if matrix is None:
        return load_image(str(image), root=root, progress=progress), str(image), None
    if is_name(matrix):
        example = find_example(matrix.strip(), examples)
        return read_matrix(example.matrix)[None], matrix.strip(), example
    return read_matrix(matrix)[None], "matrix", None


def conv(
    image: str | None = None,
    *,
    matrix: str | None = None,
    kernel: str | None = None,
    size: int | None = None,
    sigma: float | None = None,
    stride: int | None = None,
    dilation: int | None = None,
    padding: str | None = None,
    mode: str | int | None = None,
    flip: bool = False,
    to: Path | None = None,
    root: Path | None = None,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Lays a kernel on an image or a matrix; its picture goes to `to`, and small ones come back as numbers, too.

    Args:
        image: a file, or the id of a sample.
        matrix: numbers such as `10 10 0; 10 10 0`, a CSV file, or the name of one of CONVOLUTIONS, which brings its own options.
        kernel: by name or as text; sobel-vertical by default.
        flip: turn the kernel by 180 degrees first; see `curate.lab.convolution.convolve` for it and the others.

    Raises:
        DataError, UnknownNameError, UsageError: as `subject_of`, `parse_kernel`, `convolve` and `save`.
    """
    if to is not None:
        check_picture_path(to)
    pixels, name, example = subject_of(image, matrix, CONVOLUTIONS, root=root, progress=progress)
    given = {"stride": stride, "dilation": dilation, "padding": padding, "mode": mode, "size": size}
    own = dict(example.options) if example is not None else {}
    chosen = {**own, **{key: value for key, value in given.items() if value is not None}}
    kernel = kernel or (example.kernel if example is not None else "sobel-vertical")
    taps = parse_kernel(kernel, size=chosen.pop("size", None), sigma=sigma)
    options: dict[str, Any] = {"stride": 1, "dilation": 1, "padding": "none", "mode": None, **chosen, "flip": flip}
    result = convolve(pixels, taps, **options)
    kernel_name = kernel.strip() if kernel.strip()[:1].isalpha() else "own kernel"
    shape = (int(taps.shape[0]), int(taps.shape[1]))
    places = {key: options[key] for key in ("stride", "dilation")}
    sides = pad_sides(shape, dilation=options["dilation"], padding=options["padding"], mode=options["mode"])
    told: dict[str, Any] = {
        "image": name,
        "example": example.says if example is not None else None,
        "kernel": kernel_name,
        "operation": "convolution" if flip else "cross-correlation",
        "note": turned_note(pixels, taps, result, options),
        "image_shape": shape_text(pixels.shape if example is None and matrix is None else pixels.shape[1:]),
        "kernel_shape": shape_text(shape),
        "result_shape": shape_text(result.shape if matrix is None else result.shape[1:]),
        "formula": shape_formula((pixels.shape[1], pixels.shape[2]), shape, sides, **places),
        "smallest": float(result.min()),
        "largest": float(result.max()),
    }
    if is_readable(pixels):
        padded = pad(pixels.astype(np.float64), sides, options["padding"])[0]
        told["upper_left"] = first_place(padded, taps[::-1, ::-1] if flip else taps, options["dilation"])
        told |= {"input": pixels[0].tolist(), "kernel_numbers": taps.tolist(), "output": result[0].tolist()}
    if to is not None:
        figure = convolution_figure(pixels, taps, kernel_name=f"{name}, {kernel_name}" if example else kernel_name, **options)
        told["figure"] = save(figure, to)
    return told


def turned_note(pixels: NDArray, taps: NDArray, result: NDArray, options: Mapping[str, Any]) -> str:
    """One line about the kernel's 180 degrees: what was done, and what the other way would have given."""
    flip = options["flip"]
    if np.array_equal(taps, taps[::-1, ::-1]):
        return "this kernel looks the same turned by 180°, so cross-correlation and convolution agree"
    other = convolve(pixels, taps, **{**options, "flip": not flip})
    ends = f"{float(other.min()):.4g} to {float(other.max()):.4g}"
    if flip:
        return f"the kernel was turned by 180° first; as PyTorch and CNN layers do it, without --convolution, the result goes from {ends}"
    return f"the kernel is laid on as it is, as PyTorch and CNN layers do; turned by 180° first (--convolution) the result goes from {ends}"


MOST_TERMS = 25


def first_place(padded: NDArray, taps: NDArray, dilation: int) -> str | None:
    """How the upper left number of the result comes about: `10·1 + 10·0 + 10·(−1) = 0`; None where that is too long."""
    if taps.size > MOST_TERMS:
        return None
    height, width = (dilation * (side - 1) + 1 for side in taps.shape)
    window = padded[:height:dilation, :width:dilation]
    terms = [f"{_plain(x)}·{_plain(k) if k >= 0 else f'({_plain(k)})'}" for x, k in zip(window.flat, taps.flat, strict=True)]
    return f"{' + '.join(terms)} = {_plain(float((window * taps).sum()))}"


def _plain(value: float) -> str:
    return f"{value:.4g}".replace("-", "−")


def pool(
    image: str | None = None,
    *,
    matrix: str | None = None,
    size: int = 2,
    stride: int | None = None,
    to: Path | None = None,
    root: Path | None = None,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Pools an image or a matrix by maximum, mean and sum; its picture goes to `to`, and small ones come back as numbers, too.

    Args:
        image: as in `conv`.
        matrix: as in `conv`; the name is one of POOLINGS.

    Raises:
        DataError, UnknownNameError, UsageError: as `subject_of`, `pooled` and `save`.
    """
    if to is not None:
        check_picture_path(to)
    pixels, name, example = subject_of(image, matrix, POOLINGS, root=root, progress=progress)
    results = {kind: pooled(pixels, kind, size=size, stride=stride) for kind in KINDS}
    inside = slice(0 if matrix is None else 1, None)
    told: dict[str, Any] = {
        "image": name,
        "example": example.says if example is not None else None,
        "image_shape": shape_text(pixels.shape[inside]),
        "result_shape": shape_text(results["max"].shape[inside]),
        "formula": sides_formula([size_formula(side, size, stride=stride or size) for side in pixels.shape[1:]]),
        **{f"global_{kind}": global_pool(pixels, kind).tolist() for kind in KINDS},
    }
    if is_readable(pixels):
        told |= {"input": pixels[0].tolist(), **{kind: result[0].tolist() for kind, result in results.items()}}
    if to is not None:
        told["figure"] = save(pooling_figure(pixels, size=size, stride=stride), to)
    return told


def invariance(
    source: str, *, kernel: str, largest: int = 8, kind: str = "max", to: Path, root: Path | None = None, progress: Progress = silent
) -> dict[str, Any]:
    """How much the answers of a kernel change with shifts of an image, without pooling and with more and more of it, drawn.

    Raises:
        UnknownNameError, DataError, UsageError: as `load_image`, `parse_kernel`, `shifts_up_to` and `save`.
    """
    check_picture_path(to)
    matrix = parse_kernel(kernel)
    image = load_image(source, root=root, progress=progress)
    shifts = shifts_up_to(largest, image)
    sizes = [size for size in (1, 2, 4, 8) if size <= min(image.shape[1:])]
    changes = pooling_invariance(image, matrix, shifts=shifts, sizes=sizes, kind=kind)
    figure = invariance_figure(changes, shifts, title=f"{source} shifted: pooling forgets where", kernel=kernel)
    return {
        "image": source,
        "kernel": kernel,
        "shifts": shifts,
        "change": {key: values.tolist() for key, values in changes.items()},
        "figure": save(figure, to),
    }


def shifts_up_to(largest: int, image: NDArray) -> list[int]:
    """0..largest pixels; a UsageError where the image (C, H, W) is not wider."""
    if not 0 < largest < image.shape[2]:
        raise UsageError(f"the largest shift must be 1 or more and less than the image's {image.shape[2]} pixels, found {largest}")
    return list(range(largest + 1))
