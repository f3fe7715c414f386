"""decisions, import-decisions: the journal of the review."""

from pathlib import Path
from typing import Annotated, Any

import typer

from curate.cli import arguments as a
from curate.cli import summary
from curate.cli.output import show, working

NUM_CHANGES = 10
WHAT = {"given": "given label", "suggested": "suggested label", "is_label_issue": "flag"}


def decisions(
    run: a.RunArgument,
    conflicts: Annotated[bool, typer.Option("--conflicts", help="List the conflicts: samples that reviewers disagree about.")] = False,
    as_json: a.JsonOption = False,
) -> None:
    """Tell what was decided, how well reviewers agree, and what changed since."""
    with working():
        import curate

        result = curate.open(run).decisions()
    show(result, as_json=as_json, render=lambda found: render(found, list_conflicts=conflicts))


def import_decisions(
    run: a.RunArgument,
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="decisions.jsonl of a review page or of a run; a CSV with sample_id and label or action; a table or corrected labels of "
            "`curate export`; votes as labelerrors.com publishes them.",
        ),
    ],
    who: Annotated[str, typer.Option(metavar="NAME", help="Reviewer of the lines that name none; by default the file's name.")] = "",
    root: a.RootOption = None,
    as_json: a.JsonOption = False,
) -> None:
    """Add decisions made elsewhere to a run. The same file twice adds nothing."""
    with working():
        import curate

        result = curate.open(run, root=root).import_decisions(file, who=who)
    show(result, as_json=as_json, render=_render_facts)


def render(result: dict[str, Any], *, list_conflicts: bool) -> None:
    """The facts, then lines on pairs of reviewers, changes (the first ten) and, if asked for, conflicts."""
    _render_facts({key: value for key, value in result.items() if key not in ("agreement", "conflicts", "changes")})
    for pair in result["agreement"]:
        kappa = "undefined" if pair["kappa"] is None else f"{pair['kappa']:.2f}"
        names = " and ".join(_name(who) for who in pair["reviewers"])
        print(f"{names} agree whether the given label is right on {pair['observed']:.0%} of {pair['num_both']:,} samples (kappa {kappa})")
    changes = _changes(result["changes"])
    for line in changes[:NUM_CHANGES]:
        print(f"changed since: {line}")
    if len(changes) > NUM_CHANGES:
        print(f"changed since: {len(changes) - NUM_CHANGES:,} more, all with --json")
    if list_conflicts:
        for conflict in result["conflicts"]:
            said = ", ".join(f"{_name(d['who'])} {' '.join(filter(None, (d['action'], d['label'])))}" for d in conflict["decisions"])
            print(f"conflict: {conflict['sample_id']}: {said}")
    elif result["conflicts"]:
        print("--conflicts lists the conflicts; `curate gallery RUN --review --only conflicts` writes a page to settle them")


def _render_facts(result: dict[str, Any]) -> None:
    """Counts by reviewer and action, where there are any, with the rest."""
    facts = {key: value for key, value in result.items() if value != {}}
    if "reviewers" in facts:
        facts["reviewers"] = {_name(who): count for who, count in facts["reviewers"].items()}
    summary.render(facts)


def _changes(changes: list[dict[str, Any]]) -> list[str]:
    """One line per thing that is otherwise now, with the names of all who decided before."""
    names: dict[str, list[str]] = {}
    for change in changes:
        before, now = ("none" if value is None else summary.text_of("", value) for value in (change["before"], change["now"]))
        is_gone = change["what"] == "sample_id"
        told = "not in this run" if is_gone else f"{WHAT[change['what']]} was {before}, is {now}"
        names.setdefault(f"{change['sample_id']}: {told}", []).append(_name(change["who"]))
    return [f"{line} (decided by {', '.join(who)})" for line, who in names.items()]


def _name(who: str) -> str:
    return who or "(no name)"
