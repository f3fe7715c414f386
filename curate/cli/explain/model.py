"""model: the page about the net of a run."""

from pathlib import Path
from typing import Annotated

import typer

from curate.cli import options as o
from curate.cli.output import show, working


def model(
    run: o.RunArgument,
    against: Annotated[
        str | None,
        typer.Option(metavar="A,B", help="Nets to compare with; by default the small ones, and those with a run on this data."),
    ] = None,
    train_alternatives: Annotated[
        bool, typer.Option("--train-alternatives", help="Train those that have no run, by the preset quick, each into a run of its own.")
    ] = False,
    to: Annotated[Path | None, typer.Option(metavar="FILE", help="The page; model.html in the run folder by default.")] = None,
    threads: Annotated[int, typer.Option(min=1, help="CPU threads while latency is measured.")] = 1,
    device: o.DeviceOption = o.Device.auto,
    root: o.RootOption = None,
    as_json: o.JsonOption = False,
) -> None:
    """Write a page about the net of a run: what it is, how good, how sure, how quick, and against which others."""
    with working() as progress:
        from curate.run import Run
        from curate.steps.explain_model import explain_model
        from curate.steps.source import images_of, run_path

        opened = Run.open(run_path(run))
        result = explain_model(
            opened,
            against=None if against is None else [name.strip() for name in against.split(",") if name.strip()],
            train_on=images_of(opened, root=root, progress=progress) if train_alternatives else None,
            to=to,
            num_threads=threads,
            device=device.value,
            progress=progress,
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


VERBS = (model,)
