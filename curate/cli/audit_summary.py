"""The end of an audit as people read it: what was found, how sure that is, what to do next, where things are."""

import shlex
import shutil
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

WIDEST, INDENT = 100, "  "
MOST_NAMED = 3  # files that were not read, remarks, classes
ALSO = {
    "outliers": ("outlier", "outliers"),
    "near_duplicates": ("near duplicate", "near duplicates"),
    "contradictions": ("set of duplicates under different labels", "sets of duplicates under different labels"),
    "leaks": ("leak between splits", "leaks between splits"),
    "in_underperforming_groups": ("picture in a group that is often judged wrong", "pictures in groups that are often judged wrong"),
}


def render(result: dict[str, Any]) -> None:
    """Prints the summary on stdout. Sentences are wrapped to the terminal; commands and paths never are, so that they can be copied.

    Args:
        result: from `Audit.outcome`, and `took_seconds`.
    """
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=True)
    width = min(WIDEST, shutil.get_terminal_size().columns)
    for heading, sentences, rows in sections(result):
        console.print(heading, style="bold", markup=False)
        for sentence in sentences:
            wrapped = textwrap.fill(
                sentence, width, initial_indent=INDENT, subsequent_indent=INDENT, break_long_words=False, break_on_hyphens=False
            )
            console.print(wrapped, markup=False)
        longest = max((len(left) for left, _ in rows), default=0)
        for left, right in rows:
            console.print(f"{INDENT}{left:<{longest}}   {right}".rstrip(), markup=False)
        console.print()
    console.print(textwrap.fill(took(result), width), markup=False)


def sections(result: dict[str, Any]) -> list[tuple[str, list[str], list[tuple[str, str]]]]:
    """(heading, sentences, rows of two columns) of each part of the summary."""
    return [
        ("What was found", list(found(result)), []),
        ("How sure that is", list(how_sure(result)), []),
        ("What to do next", [], next_commands(result)),
        ("Where things are", [], places(result)),
    ]


def found(result: dict[str, Any]) -> Iterator[str]:
    """Sentences on wrong labels, on whatever else was found, and on what was read."""
    yield result["estimated"] or f"{result['label_issues']:,} labels are flagged."
    also = [counted(result[key], *names) for key, names in ALSO.items() if result.get(key)]
    if also:
        yield f"Also found: {', '.join(also)}."
    yield from read(result)


def read(result: dict[str, Any]) -> Iterator[str]:
    """What was read, and what was not and why."""
    unlabelled = f", {result['unlabelled']:,} of them without a label" if result.get("unlabelled") else ""
    names = {reason: files for reason, files in result.get("left_out", {}).items() if len(files) == 1}
    named = {reason: f"{reason}: {files[0]}" for reason, files in names.items()}
    passed_over = [f"{number:,} ({named.get(reason, reason)})" for reason, number in result.get("passed_over", {}).items()]
    where = "; run.json names them" if len(names) < len(result.get("left_out", {})) else ""
    left_out = f" Skipped: {', '.join(passed_over)}{where}." if passed_over else ""
    yield f"Read: {counted(result['num_read'], 'picture', 'pictures')}{unlabelled}.{left_out}"
    broken = result.get("skipped") or []
    if broken:
        more = f"; and {len(broken) - MOST_NAMED:,} more, all in run.json" if len(broken) > MOST_NAMED else ""
        yield f"Could not be read: {'; '.join(broken[:MOST_NAMED])}{more}."
    remarks = result.get("remarks") or []
    for remark in remarks[:MOST_NAMED]:
        yield f"{remark[:1].upper()}{remark[1:].rstrip('.')}."
    if len(remarks) > MOST_NAMED:
        yield f"{counted(len(remarks) - MOST_NAMED, 'more remark is', 'more remarks are')} in run.json."


def how_sure(result: dict[str, Any]) -> Iterator[str]:
    """Sentences on the judge, and on what its word is worth."""
    if result.get("judge"):
        yield f"Judged by {result['judge']}."
    if "out_of_fold_accuracy" not in result:  # no label is judged
        return
    own = result.get("own_probabilities")
    if own:
        yield "Judged by probabilities of your own, which must be out of fold."
    agreed = f"The judge agrees with {100 * result['out_of_fold_accuracy']:.2f} % of the labels."
    yield agreed if own else f"{agreed} No model judged a picture that it learned from."
    if result.get("num_groups"):
        groups = counted(result["num_groups"], "group", "groups")
        yield f"{result['num_grouped']:,} pictures are in {groups} of near duplicates or your own, each judged as one."
    detection = result.get("detection") or {}
    if detection.get("can_count"):
        opinions = "two independent opinions" if detection["num_opinions"] > 1 else "one opinion; a second, independent one narrows it"
        yield f"The range in brackets covers the true number in 95 of 100 cases. It rests on {opinions}."
    elif detection:
        yield "Look at the first suspects: what they show is worth more than any number here."
    weak = result.get("weak_classes") or []
    if weak:
        more = f" and {len(weak) - MOST_NAMED:,} more" if len(weak) > MOST_NAMED else ""
        yield f"Judged weakly, because they have few samples: {', '.join(weak[:MOST_NAMED])}{more}."
    yield "A suspect is not a verdict. The judge also doubts correct labels of unusual pictures, and cannot see a mistake of its own."


def next_commands(result: dict[str, Any]) -> list[tuple[str, str]]:
    """Commands to copy, each with what it does."""
    run = shlex.quote(result["handle"])
    in_app = [(f"curate review {run}", "decide on the suspects, worst first")] if "dataset_name" in result else []
    return [
        *in_app,
        (f"curate gallery {run} --review --to review.html", "write the review as one file, to send"),
        (f"curate clean {run} --policy reviewed", "apply the decisions"),
        (f"curate export {run} --format folder --to cleaned/", "write the cleaned dataset"),
    ]


def places(result: dict[str, Any]) -> list[tuple[str, str]]:
    """What was written, and where it lies."""
    rows = [
        ("report, to open in a browser", str(result["report"])),
        ("table, one row per sample", str(Path(result["folder"]) / "issues.csv")),
        ("everything else", str(result["folder"])),
    ]
    if "dataset_name" in result:
        rows.append((f"FiftyOne dataset {result['dataset_name']}", str(result["database"])))
    if result.get("tracked"):
        rows.append(("tracking", str(result["tracked"])))
    if result.get("licence"):
        rows.append(("licence of the judge's net", ", ".join(result["licence"])))
    return rows


def took(result: dict[str, Any]) -> str:
    """How long the audit took and how much memory it held at most, in all and by step; steps under a second are left out."""
    peaks = result["peak_memory_mib"]
    long = {step: seconds for step, seconds in result["seconds"].items() if seconds >= 1}
    steps = [f"{step} {duration(seconds)} and {gibibytes(peaks[step])}" for step, seconds in long.items()]
    by_step = f" ({', '.join(steps)})" if steps else ""
    return f"That took {duration(result['took_seconds'])} and at most {gibibytes(max(peaks.values()))} of memory{by_step}."


def gibibytes(mebibytes: float) -> str:
    """`0.4 GiB`, `12 GiB`."""
    return f"{mebibytes / 1024:.1f} GiB" if mebibytes < 10_000 else f"{mebibytes / 1024:.0f} GiB"


def counted(number: int, one: str, many: str) -> str:
    """`1 outlier`, `1,024 outliers`."""
    return f"{number:,} {one if number == 1 else many}"


def duration(seconds: float) -> str:
    """`4.2 s`, `42 s`, `2 min 10 s`."""
    whole = round(seconds)
    return f"{whole // 60} min {whole % 60:02d} s" if whole >= 60 else f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
