"""model, filters, maps, excite, saliency: what the nets of a run have learnt, and what they see in an image."""

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from curate.cli import arguments as a
from curate.cli.output import show, working


def model(
    run: a.RunArgument,
    against: Annotated[
        str | None,
        typer.Option(metavar="A,B", help="Nets to compare with; by default the small ones, and those with a run on this data."),
    ] = None,
    train_alternatives: Annotated[
        bool,
        typer.Option(
            "--train-alternatives", help="Train those that have no such run, by the preset of this run, each into a run of its own."
        ),
    ] = False,
    to: Annotated[Path | None, typer.Option(metavar="FILE", help="The page; model.html in the run folder by default.")] = None,
    threads: Annotated[int, typer.Option(min=1, help="CPU threads while latency is measured.")] = 1,
    device: a.DeviceOption = a.Device.auto,
    root: a.RootOption = None,
    as_json: a.JsonOption = False,
) -> None:
    """Write a page about the net of a run: what it is, how good, how sure and how fast, beside other nets."""
    with working() as progress:
        import curate

        result = curate.open(run, root=root, progress=progress).explain_model(
            against=None if against is None else [name.strip() for name in against.split(",") if name.strip()],
            train_alternatives=train_alternatives,
            to=to,
            num_threads=threads,
            device=device.value,
        )
    show(result if as_json else summary(result), as_json=as_json)


def summary(result: dict) -> dict:
    """The few figures that fit on a terminal; the page has all."""
    quality, itself = result["qualities"]["all"], result["itself"]
    accuracy, latency = quality["accuracy"], itself["latency"]
    return {
        "run": result["run"],
        "model": result["model"],
        "accuracy": accuracy["value"],
        "accuracy_95_%": [accuracy["low"], accuracy["high"]],
        "calibration_error": result["calibration"]["error"]["value"],
        "num_parameters": itself["costs"]["parameters"],
        "num_multiply_adds": itself["costs"]["multiply_adds"],
        "latency": f"{1000 * latency['p50']:.3g} ms, p99 {1000 * latency['p99']:.3g} ms, on {result['machine']}",
        "page": result["page"],
    }


class Method(str, Enum):
    auto = "auto"
    occlusion = "occlusion"
    gradients = "gradients"
    gradcam = "gradcam"
    guided = "guided"
    deconvolution = "deconvolution"


LayerOption = Annotated[str | None, typer.Option(metavar="NAME", help="The layer, such as conv1 or body.0.0.")]
ToOption = Annotated[Path | None, typer.Option(metavar="FILE", help="A .png, .svg or .pdf; by default in the run's folder `pictures`.")]
SampleArgument = Annotated[str, typer.Argument(metavar="SAMPLE_ID", help="A sample of the run, such as mnist/train/51248.")]


def filters(run: a.RunArgument, layer: LayerOption = None, to: ToOption = None, as_json: a.JsonOption = False) -> None:
    """Draw the learned filters of a convolution: the first, or --layer NAME."""
    with working():
        from curate.lab.light_torch import import_torch

        import_torch()
        import curate

        result = curate.open(run).filters(layer=layer, to=to)
    show(result, as_json=as_json)


def maps(
    run: a.RunArgument,
    image: Annotated[str, typer.Argument(metavar="SAMPLE_ID|IMAGE", help="A sample of the run, or an image file.")],
    layer: LayerOption = None,
    to: ToOption = None,
    root: a.RootOption = None,
    as_json: a.JsonOption = False,
) -> None:
    """Draw what the layers of a net put out for one image: a few maps of each, or all of --layer NAME."""
    with working() as progress:
        from curate.lab.light_torch import import_torch

        import_torch()
        import curate

        result = curate.open(run, root=root, progress=progress).maps(image, layer=layer, to=to)
    show(result, as_json=as_json)


def excite(
    run: a.RunArgument,
    layer: LayerOption = None,
    channel: Annotated[int | None, typer.Option(min=0, help="One channel of the layer; the first eight by default.")] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Search N images, evenly spaced over the dataset; 5,000 by default.", metavar="N")
    ] = None,
    to: ToOption = None,
    root: a.RootOption = None,
    as_json: a.JsonOption = False,
) -> None:
    """Draw the parts of the run's images that excite a channel of a layer most."""
    with working() as progress:
        from curate.lab.light_torch import import_torch

        import_torch()
        import curate

        result = curate.open(run, root=root, progress=progress).excite(layer=layer, channel=channel, limit=limit, to=to)
    show(result, as_json=as_json)


def saliency(
    run: a.RunArgument,
    sample_id: SampleArgument,
    method: Annotated[
        Method, typer.Option(help="Method; auto takes Grad-CAM if the last maps are fine enough, else occlusion.")
    ] = Method.auto,
    to: ToOption = None,
    root: a.RootOption = None,
    as_json: a.JsonOption = False,
) -> None:
    """Draw what in an image speaks for its given label and for the suggested one, by a net that did not learn from it."""
    with working() as progress:
        from curate.lab.light_torch import import_torch

        import_torch()
        import curate

        result = curate.open(run, root=root, progress=progress).saliency(sample_id, method=method.value, to=to)
    doubted = result["given_label"] is None or result["given_confidence"] < result["suggested_confidence"]
    show(result if as_json or doubted else {key.replace("suggested", "next likely"): told for key, told in result.items()}, as_json=as_json)
