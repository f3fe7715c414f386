"""speed: seconds of cross-validation on this machine, where they go, and those of skorch beside them."""

import json
from typing import Annotated, Any

import typer

from curate.cli import options as o
from curate.cli.output import jsonable, show, working


def speed(
    ctx: typer.Context,
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="A catalog dataset, folder or manifest.")] = "mnist",
    model: Annotated[
        str | None, typer.Option(metavar="NAME", help="The net; lenet5 for mnist by default, as the usual workflow has it.")
    ] = None,
    preset: o.PresetOption = o.Preset.quick,
    folds: Annotated[int, typer.Option(help="Folds of both.")] = 5,
    rounds: Annotated[int, typer.Option(help="How often each of the two runs, in turns.")] = 3,
    rival: Annotated[bool, typer.Option("--rival/--no-rival", help="Run skorch in cross_val_predict, too.")] = True,
    stages: Annotated[bool, typer.Option("--stages/--no-stages", help="Time what follows training, too.")] = True,
    device: o.DeviceOption = o.Device.auto,
    limit: o.LimitOption = None,
    as_json: o.JsonOption = False,
) -> None:
    """Time cross-validation in turns with skorch and cross_val_predict; a record goes to benchmarks.jsonl of the data folder."""
    with working() as progress:
        from curate.run import data_root, now, storage_errors
        from curate.steps.source import load_source
        from curate.steps.speed import speed as run_speed

        image_set = load_source(source, limit=limit, progress=progress)
        result = run_speed(
            image_set,
            model=model or ("lenet5" if image_set.name == "mnist" else None),
            preset=preset.value,
            num_folds=folds,
            rounds=rounds,
            with_rival=rival,
            with_stages=stages,
            device=device.value,
            progress=progress,
        )
        path = data_root() / "benchmarks.jsonl"
        with storage_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("a") as file:
                file.write(json.dumps(jsonable({"when": now(), "command": ctx.obj, **result})) + "\n")
    show(result, as_json=as_json, render=render)


def render(result: dict[str, Any]) -> None:
    """The rounds as a table, then where the time goes."""
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    table = Table("round", "curate", "accuracy", "skorch", "accuracy", "times faster", box=None)
    for name, record in [*((str(n + 1), record) for n, record in enumerate(result["rounds"])), ("median", result["median"])]:
        cells = [f"{record['curate_seconds']:.1f} s", f"{record['curate_accuracy']:.2%}"]
        if "rival_seconds" in record:
            cells += [f"{record['rival_seconds']:.1f} s", f"{record['rival_accuracy']:.2%}", f"{record['times_faster']:.1f}"]
        table.add_row(name, *cells)
    console.print(table)
    limit = result["limit"]
    print(f"one net by itself, seconds: {_seconds(result['one_net'])}")
    if result["stages"]:
        print(f"after training, seconds: {_seconds(result['stages'])}")
    print("time of a training step: " + ", ".join(f"{kind} {share:.0%}" for kind, share in result["operators"].items()))
    print(
        f"{limit['operations'] / 1e12:.2f} tera-operations at {limit['operations_per_second'] / 1e12:.2f} tera-operations a second "
        f"would take {limit['seconds_at_that_rate']:.1f} s: {limit['share_of_the_rate']:.0%} of the time"
    )


def _seconds(parts: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.2f}" for name, value in parts.items())


VERBS = (speed,)
