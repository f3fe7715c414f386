"""clean, retrain, compare: the cleaned dataset, and whether it trains better nets."""

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from curate.cli import options as o
from curate.cli.output import show, working


class TrainingLabels(str, Enum):
    given = "given"
    cleaned = "cleaned"


def clean(
    run: o.RunArgument,
    policy: o.PolicyOption = o.Policy.drop,
    min_confidence: o.MinConfidenceOption = None,
    as_json: o.JsonOption = False,
) -> None:
    """Write cleaned.csv: every sample with its action and the label that it ends up with."""
    with working():
        from curate.run import Run
        from curate.steps.clean import clean as run_clean
        from curate.steps.source import run_path

        result = run_clean(Run.open(run_path(run)), policy=policy.value, min_confidence=min_confidence)
    show(result, as_json=as_json)


def retrain(
    run: o.RunArgument,
    labels: Annotated[TrainingLabels, typer.Option(help="Train on the labels as given or as cleaned.")] = TrainingLabels.cleaned,
    seeds: o.SeedsOption = 5,
    device: o.DeviceOption = o.Device.auto,
    root: o.RootOption = None,
    as_json: o.JsonOption = False,
) -> None:
    """Train nets on a run's training split, keep their weights, and test them."""
    with working() as progress:
        from curate.run import Run
        from curate.steps.retrain import retrain as run_retrain
        from curate.steps.source import images_of, run_path

        opened = Run.open(run_path(run))
        image_set = images_of(opened, root=root, progress=progress)
        result = run_retrain(opened, image_set, labels=labels.value, seeds=tuple(range(seeds)), device=device.value, progress=progress)
    show(result, as_json=as_json)


def compare(
    run: o.RunArgument,
    policy: Annotated[o.Policy | None, typer.Option(help="How to clean; as `curate clean` did last, else drop.")] = None,
    min_confidence: o.MinConfidenceOption = None,
    seeds: o.SeedsOption = 5,
    votes: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Human votes on test labels, as labelerrors.com publishes them.")
    ] = None,
    device: o.DeviceOption = o.Device.auto,
    root: o.RootOption = None,
    as_json: o.JsonOption = False,
) -> None:
    """Train before and after cleaning, several seeds each, and give the difference on the test images, with its interval."""
    with working() as progress:
        from curate.run import Run
        from curate.steps.compare import compare as run_compare
        from curate.steps.report import report as run_report
        from curate.steps.source import images_of, run_path

        opened = Run.open(run_path(run))
        image_set = images_of(opened, root=root, progress=progress)
        result = run_compare(
            opened,
            image_set,
            policy=None if policy is None else policy.value,
            min_confidence=min_confidence,
            seeds=tuple(range(seeds)),
            votes=votes,
            device=device.value,
            progress=progress,
        )
        result["report"] = run_report(opened, image_set, progress=progress)
    show(result, as_json=as_json)
