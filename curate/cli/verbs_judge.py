"""audit, train, find, report, fetch: from raw files to suspects, in one command or step by step."""

import gc
import os
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import typer

from curate.cli import arguments as a
from curate.cli import audit_summary
from curate.cli.output import show, stdout_to_stderr, working
from curate.errors import UsageError
from curate.judge.choice import Choose
from curate.judge.features import Features
from curate.judge.given import Given
from curate.judge.judgement import Judge
from curate.judge.nets import Nets
from curate.options import LookFor, Place, Source

AFTERWARDS = "The App, and tracking"


def audit(
    ctx: typer.Context,
    source: Source,
    nets: Nets,
    features: Features,
    given: Given,
    place: Place,
    look_for: LookFor,
    judge: a.JudgeOption = a.JudgeName.auto,
    run: a.RunOption = None,
    fiftyone: Annotated[
        bool | None,
        typer.Option("--fiftyone/--no-fiftyone", help="Make a FiftyOne dataset, too; by default if FiftyOne is installed."),
    ] = None,
    app: Annotated[bool | None, typer.Option("--app/--no-app", help="Open the App at the end; by default in a terminal only.")] = None,
    as_json: a.JsonOption = False,
    dataset_name: Annotated[
        str | None, typer.Option(metavar="NAME", help="Name of the FiftyOne dataset, if not the run's.", rich_help_panel=AFTERWARDS)
    ] = None,
    port: Annotated[
        int, typer.Option(min=1024, max=65535, metavar="PORT", help="Port of the App on 127.0.0.1.", rich_help_panel=AFTERWARDS)
    ] = 5151,
    track: Annotated[
        a.Tracker | None,
        typer.Option(help="Also write curves, figures and suspects for Weights & Biases or TensorBoard.", rich_help_panel=AFTERWARDS),
    ] = None,
) -> None:
    """Find the wrong labels of a dataset, from its files to a report and a FiftyOne dataset to review them in."""
    start = time.monotonic()
    fiftyone = find_spec("fiftyone") is not None if fiftyone is None else fiftyone
    opens_app = app if app is not None else fiftyone and not as_json and sys.stdin.isatty() and sys.stdout.isatty()
    if opens_app and not fiftyone:
        raise UsageError("--app opens a FiftyOne dataset: leave out --no-fiftyone, and pip install 'curate[app]' where it is missing")
    with working() as progress:
        import curate

        if opens_app:  # a taken port is told before the training, not after it
            from curate.app.guard import check_address

            check_address("127.0.0.1", port)
        made = curate.audit(
            source,
            judge=judge_of(judge.value, nets, features, given),
            place=place,
            look_for=look_for,
            run=run,
            fiftyone=fiftyone,
            dataset_name=dataset_name,
            track=track.value if track else None,
            command=ctx.obj,
            progress=progress,
        )
    told = {"detection": made.findings["detection"], "took_seconds": round(time.monotonic() - start, 3)}
    show({**made.outcome(), **told}, as_json=as_json, render=audit_summary.render)
    if opens_app:
        open_app(made, dataset_name, port=port)


def judge_of(name: str, nets: Nets, features: Features, given: Given | None = None) -> Judge | Choose:
    """Who judges: what was given, else what was named or suits the pictures.

    Raises:
        UsageError: options of several judges.
    """
    if given is not None and given.pred_probs:
        told = [option for option in dict.fromkeys(a.changed(nets) + a.changed(features)) if option != "--seed"]
        if name != "auto" or told:
            raise UsageError(
                f"{told[0] if told else '--judge'} says how curate judges, but with --pred-probs nothing is trained; leave one of them out"
            )
        return given
    if given is not None and given.embeddings is not None:
        raise UsageError("--embeddings go with --pred-probs: give the probabilities of your model, too")
    of_both = {"--folds", "--preset", "--seed", "--pool-splits"}
    of_nets = [option for option in a.changed(nets) if option not in of_both]
    of_features = [option for option in a.changed(features) if option not in of_both]
    if (of_nets and of_features) or (name == "nets" and of_features) or (name == "features" and of_nets):
        other, wanted = (of_features[0], "features") if name == "nets" or (of_nets and name == "auto") else (of_nets[0], "nets")
        raise UsageError(f"{other} is an option of --judge {wanted}; leave it out, or the options of the other judge")
    if name == "nets" or (name == "auto" and {"--model", "--pretrained", "--repeats"} & set(of_nets)):
        return nets
    return features if name == "features" or of_features else Choose(nets, features)


def open_app(made: Any, dataset_name: str | None = None, **options: Any) -> None:
    """Shows the dataset of an audit in the App until Ctrl-C, the last that a command does; `options` as `open_app` has them."""
    sys.stdout.flush()  # what was shown before: the App may run for hours
    with stdout_to_stderr():
        from curate.app.database import answers_still

        def tell(url: str) -> None:
            print(f"the App is at {url}\nCtrl-C ends it", flush=True)

        made.app(dataset_name, on_ready=tell, **options)
        if not answers_still():
            os._exit(0)  # FiftyOne would wait for the database twice more, 10 s, only to tidy up in it
        gc.freeze()  # else Python searches all that FiftyOne has loaded for cycles as it ends, for a second


def train(
    ctx: typer.Context,
    source: Source,
    nets: Nets,
    features: Features,
    place: Place,
    judge: a.JudgeOption = a.JudgeName.auto,
    run: a.RunOption = None,
    track: a.TrackOption = None,
    as_json: a.JsonOption = False,
) -> None:
    """Only judge: compute out-of-fold probabilities and embeddings of every picture. `curate find` goes on from there."""
    with working() as progress:
        import curate

        told = track.value if track else None
        chosen = judge_of(judge.value, nets, features)
        made = curate.train(source, judge=chosen, place=place, run=run, track=told, command=ctx.obj, progress=progress)
    weak = (made.run.meta.get("judged") or {}).get("weak_classes")
    judged_weakly = {"weak_classes": weak} if weak else {}
    show({"run": made.run.name, "folder": made.run.path, **made.run.meta["metrics"], **judged_weakly, **made.told}, as_json=as_json)


def find(
    run: a.RunArgument,
    look_for: LookFor,
    root: a.RootOption = None,
    pred_probs: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Out-of-fold probabilities of your own (.npy, .csv or .parquet) in place of the run's."),
    ] = None,
    as_json: a.JsonOption = False,
) -> None:
    """Look for suspects again in a run, with other options or with probabilities of your own."""
    with working() as progress:
        import curate

        result = curate.open(run, root=root, progress=progress).find(look_for, pred_probs=pred_probs)
    show(result, as_json=as_json)


def report(
    run: a.RunArgument,
    summary: Annotated[
        bool, typer.Option("--summary", help="Instead, summary.html: one sheet for a manager, to print or to save as PDF.")
    ] = False,
    to: Annotated[Path | None, typer.Option(metavar="FILE", help="Where the page goes; in the run folder by default.")] = None,
    root: a.RootOption = None,
    as_json: a.JsonOption = False,
) -> None:
    """Write report.html: one file with everything about a run."""
    with working() as progress:
        import curate

        made = curate.open(run, root=root, progress=progress)
        page = made.summary(to) if summary else made.report(to)
    show({"run": made.run.name, "summary" if summary else "report": page.path}, as_json=as_json)


def fetch(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A dataset of the catalog, such as mnist or cifar10.")],
    root: a.RootOption = None,
    as_json: a.JsonOption = False,
) -> None:
    """Download a published dataset, and check it against the published hashes."""
    with working() as progress:
        import curate

        result = curate.fetch(name, root=root, progress=progress)
    show(result, as_json=as_json)
