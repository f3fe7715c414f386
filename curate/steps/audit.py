"""audit: the whole flow, from raw files to a browsable dataset and a report."""

import functools
from pathlib import Path
from typing import Any

from curate.app.database import connect
from curate.app.dataset import default_name
from curate.app.mark import check_is_ours
from curate.progress import Progress, silent
from curate.steps.build import build
from curate.steps.find import find
from curate.steps.map import finish_map, map_beside
from curate.steps.report import report
from curate.steps.source import default_run_name, load_source, run_path
from curate.steps.train import tracked, train
from curate.tracking.trackers import check_tracker
from curate.training.executor_choice import check_executor


def audit(
    source: str,
    *,
    split: str = "all",
    labels: Path | None = None,
    root: Path | None = None,
    limit: int | None = None,
    field: str | None = None,
    skip_broken: bool = False,
    image_size: int | None = None,
    run_name: str | None = None,
    model: str | None = None,
    pretrained: str | None = None,
    preset: str = "default",
    num_folds: int | None = None,
    num_repeats: int | None = None,
    seed: int = 0,
    device: str = "auto",
    executor: str = "local",
    address: str | None = None,
    data_parallel: int = 1,
    pool_splits: bool = False,
    image_checks: bool | None = None,
    track: str | None = None,
    dataset_name: str | None = None,
    command: str = "",
    progress: Progress = silent,
) -> dict[str, Any]:
    """Fetches, trains, finds, reports and builds the FiftyOne dataset; returns the main figures and where everything is.

    The arguments are those of the steps. Each step finds what a killed run has left and goes on from there.

    Raises:
        CurateError: see the steps.
    """
    if track is not None:
        check_tracker(track)
    check_executor(executor, address=address, data_parallel=data_parallel)
    connect()  # here and below: what would stop the last step is told before the training, not after it
    image_set = load_source(
        source,
        root=root,
        split=split,
        limit=limit,
        labels=labels,
        skip_broken=skip_broken,
        image_size=image_size,
        field=field,
        progress=progress,
    )
    name = run_name or default_run_name(image_set.name, split=split, preset=preset, limit=limit, labels=labels)
    path = run_path(name)
    if dataset_name is None:
        check_is_ours(default_name(image_set, path.resolve().name), images_hash=image_set.images_hash, run_path=path)
    else:
        check_is_ours(dataset_name)
    run = train(
        image_set,
        path,
        model=model,
        pretrained=pretrained,
        preset=preset,
        num_folds=num_folds,
        num_repeats=num_repeats,
        seed=seed,
        device=device,
        executor=executor,
        address=address,
        data_parallel=data_parallel,
        pool_splits=pool_splits,
        command=command,
        progress=progress,
    )
    with map_beside(run, image_set) as process:
        figures = find(run, image_set, image_checks=image_checks, map_process=process, progress=progress)
        projection = functools.partial(finish_map, run, process, progress=progress)
        built = build(run, image_set, dataset_name=dataset_name, projection=projection, progress=progress)
    page = report(run, image_set, progress=progress)
    tracked(run, image_set, track)
    seconds = {step: record["seconds"] for step, record in run.meta["steps"].items()}
    return {**figures, **built, "handle": run.handle, "report": page, "seconds": seconds, "skipped": image_set.origin.get("skipped", [])}
