"""conv, pool, arithmetic, receptive-field, equivariance, invariance: the lab of the courses, on any image and any model."""

from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer

from curate.cli import arguments as a
from curate.cli.output import show, working
from curate.errors import UsageError


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
OptionalImage = Annotated[
    str | None,
    typer.Argument(metavar="[IMAGE|SAMPLE_ID]", help="An image file, a sample such as mnist/test/3520, or the photograph flower or china."),
]
MatrixOption = Annotated[
    str | None,
    typer.Option(
        metavar="NUMBERS|FILE.csv|EXAMPLE",
        help="Numbers such as '10 10 0; 10 10 0', a CSV file, or an example such as vertical-edge.",
    ),
]
NetArgument = Annotated[str, typer.Argument(metavar="MODEL", help="A model by name, such as lenet5 or resnet18.")]
KernelHelp = typer.Option(
    metavar="NAME|MATRIX", help="A kernel such as sharpen or sobel-vertical, or a matrix such as '0 -1 0; -1 5 -1; 0 -1 0'."
)
KernelOption = Annotated[str, KernelHelp]
InputOption = Annotated[
    str | None,
    typer.Option(
        "--in", "--input", metavar="CxHxW", help="Of the images; by default 3x96x96, and for small nets those that they were made for."
    ),
]
ToOption = Annotated[Path, typer.Option(metavar="FILE", help="Where the picture goes: a .png, .svg or .pdf.")]
DrawnOption = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Where the picture goes: a .png, .svg or .pdf; by default only images are drawn, into this folder."),
]
ShiftOption = Annotated[int, typer.Option(min=1, help="The largest shift, in pixels.")]


def conv(
    image: OptionalImage = None,
    matrix: MatrixOption = None,
    kernel: Annotated[str | None, KernelHelp] = None,
    size: Annotated[int | None, typer.Option(help="Side of identity, box-blur and gaussian-blur.")] = None,
    sigma: Annotated[float | None, typer.Option(help="Width of gaussian-blur, in pixels.")] = None,
    stride: Annotated[int | None, typer.Option(help="Pixels from one place of the kernel to the next; 1 by default.")] = None,
    dilation: Annotated[int | None, typer.Option(help="Pixels from one number of the kernel to the next; 1 by default.")] = None,
    padding: Annotated[Padding | None, typer.Option(help="What lies around the image; nothing by default.")] = None,
    mode: Annotated[
        str | None, typer.Option(metavar="valid|same|N", help="How much padding; by default same, if --padding is given.")
    ] = None,
    convolution: Annotated[
        bool, typer.Option("--convolution/--cross-correlation", help="Turn the kernel by 180° first; CNN layers and PyTorch do not.")
    ] = False,
    to: DrawnOption = None,
    root: a.RootOption = None,
    as_json: a.JsonOption = False,
) -> None:
    """Apply a kernel to an image or a matrix, and draw image, kernel and result; small ones as numbers.

    Worked examples: `curate explain conv --matrix vertical-edge`, sharpen, horizontal-edge, stride-2-6x6, stride-2-7x7, one-zero-one …
    """
    with working() as progress:
        from curate.lab.explain_image import conv as run_conv

        result = run_conv(
            image,
            matrix=matrix,
            kernel=kernel,
            size=size,
            sigma=sigma,
            stride=stride,
            dilation=dilation,
            padding=padding.value if padding is not None else None,
            mode=int(mode) if mode and mode.removeprefix("-").isdecimal() else mode,
            flip=convolution,
            to=to if to is not None or matrix is not None else Path("conv.png"),
            root=root,
            progress=progress,
        )
    show(result, as_json=as_json, render=lambda told: _render_numbers(told, ("input", "kernel_numbers", "output")))


def pool(
    image: OptionalImage = None,
    matrix: MatrixOption = None,
    size: Annotated[int, typer.Option(help="Side of the windows.")] = 2,
    stride: Annotated[int | None, typer.Option(help="Pixels from window to window; side by side by default.")] = None,
    to: DrawnOption = None,
    root: a.RootOption = None,
    as_json: a.JsonOption = False,
) -> None:
    """Pool an image or a matrix by maximum, mean and sum, in windows and over all of it; small ones as numbers.

    Worked examples: `curate explain pool --matrix max-pool-4x4`, mean-pool-4x4 …
    """
    with working() as progress:
        from curate.lab.explain_image import pool as run_pool

        to = to if to is not None or matrix is not None else Path("pool.png")
        result = run_pool(image, matrix=matrix, size=size, stride=stride, to=to, root=root, progress=progress)
    show(result, as_json=as_json, render=lambda told: _render_numbers(told, ("input", "max", "mean", "sum")))


def _render_numbers(told: dict[str, Any], tables: tuple[str, ...]) -> None:
    """Prints the tables of numbers one below the other, then the facts."""
    from curate.cli import summary
    from curate.lab.matrices import matrix_text

    for name in tables:
        if told.get(name) is not None:
            print(f"{summary.words(name.removesuffix('_numbers'))}\n{matrix_text(told[name])}\n")
    summary.render({key: _readable(value) for key, value in told.items() if key not in tables})


def _readable(value: Any) -> Any:
    """Whole numbers above 1,000 as such, where they would be printed as `2.258e+04`."""
    if isinstance(value, list):
        return [_readable(item) for item in value]
    return f"{value:,.0f}" if isinstance(value, float) and abs(value) >= 1000 else value


def arithmetic(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL|LAYER|FILE.py:CLASS",
            help="A model by name, such as vgg16; conv, pool or linear; or an nn.Module in a file.",
        ),
    ],
    input_shape: Annotated[
        str | None, typer.Option("--in", "--input", metavar="CxHxW", help="Size of the images; by default what the model was made for.")
    ] = None,
    classes: Annotated[
        int | None, typer.Option(min=1, help="How many classes; by default 1,000 for nets of ImageNet, 10 for small nets.")
    ] = None,
    effective: Annotated[
        bool, typer.Option("--effective", help="Measure by the gradient what units really see; takes minutes for large models.")
    ] = False,
    to: Annotated[Path | None, typer.Option(metavar="FILE", help="Draw it too: a .png, .svg or .pdf.")] = None,
    filters: Annotated[int | None, typer.Option("--filters", "--units", help="Of a layer: how many maps or units it has.")] = None,
    kernel: Annotated[int | None, typer.Option(help="Of a layer: side of the kernel or window.")] = None,
    stride: Annotated[int | None, typer.Option(help="Of a layer: pixels from place to place.")] = None,
    padding: Annotated[int | None, typer.Option(help="Of a layer: pixels added on each side.")] = None,
    dilation: Annotated[int | None, typer.Option(help="Of a layer: pixels between the numbers of the kernel.")] = None,
    groups: Annotated[int | None, typer.Option(help="Of a layer: groups of channels that see only themselves.")] = None,
    bias: Annotated[bool, typer.Option("--bias/--no-bias", help="Of a layer: whether each filter has one.")] = True,
    as_json: a.JsonOption = False,
) -> None:
    """Count a model layer by layer: shapes, parameters, multiply-adds, memory, receptive fields, and their formulas.

    One layer alone: `curate explain arithmetic conv --in 3x32x32 --filters 10 --kernel 5 --padding 2`.
    """
    from curate.cli.arithmetic_table import as_result, layer_result, render
    from curate.lab.counted import parse_input, parse_shape
    from curate.lab.single_layer import KINDS, LayerOptions, single_layer

    told = {"filters": filters, "kernel": kernel, "stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    if model in KINDS:
        if to is not None or effective or classes is not None:
            raise UsageError(f"--to, --effective and --classes are for models; '{model}' is one layer, whose numbers are printed")
        layer_input = parse_input(input_shape) if input_shape else (3, 224, 224) if model != "linear" else (4096,)
        options = LayerOptions(**{key: value for key, value in told.items() if value is not None}, has_bias=bias)
        show(layer_result(single_layer(model, layer_input, options), kind=model), as_json=as_json)
        return
    if given := [f"--{key}" for key, value in told.items() if value is not None]:
        raise UsageError(f"{', '.join(given)} is for one layer: {', '.join(KINDS)}; '{model}' is a model, which has its own")
    with working() as progress:
        from curate.lab.light_torch import import_torch

        import_torch()
        from curate.lab.explain_net import arithmetic_of

        shape = parse_shape(input_shape) if input_shape else None
        found = arithmetic_of(model, shape, num_classes=classes, effective=effective, to=to, progress=progress)
    show(as_result(found, model=model), as_json=as_json, render=lambda result: render(found.made, result))


def photo(
    image: Annotated[
        str, typer.Argument(metavar="IMAGE", help="A photograph: a file, a sample, or flower or china, which come with curate.")
    ],
    model: Annotated[str, typer.Option(metavar="NAME", help="A net of ImageNet by name.")] = "vgg16",
    pretrained: Annotated[
        str, typer.Option(metavar="imagenet|FILE|none", help="Its weights: published ones, a .safetensors or .pth file, or random ones.")
    ] = "imagenet",
    to: Annotated[Path, typer.Option(metavar="FOLDER", help="Where the five pictures go.")] = Path("photo"),
    root: a.RootOption = None,
    as_json: a.JsonOption = False,
) -> None:
    """Show a photograph to a published net: prediction, filters, maps of every layer, evidence, and activations back in pixels."""
    with working() as progress:
        from curate.lab.light_torch import import_torch

        import_torch()
        from curate.lab.photo import photo as run_photo

        result = run_photo(image, model=model, pretrained=pretrained, to=to, root=root, progress=progress)
    show(result if as_json else {**result, "layers": len(result["layers"])}, as_json=as_json)


def receptive_field(
    model: NetArgument,
    input_shape: InputOption = None,
    layer: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="A layer, several times for several; the last of each size by default.")
    ] = None,
    to: ToOption = Path("receptive-field.png"),
    as_json: a.JsonOption = False,
) -> None:
    """Draw how much of an image the units of a model see: in theory, and measured by the gradient."""
    with working():
        from curate.lab.counted import parse_shape
        from curate.lab.light_torch import import_torch

        shape = parse_shape(input_shape) if input_shape else None
        import_torch()
        from curate.lab.explain_net import receptive_field as run_receptive_field

        result = run_receptive_field(model, shape, layers=layer or (), to=to)
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
        from curate.lab.light_torch import import_torch

        import_torch()
        from curate.lab.explain_shift import shifts_of

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
    """Shift an image, and measure how much of the shift is left after pooling."""
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
