"""filters, maps, excite, saliency: what the nets of a run have learnt, and what they see in an image."""

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from curate.cli import options as o
from curate.cli.output import show, working


class Method(str, Enum):
    auto = "auto"
    occlusion = "occlusion"
    gradients = "gradients"
    gradcam = "gradcam"


LayerOption = Annotated[str | None, typer.Option(metavar="NAME", help="The layer, such as conv1 or body.0.0.")]
ToOption = Annotated[Path | None, typer.Option(metavar="FILE", help="A .png, .svg or .pdf; by default in the run's folder `pictures`.")]
SampleArgument = Annotated[str, typer.Argument(metavar="SAMPLE_ID", help="A sample of the run, such as mnist/train/51248.")]


def filters(run: o.RunArgument, layer: LayerOption = None, to: ToOption = None, as_json: o.JsonOption = False) -> None:
    """Draw the learned filters of a convolution: the first, or --layer NAME."""
    with working():
        from curate.run import Run
        from curate.steps.explain_seeing import picture_of_filters
        from curate.steps.source import run_path

        result = picture_of_filters(Run.open(run_path(run)), layer=layer, to=to)
    show(result, as_json=as_json)


def maps(
    run: o.RunArgument,
    image: Annotated[str, typer.Argument(metavar="SAMPLE_ID|IMAGE", help="A sample of the run, or an image file.")],
    layer: LayerOption = None,
    to: ToOption = None,
    root: o.RootOption = None,
    as_json: o.JsonOption = False,
) -> None:
    """Draw what the layers of a net put out for one image: a few maps of each, or all of --layer NAME."""
    with working() as progress:
        from curate.run import Run
        from curate.steps.explain_seeing import picture_of_maps
        from curate.steps.source import images_of, run_path

        opened = Run.open(run_path(run))
        result = picture_of_maps(opened, images_of(opened, root=root, progress=progress), image, layer=layer, to=to)
    show(result, as_json=as_json)


def excite(
    run: o.RunArgument,
    layer: LayerOption = None,
    channel: Annotated[int | None, typer.Option(min=0, help="One channel of the layer; the first eight by default.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Search only so many images, evenly spaced over the dataset.")] = None,
    to: ToOption = None,
    root: o.RootOption = None,
    as_json: o.JsonOption = False,
) -> None:
    """Draw the parts of the run's images that excite a channel of a layer most."""
    with working() as progress:
        from curate.run import Run
        from curate.steps.explain_seeing import picture_of_excitation
        from curate.steps.source import images_of, run_path

        opened = Run.open(run_path(run))
        image_set = images_of(opened, root=root, progress=progress)
        result = picture_of_excitation(opened, image_set, layer=layer, channel=channel, limit=limit, to=to, progress=progress)
    show(result, as_json=as_json)


def saliency(
    run: o.RunArgument,
    sample_id: SampleArgument,
    method: Annotated[
        Method, typer.Option(help="How; auto takes Grad-CAM where the last maps are fine enough, else occlusion.")
    ] = Method.auto,
    to: ToOption = None,
    root: o.RootOption = None,
    as_json: o.JsonOption = False,
) -> None:
    """Draw what in an image speaks for its given label and for the suggested one, to the net that did not see it."""
    with working() as progress:
        from curate.run import Run
        from curate.steps.explain_seeing import picture_of_saliency
        from curate.steps.source import images_of, run_path

        opened = Run.open(run_path(run))
        image_set = images_of(opened, root=root, progress=progress)
        result = picture_of_saliency(opened, image_set, sample_id, method=method.value, to=to)
    show(result, as_json=as_json)


VERBS = (filters, maps, excite, saliency)
