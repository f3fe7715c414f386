"""`curate benchmark …`: measurements against what others published."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from curate.cli import arguments as a
from curate.cli import summary
from curate.cli.output import jsonable, show, working


def labelerrors(
    path: Annotated[
        Path, typer.Option(metavar="FOLDER", help="Files of the label-errors repository, in its folders or side by side in one.")
    ],
    run: Annotated[
        list[str] | None, typer.Option("--run", metavar="RUN", help="Also a run of one of the datasets; may be given more than once.")
    ] = None,
    sample: Annotated[
        list[int] | None, typer.Option("--sample", metavar="N", min=0, help="Only this test sample; may be given more than once.")
    ] = None,
    as_json: a.JsonOption = False,
) -> None:
    """Find the published label errors again: from the published probabilities, and from those of your own runs."""
    with working():
        from curate.bench.labelerrors import labelerrors as run_labelerrors
        from curate.run import Run, run_path

        result = run_labelerrors(path, runs=[Run.open(run_path(name)) for name in run or []], samples=sample or ())
    show(result, as_json=as_json, render=render_samples if sample else render_labelerrors)


def render_samples(result: dict[str, Any]) -> None:
    """Two lines a sample: what people said, and where each ranking has it."""
    for each in result["samples"]:
        print(f"{each['name']}/test/{each['sample']}: {each['says']}: {'an error' if each['is_error'] else 'no error'}")
        print("  rank " + ", ".join(f"{rank:,} by {by}" for by, rank in each["ranks"].items()))


def render_labelerrors(result: dict[str, Any]) -> None:
    """One column per dataset and per ranking; the ids of errors by category, and the ranks of all."""
    tables = {
        "datasets": [{k: v for k, v in each.items() if k not in ("candidates", "errors")} for each in result["datasets"]],
        "detection": [{k: v for k, v in each.items() if k != "ranks"} for each in result["detection"]],
    }
    summary.render(tables)
    for each in result["datasets"]:
        for category in dict.fromkeys(each["errors"].values()):
            ids = [str(index) for index, found in each["errors"].items() if found == category]
            print(f"{each['name']}, {category.replace('_', ' ')}: {' '.join(ids)}")
    for each in result["detection"]:
        print(f"{each['name']}, ranks by {each['ranked_by']}: {' '.join(map(str, each['ranks']))}")
    for name, reason in result["left_out"].items():
        print(f"{name} is left out: {reason}")


def speed(
    ctx: typer.Context,
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="A published dataset, a folder or a table.")] = "mnist",
    model: Annotated[
        str | None, typer.Option(metavar="NAME", help="The net; lenet5 for mnist by default, as the usual workflow has it.")
    ] = None,
    preset: Annotated[a.Preset, typer.Option(help="How long to train.")] = a.Preset.quick,
    folds: Annotated[int, typer.Option(help="Folds of both.")] = 5,
    rounds: Annotated[int, typer.Option(help="How often to time each, in turns.")] = 3,
    rival: Annotated[bool, typer.Option("--rival/--no-rival", help="Run skorch in cross_val_predict, too.")] = True,
    stages: Annotated[bool, typer.Option("--stages/--no-stages", help="Time what follows training, too.")] = True,
    device: a.DeviceOption = a.Device.auto,
    limit: Annotated[int | None, typer.Option(min=1, help="Only N images.", metavar="N")] = None,
    as_json: a.JsonOption = False,
) -> None:
    """Time cross-validation against skorch with cross_val_predict; a record goes to benchmarks.jsonl of the data folder."""
    with working() as progress:
        from curate.bench.speed import speed as run_speed
        from curate.files import storage_errors
        from curate.run import data_root, now
        from curate.sources import load_source

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
    show(result, as_json=as_json, render=render_speed)


def render_speed(result: dict[str, Any]) -> None:
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
    print(f"one net by itself, seconds: {_render_seconds(result['one_net'])}")
    if result["stages"]:
        print(f"after training, seconds: {_render_seconds(result['stages'])}")
    print("time of a training step: " + ", ".join(f"{kind} {share:.0%}" for kind, share in result["operators"].items()))
    print(
        f"{limit['operations'] / 1e12:.2f} tera-operations at {limit['operations_per_second'] / 1e12:.2f} tera-operations a second "
        f"would take {limit['seconds_at_that_rate']:.1f} s: {limit['share_of_the_rate']:.0%} of the time"
    )


def _render_seconds(parts: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.2f}" for name, value in parts.items())


benchmark = typer.Typer(name="benchmark", rich_markup_mode="rich")


@benchmark.callback(invoke_without_command=True)
def start(ctx: typer.Context) -> None:
    """Measure against what others published, on this machine."""
    if ctx.invoked_subcommand is None:
        print(ctx.get_help())


for verb in (labelerrors, speed):
    benchmark.command()(verb)
