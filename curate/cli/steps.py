"""train, find, report: the steps of an audit one by one, on a run folder."""

from pathlib import Path
from typing import Annotated

import typer

from curate.cli import options as o
from curate.cli.output import show, working


def train(
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
    track: o.TrackOption = None,
    field: o.FieldOption = None,
    skip_broken: o.SkipBrokenOption = False,
    image_size: o.ImageSizeOption = None,
    as_json: o.JsonOption = False,
) -> None:
    """Cross-validate: probabilities for every sample from a net that never saw it, and embeddings."""
    with working() as progress:
        from curate.steps.source import default_run_name, load_source, run_path
        from curate.steps.train import train as run_train
        from curate.training.executor_choice import check_executor

        check_executor(executor.value, address=address, data_parallel=data_parallel)

        image_set = load_source(
            source,
            root=root,
            split=split.value,
            limit=limit,
            labels=labels,
            skip_broken=skip_broken,
            image_size=image_size,
            field=field,
            progress=progress,
        )
        name = run or default_run_name(image_set.name, split=split.value, preset=preset.value, limit=limit, labels=labels)
        trained = run_train(
            image_set,
            run_path(name),
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
            track=track.value if track else None,
            command=ctx.obj,
            progress=progress,
        )
    show({"run": trained.name, "folder": trained.path, **trained.meta["metrics"]}, as_json=as_json)


def find(
    run: o.RunArgument,
    root: o.RootOption = None,
    pred_probs: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Probabilities of your own, .npy (N, K), out-of-fold, in place of the run's.")
    ] = None,
    image_checks: o.ImageChecksOption = None,
    as_json: o.JsonOption = False,
) -> None:
    """Judge labels, outliers and duplicates from a run's probabilities and embeddings."""
    with working() as progress:
        from curate.run import Run
        from curate.steps.find import find as run_find
        from curate.steps.source import images_of, run_path

        opened = Run.open(run_path(run))
        images = images_of(opened, root=root, progress=progress)
        result = run_find(opened, images, pred_probs=pred_probs, image_checks=image_checks, progress=progress)
    show(result, as_json=as_json)


def report(run: o.RunArgument, root: o.RootOption = None, as_json: o.JsonOption = False) -> None:
    """Write report.html, the self-contained page of a run."""
    with working() as progress:
        from curate.run import Run
        from curate.steps.report import report as run_report
        from curate.steps.source import images_of, run_path

        opened = Run.open(run_path(run))
        path = run_report(opened, images_of(opened, root=root, progress=progress), progress=progress)
    show({"run": opened.name, "report": path}, as_json=as_json)
