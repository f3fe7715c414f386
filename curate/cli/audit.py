"""audit: the whole flow, from raw files to a browsable dataset, in one command."""

import gc
import os
import shlex
import sys
from typing import Annotated, Any

import typer

from curate.cli import options as o
from curate.cli import summary
from curate.cli.output import show, stdout_to_stderr, working


def audit(
    ctx: typer.Context,
    source: o.SourceArgument,
    split: o.SplitOption = o.Split.all,
    labels: o.LabelsOption = None,
    root: o.RootOption = None,
    run: o.RunOption = None,
    model: o.ModelOption = None,
    pretrained: o.PretrainedOption = None,
    preset: o.PresetOption = o.Preset.default,
    folds: o.FoldsOption = None,
    repeats: o.RepeatsOption = None,
    seed: o.SeedOption = 0,
    device: o.DeviceOption = o.Device.auto,
    executor: o.ExecutorOption = o.Executor.local,
    address: o.AddressOption = None,
    data_parallel: o.DataParallelOption = 1,
    limit: o.LimitOption = None,
    pool_splits: o.PoolSplitsOption = False,
    image_checks: o.ImageChecksOption = None,
    track: o.TrackOption = None,
    field: o.FieldOption = None,
    skip_broken: o.SkipBrokenOption = False,
    image_size: o.ImageSizeOption = None,
    dataset_name: o.DatasetNameOption = None,
    port: o.PortOption = 5151,
    app: Annotated[bool | None, typer.Option("--app/--no-app", help="Open the App at the end; by default in a terminal only.")] = None,
    as_json: o.JsonOption = False,
) -> None:
    """Find the wrong labels of a dataset: fetch, train, find, report, and a FiftyOne dataset to browse."""
    opens_app = app if app is not None else not as_json and sys.stdin.isatty() and sys.stdout.isatty()
    with working() as progress:
        from curate.app.address import check_address
        from curate.steps.audit import audit as run_audit

        if opens_app:  # a taken port is told before the training, not after it
            check_address("127.0.0.1", port)

        result = run_audit(
            source,
            split=split.value,
            labels=labels,
            root=root,
            limit=limit,
            field=field,
            skip_broken=skip_broken,
            image_size=image_size,
            run_name=run,
            model=model,
            pretrained=pretrained,
            preset=preset.value,
            num_folds=folds,
            num_repeats=repeats,
            seed=seed,
            device=device.value,
            executor=executor.value,
            address=address,
            data_parallel=data_parallel,
            pool_splits=pool_splits,
            image_checks=image_checks,
            track=track.value if track else None,
            dataset_name=dataset_name,
            command=ctx.obj,
            progress=progress,
        )
    show(result, as_json=as_json, render=render)
    if opens_app:
        open_app(result["dataset_name"], port)


def render(result: dict[str, Any]) -> None:
    """The facts, and what to do next."""
    summary.render({key: value for key, value in result.items() if key != "handle"})
    print()
    print(f"browse it:  curate app {shlex.quote(result['handle'])}")
    print(f'in Python:  fiftyone.load_dataset("{result["dataset_name"]}")')


def open_app(dataset_name: str, port: int, **options: Any) -> None:
    """Shows the dataset in the App until Ctrl-C, the last that a command does; `options` as `curate.app.session.open_app` has them."""
    sys.stdout.flush()  # what was shown before: the App may run for hours
    with stdout_to_stderr():
        from curate.app.database import answers_still
        from curate.app.session import open_app as serve

        serve(dataset_name, port=port, on_ready=lambda url: print(f"the App is at {url}\nCtrl-C ends it", flush=True), **options)
        if not answers_still():
            os._exit(0)  # FiftyOne would wait for the database twice more, 10 s, only to tidy up in it
        gc.freeze()  # else Python searches all that FiftyOne has loaded for cycles as it ends, for a second
