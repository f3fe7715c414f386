"""labelerrors: the candidates, errors and categories of labelerrors.com, and how well curate finds the errors."""

from pathlib import Path
from typing import Annotated, Any

import typer

from curate.cli import options as o
from curate.cli import summary
from curate.cli.output import show, working


def labelerrors(
    path: Annotated[
        Path, typer.Option(metavar="FOLDER", help="Files of the label-errors repository, in its folders or side by side in one.")
    ],
    run: Annotated[
        list[str] | None, typer.Option("--run", metavar="RUN", help="Also an audited run of one of the datasets; may be given again.")
    ] = None,
    as_json: o.JsonOption = False,
) -> None:
    """Find the published label errors again: from the published probabilities, and from those of your own runs."""
    with working():
        from curate.run import Run
        from curate.steps.labelerrors import labelerrors as run_labelerrors
        from curate.steps.source import run_path

        result = run_labelerrors(path, runs=[Run.open(run_path(name)) for name in run or []])
    show(result, as_json=as_json, render=render)


def render(result: dict[str, Any]) -> None:
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


VERBS = (labelerrors,)
