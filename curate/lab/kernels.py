"""KERNELS: the small matrices of image processing by name, and matrices of one's own.

Edge kernels are those of the courses, with 1 0 −1 across the edge: as cross-correlation (what a CNN layer computes) they
answer where the image is brighter on the left or above; as true convolution, which turns the kernel by 180 degrees, where it
is brighter on the right or below.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from curate.errors import DataError, UnknownNameError, UsageError


def identity(size: int = 3) -> NDArray[np.float64]:
    """One in the middle, nothing around it: the image as it is."""
    kernel = np.zeros((size, size))
    kernel[size // 2, size // 2] = 1
    return kernel


def box_blur(size: int = 3) -> NDArray[np.float64]:
    """The mean of size x size pixels."""
    return np.full((size, size), 1 / size**2)


def gaussian_blur(size: int = 3, sigma: float | None = None) -> NDArray[np.float64]:
    """A bell that sums to 1.

    Args:
        size: its side in pixels.
        sigma: standard deviation in pixels; by default 0.3 ((size − 1) / 2 − 1) + 0.8, which OpenCV takes too.

    Raises:
        UsageError: sigma is not above 0.
    """
    width = 0.3 * ((size - 1) / 2 - 1) + 0.8 if sigma is None else sigma
    if not (width > 0 and math.isfinite(width)):
        raise UsageError(f"the sigma of a Gaussian must be above 0, found {sigma}")
    places = np.arange(size) - (size - 1) / 2
    bell = np.exp(-(places**2 - (places**2).min()) / (2 * width**2))
    return np.outer(bell, bell) / bell.sum() ** 2


def _edge(across: Sequence[float]) -> NDArray[np.float64]:
    """The kernel of vertical edges with the weights `across` along the edge."""
    return np.outer(across, (1.0, 0.0, -1.0))


LARGEST_SIZE = 1024
"""Of a kernel by name."""
FIXED: dict[str, NDArray[np.float64]] = {
    "sharpen": np.array([[0.0, -1, 0], [-1, 5, -1], [0, -1, 0]]),
    "prewitt-vertical": _edge((1, 1, 1)),
    "prewitt-horizontal": _edge((1, 1, 1)).T,
    "sobel-vertical": _edge((1, 2, 1)),
    "sobel-horizontal": _edge((1, 2, 1)).T,
    "scharr-vertical": _edge((3, 10, 3)),
    "scharr-horizontal": _edge((3, 10, 3)).T,
    "gaussian-1-2-1": np.outer((1.0, 2, 1), (1.0, 2, 1)) / 16,
    "edge-detection": np.array([[1.0, 0, -1], [0, 0, 0], [-1, 0, 1]]),
    "one-zero-one": np.array([[1.0, 0, 1], [0, 1, 0], [1, 0, 1]]),
    "laplacian-4": np.array([[0.0, 1, 0], [1, -4, 1], [0, 1, 0]]),
    "laplacian-8": np.array([[1.0, 1, 1], [1, -8, 1], [1, 1, 1]]),
}
"""Kernels of one size, 3 x 3."""
SIZED: dict[str, Callable[..., NDArray[np.float64]]] = {"identity": identity, "box-blur": box_blur, "gaussian-blur": gaussian_blur}
"""Kernels of any size, 3 x 3 by default."""
SHORT = {"laplacian": "laplacian-4"}
"""Names that leave open which; the kernel that they mean."""


def kernel_names() -> tuple[str, ...]:
    """The names that `make_kernel` knows."""
    return (*SIZED, *FIXED)


def make_kernel(name: str, *, size: int | None = None, sigma: float | None = None) -> NDArray[np.float64]:
    """The kernel `name`, (size, size).

    Args:
        name: one of `kernel_names()`, or of SHORT.
        size: side of identity and blurs.
        sigma: width of the Gaussian in pixels.

    Raises:
        UnknownNameError: there is no kernel `name`.
        UsageError: a size or sigma for a kernel that has none, or a size outside 1..LARGEST_SIZE.
    """
    name = SHORT.get(name, name)
    if name not in kernel_names():
        raise UnknownNameError.of("kernel", name, kernel_names())
    if sigma is not None and name != "gaussian-blur":
        raise UsageError(f"only gaussian-blur has a sigma; '{name}' has none")
    if name in FIXED:
        if size not in (None, 3):
            raise UsageError(f"kernel '{name}' is 3 x 3; only {', '.join(SIZED)} come in other sizes")
        return FIXED[name].copy()
    if size is not None and not 1 <= size <= LARGEST_SIZE:
        raise UsageError(f"the size of a kernel must be 1 to {LARGEST_SIZE}, found {size}")
    options = {} if size is None else {"size": size}
    return SIZED[name](**options) if sigma is None else SIZED[name](**options, sigma=sigma)


def parse_kernel(text: str, *, size: int | None = None, sigma: float | None = None) -> NDArray[np.float64]:
    """A kernel by name, or a matrix as text: `0 -1 0; -1 5 -1; 0 -1 0`, rows parted by `;`, numbers by blanks or commas.

    A number may be a fraction, such as 1/9.

    Raises:
        UnknownNameError: the text is neither a matrix nor a name.
        DataError: rows of different lengths.
        UsageError: a size or sigma for a kernel that has none.
    """
    text = text.strip()
    if text.lower().startswith(("nan", "inf")):
        raise DataError(f"'{text}' holds what is no ordinary number; a kernel is a matrix of finite numbers")
    if text[:1].isalpha():
        return make_kernel(text, size=size, sigma=sigma)
    if size is not None or sigma is not None:
        raise UsageError("size and sigma are for kernels by name; a matrix has its own size")
    try:
        rows = [[number_of(part) for part in row.replace(",", " ").split()] for row in text.strip(";").split(";")]
    except ValueError as error:
        raise DataError(
            f"'{text}' is no matrix ({error}); write numbers and ';' between rows, such as '0 -1 0; -1 5 -1; 0 -1 0'"
        ) from error
    return as_kernel(rows)


def as_kernel(matrix: Sequence[Sequence[float]] | NDArray) -> NDArray[np.float64]:
    """A matrix of one's own as a kernel, (h, w) float64.

    Raises:
        DataError: rows of different lengths, no numbers, or numbers that are not finite.
    """
    lengths = sorted({len(row) for row in matrix})
    if len(lengths) > 1:
        raise DataError(f"the rows of a kernel must have one length, found {lengths[0]} and {lengths[-1]} numbers")
    if not lengths or lengths[0] == 0:
        raise DataError("a kernel needs at least one number")
    kernel = np.array(matrix, dtype=np.float64)
    if kernel.ndim != 2 or not np.isfinite(kernel).all():
        raise DataError(f"a kernel is a matrix of finite numbers, found shape {kernel.shape}")
    return kernel


def number_of(text: str) -> float:
    """`0.5`, `-3` or a fraction such as `1/9`; a ValueError where it is no number."""
    top, _, bottom = text.partition("/")
    try:
        return float(top) / float(bottom) if bottom else float(text)
    except ZeroDivisionError as error:
        raise ValueError(f"{text} divides by 0") from error
