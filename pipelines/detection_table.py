"""Writes the tables of docs/detection.md between its two marks, from the records of `detection_bench.py` and `detection.py`.

python pipelines/detection_table.py
"""

import json

import numpy as np
import records

PAGE = records.ROOT / "docs" / "detection.md"
MARKS = ("<!-- tables: begin -->", "<!-- tables: end -->")


def main() -> None:
    lines = [json.loads(line) for line in records.RECORDS.read_text().splitlines()]
    bench = [one for one in lines if one["name"] == "detection bench"][-1]
    # what was measured before labels had a probability does not hold any more
    latest = {one["name"]: one for one in lines if "can_count" in (one["values"].get("each") or [{}])[0].get("said", {})}
    before, rest = PAGE.read_text().split(MARKS[0])
    several = [summary_of(list(latest.values())), *map(table_of, latest.values())] if latest else []
    tables = "\n\n".join([arrays_of(bench), bench_of(bench), *several])
    PAGE.write_text(f"{before}{MARKS[0]}\n{tables}\n{MARKS[1]}{rest.split(MARKS[1])[1]}")


def summary_of(several: list[dict]) -> str:
    """A row for each set of labels, means over seeds: what is flagged, and how far that is from the best that this and others can do."""
    head = (
        "labels, preset",
        "wrong",
        "said to be wrong",
        "flagged",
        "wrong and not flagged",
        "said so",
        "F1",
        "best cut",
        "short of it by",
        "log-margin's",
        "cleanlab's best filter",
    )
    rows = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for record in several:
        each = record["values"]["each"]
        found = [one["found"] for one in each]
        counts = (
            np.mean([one["num_errors"] for one in found]),
            np.mean([one["said"]["num_errors"]["value"] for one in each]),
            np.mean([one["num_flagged"] for one in found]),
            np.mean([one["missed"] for one in each]),
        )
        scores = ["–"] * 6
        if counts[0]:
            f1 = [one["f1"] for one in found]
            best, margin = (np.mean([one["rankings"][name]["best_f1"] for one in each]) for name in ("curate", "log-margin"))
            filters = [[value for name, value in one["thresholds"].items() if name.startswith("cleanlab")] for one in each]
            others = (best, best - np.mean(f1), margin, np.mean(filters, axis=0).max())
            left = np.mean([one["said"]["num_left"]["value"] for one in each])
            scores = [f"{left:,.0f}", spread(f1), *(f"{value:.3f}" for value in others)]
        cells = [record["name"].removeprefix("detection "), *(f"{count:,.0f}" for count in counts), *scores]
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def arrays_of(record: dict) -> str:
    """Each array of a real net: what is found, beside the best that any cut and any filter would find, and what is said."""
    rows = [
        "### Arrays of real nets",
        f"`{record['command']}`, commit {record['commit']}. The first four were looked at when constants were set.\n",
        "| labels, net | wrong | said (95 %) | flagged | F1 | best cut | log-margin's | cleanlab's best filter | predicted ≠ given | ECE |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for one in record["values"]["arrays"]:
        value, low, high = one["said"]["num_errors"]
        scores = (one["f1"], one["best_cut"], one["margin_cut"], max(one["filters"].values()), one["plain"], one["calibration_error"])
        cells = [one["name"], f"{one['wrong']:,}", f"{value:,.0f} ({low:,.0f} to {high:,.0f})", f"{one['flagged']:,}"]
        rows.append(f"| {' | '.join([*cells, *(f'{score:.3f}' for score in scores)])} |")
    return "\n".join(rows)


def bench_of(record: dict) -> str:
    """The grid, a row for each part: the half of its cells that no constant was set with a look at."""
    head = (
        "part",
        "cells",
        "F1 short of the best cut: mean, median, worst",
        "behind the best filter by over .01",
        "ahead of it",
        "clean labels flagged: mean, worst",
        "true number of errors, of errors left in the interval",
        "half-width",
        "ECE: mean, worst",
        "can count",
    )
    rows = [
        "### The grid",
        f"`{record['command']}`, commit {record['commit']}, {record['values']['seconds']:,.0f} s.\n",
        f"| {' | '.join(head)} |",
        "|---" * len(head) + "|",
    ]

    def share(value: float | None) -> str:
        return "–" if value is None else f"{100 * value:.1f} %"

    for name, part in record["values"]["figures"].items():
        short = "–" if part["short_of_best_cut"] is None else ", ".join(f"{value:.3f}" for value in part["short_of_best_cut"])
        clean = "–" if part["clean_flagged"] is None else ", ".join(map(share, part["clean_flagged"]))
        inside = f"{share(part['inside']['num_errors'])}, {share(part['inside']['num_left'])}"
        calibration = ", ".join(f"{value:.3f}" for value in part["calibration_error"])
        ahead = (share(part[which]) for which in ("behind_best_filter", "ahead_of_best_filter"))
        cells = [name, str(part["measurements"]), short, *ahead, clean, inside, share(part["half_width"]), calibration]
        rows.append(f"| {' | '.join([*cells, share(part['can_count'])])} |")
    return "\n".join(rows)


def table_of(record: dict) -> str:
    """One set of labels: rankings, thresholds, and the audit's own estimate beside the truth; means over seeds, with the extremes."""
    each = record["values"]["each"]
    found = [one["found"] for one in each]
    rows = [
        f"### {record['name'].removeprefix('detection ')}",
        f"`{record['command']}`, commit {record['commit']}, {len(each)} seed{'s' if len(each) > 1 else ''}; "
        f"nets right on {spread([100 * one['accuracy_true'] for one in each], '.1f')} % of the true labels.\n",
    ]
    if found[0]["num_errors"]:
        rows += ["| ranking | average precision | F1 of the best cut |", "|---|---|---|"]
        for name in each[0]["rankings"]:
            scores = [one["rankings"][name] for one in each]
            rows.append(f"| {name} | {spread([s['average_precision'] for s in scores])} | {spread([s['best_f1'] for s in scores])} |")
        rows += ["", "| flags | F1 |", "|---|---|", f"| **curate** | {spread([one['f1'] for one in found])} |"]
        rows += [f"| {name} | {spread([one['thresholds'][name] for one in each])} |" for name in each[0]["thresholds"]]
        rows += [""]
    rows += ["| of itself | said (95 %) | true |", "|---|---|---|"]
    first, said = each[0], each[0]["said"]
    true = {**first["found"], "num_left": first["missed"]}
    for name in ("num_errors", "precision", "recall", "num_left"):
        form = ",.0f" if name.startswith("num_") else ".3f"
        value, low, high = ("–" if said[name][part] is None else format(said[name][part], form) for part in ("value", "low", "high"))
        rows.append(f"| {name.removeprefix('num_')} | {value} ({low} to {high}) | {true[name]:{form}} |")
    return "\n".join(rows)


def spread(values: list[float], form: str = ".3f") -> str:
    """The mean, and lowest to highest where there are several."""
    mean = format(np.mean(values), form)
    return mean if len(values) == 1 else f"{mean} ({min(values):{form}} to {max(values):{form}})"


if __name__ == "__main__":
    main()
