"""Convolution of an image with a kernel, as the courses draw it; and the picture of it.

A kernel (h, w) is laid on every place of the image; the numbers under it are multiplied and added. True convolution turns the
kernel by 180 degrees first, cross-correlation does not. CNN layers compute cross-correlation and call it convolution: their
kernels are learned, so that it makes no difference.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from curate.errors import DataError, UnknownNameError, UsageError
from curate.lab.figure import DIVERGING, GREY, add_bar, new_figure, styled
from curate.lab.figure_images import show_image, show_matrix
from curate.lab.formulas import sides_formula, size_formula
from curate.lab.kernels import as_kernel

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PADDINGS = ("none", "zeros", "reflect", "replicate", "circular")
MOST_PADDING = 4096
"""Pixels on a side; many more would need gigabytes."""
Sides = tuple[int, int, int, int]
"""Pixels added above, below, left and right."""


def convolve(
    image: Tensor | NDArray,
    kernel: Tensor | NDArray | list[list[float]],
    *,
    stride: int = 1,
    dilation: int = 1,
    padding: str = "none",
    mode: str | int | None = None,
    flip: bool = True,
) -> Tensor:
    """`image` convolved with `kernel`.

    Args:
        image: (H, W), or (C, H, W); any kind of numbers.
        kernel: (h, w): each channel is convolved by itself; (C, h, w): channels are added up to one map, as in a CNN layer.
        stride: pixels from one place of the kernel to the next.
        dilation: pixels from one number of the kernel to the next; 1 is a kernel without gaps.
        padding: what lies around the image: `none`, `zeros`, `reflect` (mirrored at the outermost pixel, which is not
            repeated), `replicate` (that pixel, on and on) or `circular` (the image again).
        mode: how much of it: `valid`, none; `same`, so much that stride 1 keeps the size, the odd pixel below and to the
            right; or a number of pixels on each side. By default `valid` without padding, else `same`.
        flip: true convolution; False for cross-correlation.

    Returns:
        (h', w') or (C, h', w'), or (h', w') for a kernel (C, h, w); float64.

    Raises:
        UnknownNameError: no padding or mode of that name.
        UsageError: an option is out of range, or padding and mode contradict each other.
        DataError: the image has another shape, or the kernel is larger than the padded image.
    """
    x, taps = image_tensor(image), _kernel_tensor(kernel)
    if taps.ndim == 3 and (x.ndim != 3 or len(x) != len(taps)):
        raise DataError(f"a kernel with {len(taps)} channels needs an image with as many, found {tuple(x.shape)}")
    sides = pad_sides((int(taps.shape[-2]), int(taps.shape[-1])), dilation=dilation, padding=padding, mode=mode)
    padded = pad(x if x.ndim == 3 else x[None], sides, padding)  # (C, H, W)
    check_fit((int(padded.shape[-2]), int(padded.shape[-1])), (int(taps.shape[-2]), int(taps.shape[-1])), dilation=dilation, stride=stride)
    if flip:
        taps = taps.flip(-2, -1)
    if taps.ndim == 3:
        return F.conv2d(padded[None], taps[None], stride=stride, dilation=dilation)[0, 0]
    result = F.conv2d(padded[:, None], taps[None, None], stride=stride, dilation=dilation)[:, 0]
    return result if x.ndim == 3 else result[0]


def pad_sides(kernel: tuple[int, int], *, dilation: int = 1, padding: str = "none", mode: str | int | None = None) -> Sides:
    """How many pixels `convolve` adds above, below, left and right of an image.

    Raises:
        UnknownNameError, UsageError: as `convolve`.
    """
    if padding not in PADDINGS:
        raise UnknownNameError.of("padding", padding, PADDINGS)
    if mode is None:
        mode = "valid" if padding == "none" else "same"
    if isinstance(mode, str) and mode not in ("valid", "same"):
        raise UnknownNameError.of("mode", mode, ("valid", "same"))
    if isinstance(mode, int) and mode < 0:
        raise UsageError(f"an image cannot be padded by {mode} pixels; give 0 or more")
    if (padding == "none") != (mode in ("valid", 0)):
        raise UsageError(
            f"padding '{padding}' and mode '{mode}' contradict each other; "
            "valid goes with none, same and a number of pixels with zeros, reflect, replicate or circular"
        )
    vertical, horizontal = (0, 0) if mode == "valid" else (dilation * (taps - 1) for taps in kernel)
    sides = vertical // 2, vertical - vertical // 2, horizontal // 2, horizontal - horizontal // 2
    if isinstance(mode, int):
        sides = mode, mode, mode, mode
    if max(sides) > MOST_PADDING:
        raise UsageError(f"an image cannot be padded by {max(sides)} pixels; take {MOST_PADDING} at most")
    return sides


def pad(x: Tensor, sides: Sides, padding: str) -> Tensor:
    """`x` (..., H, W) with so many pixels around it; more than the image is high or wide are allowed."""
    top, bottom, left, right = sides
    if not any(sides):
        return x
    if padding == "zeros":
        return F.pad(x, (left, right, top, bottom))
    rows, columns = _places(x.shape[-2], top, bottom, padding), _places(x.shape[-1], left, right, padding)
    return x[..., rows[:, None], columns]


def _places(size: int, before: int, after: int, padding: str) -> Tensor:
    """Which pixel of a line of `size` stands at each place of the padded line."""
    places = torch.arange(-before, size + after)
    if padding == "circular":
        return places % size
    if padding == "reflect" and size > 1:
        folded = places % (2 * (size - 1))
        return torch.minimum(folded, 2 * (size - 1) - folded)
    return places.clamp(0, size - 1)


def check_fit(image_size: tuple[int, int], kernel: tuple[int, int], *, dilation: int, stride: int) -> None:
    """Raises a UsageError where stride or dilation is below 1, and a DataError where the kernel is larger than the padded image."""
    if stride < 1 or dilation < 1:
        raise UsageError(f"stride and dilation must be 1 or more, found {stride} and {dilation}")
    reach = [dilation * (taps - 1) + 1 for taps in kernel]
    if reach[0] > image_size[0] or reach[1] > image_size[1]:
        gaps = f" with dilation {dilation} covers {reach[0]}x{reach[1]} pixels, which" if dilation > 1 else ""
        raise DataError(
            f"the kernel of {kernel[0]}x{kernel[1]}{gaps} is larger than the padded image of {image_size[0]}x{image_size[1]}; "
            "take a smaller kernel, or more padding"
        )


def image_tensor(image: Tensor | NDArray) -> Tensor:
    """`image` as float64, (H, W) or (C, H, W); a DataError where it is neither."""
    x = torch.as_tensor(image).to(torch.float64)
    if x.ndim not in (2, 3) or x.numel() == 0:
        raise DataError(f"an image must be (H, W) or (C, H, W), found {tuple(x.shape)}")
    return x


def _kernel_tensor(kernel: Any) -> Tensor:
    if isinstance(kernel, (Tensor, np.ndarray)) and kernel.ndim == 3:
        return torch.as_tensor(kernel).to(torch.float64)
    return torch.from_numpy(as_kernel(kernel.tolist() if isinstance(kernel, Tensor) else kernel))


def shape_formula(image_size: tuple[int, int], kernel: tuple[int, int], sides: Sides, *, stride: int, dilation: int) -> str:
    """How the size of the result comes about: `(28 + 2·1 − 3)/1 + 1 = 28`, for height and width where they differ."""
    borders = ((sides[0], sides[1]), (sides[2], sides[3]))
    return sides_formula([size_formula(image_size[i], kernel[i], stride=stride, padding=borders[i], dilation=dilation) for i in (0, 1)])


@styled
def convolution_figure(
    image: Tensor | NDArray,
    kernel: NDArray,
    *,
    kernel_name: str = "own kernel",
    stride: int = 1,
    dilation: int = 1,
    padding: str = "none",
    mode: str | int | None = None,
    flip: bool = True,
) -> "Figure":
    """Image, kernel with its numbers, and result with a colour bar; shapes and formula in the titles.

    Kernels that sum to more than 0 (blurs, sharpen) give an image again, drawn in the image's own range. All others give
    numbers with a sign, drawn from blue over white (0) to red; of a colour image, their mean over the channels.

    Args:
        image: (H, W) or (C, H, W) with 1 or 3 channels, uint8 or floats in 0..1.
        kernel: (h, w), see `convolve` for it and the others.
    """
    result = convolve(image, kernel, stride=stride, dilation=dilation, padding=padding, mode=mode, flip=flip)
    pixels, is_colour = torch.as_tensor(image), torch.as_tensor(image).ndim == 3 and len(image) == 3
    top = 255.0 if pixels.dtype == torch.uint8 else 1.0
    size, shape = (int(pixels.shape[-2]), int(pixels.shape[-1])), (int(kernel.shape[0]), int(kernel.shape[1]))
    sides = pad_sides(shape, dilation=dilation, padding=padding, mode=mode)
    formula = shape_formula(size, shape, sides, stride=stride, dilation=dilation)
    operation = "convolution" if flip else "cross-correlation"
    figure, axes = new_figure(1, 3, width=9.6, height=3.9, width_ratios=(1.15, 0.85, 1.15), title=f"{kernel_name}: {operation}")

    drawn = show_image(axes[0, 0], pixels / top, f"image\n{_by(pixels.shape)}", vmin=0, vmax=1)
    gaps = f", dilation {dilation}" if dilation > 1 else ""
    show_matrix(axes[0, 1], kernel, f"kernel\n{shape[0]} × {shape[1]}{gaps}")
    axes[0, 1].set_xlabel("turned by 180° when it is laid on" if flip else "laid on as it is", color=GREY)
    is_image = bool(kernel.sum() > 1e-9)
    if is_image and is_colour:
        show_image(axes[0, 2], (result / top).clamp(0, 1), f"result\n{_by(result.shape)}")
    elif is_image:
        drawn = show_image(axes[0, 2], result / top, f"result\n{_by(result.shape)}", vmin=0, vmax=1)
        add_bar(figure, drawn, axes[0, 2], "brightness, 0 to 1")
    else:
        values = (result.mean(0) if is_colour else result) / top
        largest = float(values.abs().max()) or 1.0
        merged = ", mean of the channels drawn" if is_colour else ""
        drawn = show_image(axes[0, 2], values, f"result\n{_by(result.shape)}{merged}", cmap=DIVERGING, vmin=-largest, vmax=largest)
        add_bar(figure, drawn, axes[0, 2], "response (image in 0 to 1)")
    border = "no padding" if not any(sides) else f"padding {padding}"
    figure.supxlabel(f"{border}, stride {stride}:   {formula}", fontsize=9, color=GREY)
    return figure


def _by(shape: Any) -> str:
    return " × ".join(str(int(side)) for side in shape)
