"""conv, pool, arithmetic, receptive-field, equivariance, invariance: the lab of the courses, on any image and any model."""

from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer

from curate.cli import arguments as a
from curate.cli.output import show, working


class Padding(str, Enum):
    none = "none"
    zeros = "zeros"
    reflect = "reflect"
    replicate = "replicate"
    circular = "circular"


class Pooling(str, Enum):
    max = "max"
    mean = "mean"
    sum = "sum"


ImageArgument = Annotated[str, typer.Argument(metavar="IMAGE|SAMPLE_ID", help="An image file, or a sample such as mnist/test/3520.")]
NetArgument = Annotated[str, typer.Argument(metavar="MODEL", help="A model by name, such as lenet5 or resnet18.")]
KernelOption = Annotated[
    str,
    typer.Option(metavar="NAME|MATRIX", help="A kernel such as sharpen or sobel-vertical, or a matrix such as '0 -1 0; -1 5 -1; 0 -1 0'."),
]
InputOption = Annotated[str, typer.Option("--input", metavar="CxHxW", help="Channels, height and width of the images.")]
ToOption = Annotated[Path, typer.Option(metavar="FILE", help="Where the picture goes: a .png, .svg or .pdf.")]
ShiftOption = Annotated[int, typer.Option(min=1, help="The largest shift, in pixels.")]


def conv(
    image: ImageArgument,
    kernel: KernelOption = "sobel-vertical",
    size: Annotated[int | None, typer.Option(help="Side of identity, box-blur and gaussian-blur.")] = None,
    sigma: Annotated[float | None, typer.Option(help="Width of gaussian-blur, in pixels.")] = None,
    stride: Annotated[int, typer.Option(help="Pixels from one place of the kernel to the next.")] = 1,
    dilation: Annotated[int, typer.Option(help="Pixels from one number of the kernel to the next.")] = 1,
    padding: Annotated[Padding, typer.Option(help="What lies around the image.")] = Padding.none,
    mode: Annotated[str | None, typer.Option(metavar="valid|same|N", help="How much of it; same where there is padding.")] = None,
    cross_correlation: Annotated[bool, typer.Option("--cross-correlation", help="Do not turn the kernel, as CNN layers do.")] = False,
    to: ToOption = Path("conv.png"),
    root: a.RootOption = None,
    as_json: a.JsonOption = False,
) -> None:
    """Convolve an image with a kernel, and draw image, kernel and result."""
    with working() as progress:
        from curate.lab.explain_image import conv as run_conv

        result = run_conv(
            image,
            kernel=kernel,
            size=size,
            sigma=sigma,
            stride=stride,
            dilation=dilation,
            padding=padding.value,
            mode=int(mode) if mode and mode.removeprefix("-").isdecimal() else mode,
            flip=not cross_correlation,
            to=to,
            root=root,
            progress=progress,
        )
    show(result, as_json=as_json)


def pool(
    image: ImageArgument,
    size: Annotated[int, typer.Option(help="Side of the windows.")] = 2,
    stride: Annotated[int | None, typer.Option(help="Pixels from window to window; side by side by default.")] = None,
    to: ToOption = Path("pool.png"),
    root: a.RootOption = None,
    as_json: a.JsonOption = False,
) -> None:
    """Pool an image by maximum, mean and sum, in windows and over all of it."""
    with working() as progress:
        from curate.lab.explain_image import pooling

        result = pooling(image, size=size, stride=stride, to=to, root=root, progress=progress)
    show(result, as_json=as_json)


def arithmetic(
    model: NetArgument,
    input_shape: InputOption = "3x224x224",
    classes: Annotated[int, typer.Option(min=1, help="How many classes.")] = 1000,
    effective: Annotated[
        bool, typer.Option("--effective", help="Measure by the gradient what units really see; takes minutes for large models.")
    ] = False,
    to: Annotated[Path | None, typer.Option(metavar="FILE", help="Draw it too: a .png, .svg or .pdf.")] = None,
    as_json: a.JsonOption = False,
) -> None:
    """Count a model layer by layer: shapes, parameters, multiply-adds, memory, receptive fields, and their formulas."""
    with working() as progress:
        from curate.lab.arithmetic import parse_shape
        from curate.lab.explain_net import arithmetic_of

        shape = parse_shape(input_shape)
        made, figure = arithmetic_of(model, shape, num_classes=classes, effective=effective, to=to, progress=progress)
    from curate.cli.arithmetic_table import as_result, render

    show(
        as_result(made, model=model, num_classes=classes, figure=figure),
        as_json=as_json,
        render=lambda result: render(made, result),
    )


def receptive_field(
    model: NetArgument,
    input_shape: InputOption = "3x96x96",
    layer: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="A layer, several times for several; the last of each size by default.")
    ] = None,
    to: ToOption = Path("receptive-field.png"),
    as_json: a.JsonOption = False,
) -> None:
    """Draw what units of a model see: in theory, and really, by the gradient."""
    with working():
        from curate.lab.arithmetic import parse_shape
        from curate.lab.explain_net import receptive_field as run_receptive_field

        result = run_receptive_field(model, parse_shape(input_shape), layers=layer or (), to=to)
    show(result, as_json=as_json, render=_render_fields)


def equivariance(
    image: ImageArgument,
    model: Annotated[str, typer.Option(metavar="NAME", help="A model by name.")] = "lenet5",
    largest: ShiftOption = 8,
    to: ToOption = Path("equivariance.png"),
    root: a.RootOption = None,
    as_json: a.JsonOption = False,
) -> None:
    """Shift an image, and measure how exactly each layer of a model follows."""
    with working() as progress:
        from curate.lab.explain_image import shifts_of

        result = shifts_of(image, model=model, largest=largest, to=to, root=root, progress=progress)
    show(result if as_json else {**result, "layers": None}, as_json=as_json)  # the layers are in the picture


def invariance(
    image: ImageArgument,
    kernel: KernelOption = "sobel-vertical",
    pooling: Annotated[Pooling, typer.Option(help="How windows become one number.")] = Pooling.max,
    largest: ShiftOption = 8,
    to: ToOption = Path("invariance.png"),
    root: a.RootOption = None,
    as_json: a.JsonOption = False,
) -> None:
    """Shift an image, and measure how pooling makes a description forget it."""
    with working() as progress:
        from curate.lab.explain_image import invariance as run_invariance

        result = run_invariance(image, kernel=kernel, largest=largest, kind=pooling.value, to=to, root=root, progress=progress)
    changes = result.pop("change")
    at_last = {name: values[-1] for name, values in changes.items()}
    show({**result, "change": changes} if as_json else {**result, f"change at {largest} px": at_last}, as_json=as_json)


def _render_fields(result: dict[str, Any]) -> None:
    """Prints one layer a line."""
    from rich.console import Console
    from rich.table import Table

    from curate.cli import summary

    summary.render({key: value for key, value in result.items() if key != "layers"})
    table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("layer", no_wrap=True)
    for name in ("sees in theory", "really sees", "jump"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in result["layers"]:
        size = row["size"]
        theory = "×".join(f"{side:g}" for side in size) if isinstance(size, list) else size or "–"
        effective = f"{row['effective_size']:.0f}×{row['effective_size']:.0f}"
        table.add_row(row["layer"], theory, effective, "–" if row["jump"] is None else f"{row['jump']:.3g}")
    console = Console(highlight=False, markup=False)
    console.print()
    console.print(table, crop=False)
