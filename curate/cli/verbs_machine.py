"""doctor: whether this machine can do everything, and what to do where it cannot."""

from typing import Annotated, Any

import typer

from curate.cli.arguments import JsonOption
from curate.cli.output import show, working


def doctor(
    fix: Annotated[bool, typer.Option("--fix", help="Install what is missing, as far as possible.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Tell what this machine can do, what is missing, and how to get it. Exits with 2 if a step cannot work."""
    with working() as progress:
        import curate

        result = curate.doctor(fix=fix, progress=progress)
    show(result, as_json=as_json, render=render)
    if any(check["status"] == "failed" for check in result["checks"]):
        raise typer.Exit(2)


def render(result: dict[str, Any]) -> None:
    """One line per check, and what to do under it."""
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=True)
    marks = {"ok": "[green]ok[/]     ", "warning": "[yellow]warning[/]", "failed": "[red]failed[/] "}
    for line in result["fixes"]:
        console.print(line, markup=False)
    for check in result["checks"]:
        console.print(marks[check["status"]], end=" ")
        console.print(f"{check['name']}: {check['found']}", markup=False)
        if check["advice"]:
            console.print(f"        → {check['advice']}", markup=False)
