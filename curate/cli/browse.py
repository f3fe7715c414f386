"""app: the run's dataset in the FiftyOne App."""

from typing import TYPE_CHECKING, Annotated

import typer

from curate.cli import options as o
from curate.cli.audit import open_app
from curate.cli.output import show, working

if TYPE_CHECKING:
    from curate.run import Run


def app(
    run: o.RunArgument,
    dataset_name: o.DatasetNameOption = None,
    port: o.PortOption = 5151,
    root: o.RootOption = None,
    open_it: Annotated[bool, typer.Option("--open/--no-open", help="Open the App, or only see to the dataset.")] = True,
    as_json: o.JsonOption = False,
) -> None:
    """Browse a run in the App on 127.0.0.1 until Ctrl-C; its FiftyOne dataset is made or brought up to date where needed."""
    with working() as progress:
        from curate.run import Run
        from curate.steps.build import build
        from curate.steps.source import images_of, run_path

        opened = Run.open(run_path(run))
        image_set = images_of(opened, root=root, progress=progress)
        result = build(opened, image_set, dataset_name=dataset_name or own_dataset(opened), progress=progress)
    show(result, as_json=as_json)
    if open_it:
        open_app(result["dataset_name"], port)


def own_dataset(run: "Run") -> str | None:
    """The FiftyOne dataset that the run had last, else one named like the run; None where that is the audited dataset's own name."""
    recorded = run.meta.get("fiftyone", {}).get("dataset")
    return recorded or (None if run.name == run.meta["dataset"]["name"] else run.name)
