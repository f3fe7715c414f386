"""Convolution of an image with a kernel, as the courses draw it; and the picture of it.

A kernel (h, w) is laid on every place of the image; the numbers under it are multiplied and added. CNN layers, and PyTorch, lay it
on as it is, which is cross-correlation, and call it convolution: their kernels are learned, so that it makes no difference. True
convolution turns the kernel by 180 degrees first. All is done with numpy, so that commands need not wait for torch.
"""

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from curate.errors import DataError, UnknownNameError, UsageError
from curate.lab.figure import DIVERGING, GREY, add_bar, new_figure, styled
from curate.lab.figure_images import frame, show_image, show_matrix, show_numbers
from curate.lab.formulas import sides_formula, size_formula
from curate.lab.kernels import as_kernel

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from torch import Tensor

Pixels: TypeAlias = "NDArray | Tensor"
PADDINGS = ("none", "zeros", "reflect", "replicate", "circular")
MOST_PADDING = 4096
"""Pixels on a side; many more would need gigabytes."""
Sides = tuple[int, int, int, int]
"""Pixels added above, below, left and right."""


def convolve(
    image: "Pixels",
    kernel: "Pixels | list[list[float]]",
    *,
    stride: int = 1,
    dilation: int = 1,
    padding: str = "none",
    mode: str | int | None = None,
    flip: bool = False,
) -> Any:
    """`image` convolved with `kernel`, as a layer of a CNN does it: the kernel is laid on as it is (cross-correlation).

    Args:
        image: (H, W), or (C, H, W); any kind of numbers, a tensor or an array.
        kernel: (h, w): each channel is convolved by itself; (C, h, w): channels are added up to one map, as in a CNN layer.
        stride: pixels from one place of the kernel to the next.
        dilation: pixels from one number of the kernel to the next; 1 is a kernel without gaps.
        padding: what lies around the image: `none`, `zeros`, `reflect` (mirrored at the outermost pixel, which is not
            repeated), `replicate` (that pixel, on and on) or `circular` (the image again).
        mode: how much of it: `valid`, none; `same`, so much that stride 1 keeps the size, the odd pixel below and to the
            right; or a number of pixels on each side. By default `valid` without padding, else `same`.
        flip: turn the kernel by 180 degrees first: convolution as mathematics has it.

    Returns:
        (h', w') or (C, h', w'), or (h', w') for a kernel (C, h, w); float64, a tensor where the image is one.

    Raises:
        UnknownNameError: no padding or mode of that name.
        UsageError: an option is out of range, or padding and mode contradict each other.
        DataError: the image has another shape, or the kernel is larger than the padded image.
    """
    x, taps = image_array(image), _kernel_array(kernel)
    if taps.ndim == 3 and (x.ndim != 3 or len(x) != len(taps)):
        raise DataError(f"a kernel with {len(taps)} channels needs an image with as many, found {tuple(x.shape)}")
    size = (int(taps.shape[-2]), int(taps.shape[-1]))
    sides = pad_sides(size, dilation=dilation, padding=padding, mode=mode)
    padded = pad(x if x.ndim == 3 else x[None], sides, padding)  # (C, H, W)
    check_fit((int(padded.shape[-2]), int(padded.shape[-1])), size, dilation=dilation, stride=stride)
    if flip:
        taps = taps[..., ::-1, ::-1]
    windows = _windows(padded, size, stride=stride, dilation=dilation)  # (C, h', w', h, w)
    if taps.ndim == 3:
        result = np.einsum("cyxij,cij->yx", windows, taps)
    else:
        result = np.einsum("cyxij,ij->cyx", windows, taps)
        result = result if x.ndim == 3 else result[0]
    return like(image, result)


def _windows(padded: NDArray, kernel: tuple[int, int], *, stride: int, dilation: int) -> NDArray:
    """What lies under the kernel at each of its places: (C, h', w', h, w), without a copy."""
    reach = (dilation * (kernel[0] - 1) + 1, dilation * (kernel[1] - 1) + 1)
    windows = np.lib.stride_tricks.sliding_window_view(padded, reach, axis=(1, 2))
    return windows[:, ::stride, ::stride, ::dilation, ::dilation]


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


def pad(x: Any, sides: Sides, padding: str) -> Any:
    """`x` (..., H, W), array or tensor, with so many pixels around it; more than the image is high or wide are allowed."""
    top, bottom, left, right = sides
    if not any(sides):
        return x
    height, width = int(x.shape[-2]), int(x.shape[-1])
    rows, columns = _places(height, top, bottom, padding), _places(width, left, right, padding)
    padded = x[..., rows[:, None], columns]
    if padding == "zeros":
        padded[..., :top, :] = padded[..., top + height :, :] = 0
        padded[..., :left] = padded[..., left + width :] = 0
    return padded


def _places(size: int, before: int, after: int, padding: str) -> NDArray[np.int64]:
    """Which pixel of a line of `size` stands at each place of the padded line."""
    places = np.arange(-before, size + after)
    if padding == "circular":
        return places % size
    if padding == "reflect" and size > 1:
        folded = places % (2 * (size - 1))
        return np.minimum(folded, 2 * (size - 1) - folded)
    return places.clip(0, size - 1)


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


def image_array(image: "Pixels") -> NDArray[np.float64]:
    """`image` as float64, (H, W) or (C, H, W); a DataError where it is neither."""
    x = plain_array(image).astype(np.float64)
    if x.ndim not in (2, 3) or x.size == 0:
        raise DataError(f"an image must be (H, W) or (C, H, W), found {tuple(x.shape)}")
    return x


def plain_array(x: Any) -> NDArray:
    """A tensor or anything like an array, as an array."""
    return x.detach().cpu().numpy() if is_tensor(x) else np.asarray(x)


def is_tensor(x: Any) -> bool:
    """Whether `x` is a tensor of torch; without importing torch, which takes a second."""
    return hasattr(x, "detach")


def like(image: Any, result: NDArray) -> Any:
    """`result` as a tensor where `image` is one."""
    if not is_tensor(image):
        return result
    import torch

    return torch.from_numpy(np.ascontiguousarray(result))


def _kernel_array(kernel: Any) -> NDArray[np.float64]:
    plain = plain_array(kernel) if is_tensor(kernel) else kernel
    if isinstance(plain, np.ndarray) and plain.ndim == 3:
        return plain.astype(np.float64)
    return as_kernel(plain)


def shape_formula(image_size: tuple[int, int], kernel: tuple[int, int], sides: Sides, *, stride: int, dilation: int) -> str:
    """How the size of the result comes about: `(28 + 2·1 − 3)/1 + 1 = 28`, for height and width where they differ."""
    borders = ((sides[0], sides[1]), (sides[2], sides[3]))
    return sides_formula([size_formula(image_size[i], kernel[i], stride=stride, padding=borders[i], dilation=dilation) for i in (0, 1)])


@styled
def convolution_figure(
    image: "Pixels",
    kernel: NDArray,
    *,
    kernel_name: str = "own kernel",
    stride: int = 1,
    dilation: int = 1,
    padding: str = "none",
    mode: str | int | None = None,
    flip: bool = False,
    values: bool | None = None,
) -> "Figure":
    """Image, kernel with its numbers, and result with a colour bar; shapes and formula in the titles.

    Small images are drawn as their numbers, and so are their results; the first place of the kernel has an orange frame. Of larger
    ones, kernels that sum to more than 0 (blurs, sharpen) give an image again, drawn in the image's own range. All others give
    numbers with a sign, drawn from blue over white (0) to red; of a colour image, their mean over the channels.

    Args:
        image: (H, W) or (C, H, W) with 1 or 3 channels, uint8 or floats in 0..1; a small one may hold any numbers.
        kernel: (h, w), see `convolve` for it and the others.
        values: draw numbers; by default where the image is small enough for them, see `is_readable`.
    """
    result = convolve(image, kernel, stride=stride, dilation=dilation, padding=padding, mode=mode, flip=flip)
    pixels = plain_array(image)
    result = plain_array(result)
    size, shape = (int(pixels.shape[-2]), int(pixels.shape[-1])), (int(kernel.shape[0]), int(kernel.shape[1]))
    sides = pad_sides(shape, dilation=dilation, padding=padding, mode=mode)
    formula = shape_formula(size, shape, sides, stride=stride, dilation=dilation)
    operation = "true convolution" if flip else "cross-correlation, as in a CNN layer"
    title = f"{kernel_name}: {operation}"
    if is_readable(pixels) if values is None else values:
        padded = plain_array(pad(pixels.reshape(size), sides, padding))
        figure = _numbers_figure(padded, sides, kernel, result.reshape(result.shape[-2:]), title, flip=flip, dilation=dilation)
    else:
        figure = _picture_figure(pixels, kernel, result, title, flip=flip, dilation=dilation)
    border = "no padding" if not any(sides) else f"padding {padding}"
    figure.supxlabel(f"{border}, stride {stride}:   {formula}", fontsize=9, color=GREY)
    return figure


LAID = {True: "turned by 180° when it is laid on", False: "laid on as it is"}


def _picture_figure(pixels: NDArray, kernel: NDArray, result: NDArray, title: str, *, flip: bool, dilation: int) -> "Figure":
    is_colour = pixels.ndim == 3 and len(pixels) == 3
    top = 255.0 if pixels.dtype == np.uint8 else 1.0
    shape = kernel.shape
    figure, axes = new_figure(1, 3, width=9.6, height=3.9, width_ratios=(1.15, 0.85, 1.15), title=title)
    drawn = show_image(axes[0, 0], pixels, f"image\n{_by(pixels.shape)}", vmin=0, vmax=top)
    gaps = f", dilation {dilation}" if dilation > 1 else ""
    show_matrix(axes[0, 1], kernel, f"kernel\n{shape[0]} × {shape[1]}{gaps}")
    axes[0, 1].set_xlabel(LAID[flip], color=GREY)
    is_image = bool(kernel.sum() > 1e-9)
    if is_image and is_colour:
        show_image(axes[0, 2], (result / top).clip(0, 1), f"result\n{_by(result.shape)}")
    elif is_image:
        drawn = show_image(axes[0, 2], result, f"result\n{_by(result.shape)}", vmin=0, vmax=top)
        add_bar(figure, drawn, axes[0, 2], f"brightness, 0 to {top:g}")
    else:
        values = result.mean(0) if is_colour else result
        largest = float(np.abs(values).max()) or 1.0
        merged = ", mean of the channels drawn" if is_colour else ""
        drawn = show_image(axes[0, 2], values, f"result\n{_by(result.shape)}{merged}", cmap=DIVERGING, vmin=-largest, vmax=largest)
        add_bar(figure, drawn, axes[0, 2], f"response to pixels from 0 to {top:g}")
    return figure


def _numbers_figure(padded: NDArray, sides: Sides, kernel: NDArray, result: NDArray, title: str, *, flip: bool, dilation: int) -> "Figure":
    """Three tables of numbers whose cells have one size; the first place of the kernel framed, and what comes of it."""
    widest = [max(table.shape) for table in (padded, kernel, result)]
    cell = min(0.62, 4.2 / max(widest))
    ratios = [cell * max(side, 1.6) + 0.25 for side in (padded.shape[1], kernel.shape[1], result.shape[1])]
    height = cell * max(len(padded), len(kernel), len(result)) + 1.75
    figure, axes = new_figure(1, 3, width=max(7.5, sum(ratios) + 1.2), height=height, width_ratios=ratios, title=title)
    around = "" if not any(sides) else ", padding in grey"
    inside = padded[sides[0] : len(padded) - sides[1], sides[2] : padded.shape[1] - sides[3]]
    show_numbers(axes[0, 0], padded, f"image\n{_by(inside.shape)}{around}", border=sides)
    show_numbers(axes[0, 1], kernel, f"kernel\n{_by(kernel.shape)}")
    axes[0, 1].set_xlabel(LAID[flip], color=GREY)
    show_numbers(axes[0, 2], result, f"result\n{_by(result.shape)}")
    reach = (dilation * (kernel.shape[0] - 1) + 1, dilation * (kernel.shape[1] - 1) + 1)
    frame(axes[0, 0], reach)
    frame(axes[0, 2], (1, 1))
    axes[0, 0].set_xlabel("orange: the kernel's first place", color=GREY)
    axes[0, 2].set_xlabel("orange: what it gives there", color=GREY)
    return figure


LARGEST_READABLE = 16
"""Sides of images whose numbers are drawn."""


def is_readable(image: NDArray) -> bool:
    """Whether the numbers of `image` can be drawn: it has one channel and few pixels."""
    return max(image.shape[-2:]) <= LARGEST_READABLE and (image.ndim == 2 or len(image) == 1)


def _by(shape: Any) -> str:
    return " × ".join(str(int(side)) for side in shape)
