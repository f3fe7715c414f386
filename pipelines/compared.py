"""What curate, cleanlab and FiftyOne Brain make of the same out-of-fold probabilities, where the truth is known; minutes, no training.

    python pipelines/compared.py FOLDER            # .npz files with pred_probs, labels, true_labels
    python pipelines/compared.py FOLDER --record   # also into data/records.jsonl, and the table of docs/compared.md

cleanlab is asked as its own tutorial asks it: `find_label_issues` with its defaults, `get_label_quality_scores` with its three methods.
FiftyOne Brain's mistakenness is by the formula of fiftyone-brain (`curate.app.brain`), and flags nothing by itself.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import records
from cleanlab.filter import find_label_issues as cleanlab_issues
from cleanlab.rank import get_label_quality_scores
from numpy.typing import NDArray

import curate
from curate.app.brain import brain_scores
from curate.find.evaluation import evaluate_detection
from curate.run import versions

PAGE = records.ROOT / "docs" / "compared.md"
MARKS = ("<!-- table: begin -->", "<!-- table: end -->")
Answer = tuple[NDArray[np.floating], NDArray[np.bool_] | None]
"""Quality (N,), low = bad, and flags (N,) where the tool gives any."""


def of_curate(labels: NDArray[np.int64], probs: NDArray[np.float32]) -> Answer:
    """What `curate.find_label_issues` says."""
    found = curate.find_label_issues(labels, probs)
    return found.label_quality, found.is_label_issue


def of_cleanlab(method: str) -> Callable[[NDArray[np.int64], NDArray[np.float32]], Answer]:
    """What cleanlab says: its default filter, and one of its scores."""

    def asked(labels: NDArray[np.int64], probs: NDArray[np.float32]) -> Answer:
        return get_label_quality_scores(labels, probs, method=method), cleanlab_issues(labels, probs)

    return asked


def of_brain(labels: NDArray[np.int64], probs: NDArray[np.float32]) -> Answer:
    """What FiftyOne Brain says: a score."""
    no_neighbours = np.zeros((len(labels), 4), dtype=np.float32)
    return 1 - brain_scores(labels, probs, no_neighbours).mistakenness, None


TOOLS = {
    "curate": of_curate,
    "cleanlab, self_confidence": of_cleanlab("self_confidence"),
    "cleanlab, normalized_margin": of_cleanlab("normalized_margin"),
    "cleanlab, confidence_weighted_entropy": of_cleanlab("confidence_weighted_entropy"),
    "FiftyOne Brain, mistakenness": of_brain,
}


def measure(folder: Path) -> list[dict[str, Any]]:
    """Average precision, F1 of the flags and seconds of every tool on every file."""
    measured = []
    for file in sorted(folder.glob("*.npz")):
        arrays = np.load(file)
        labels, true = arrays["labels"].astype(np.int64), arrays["true_labels"].astype(np.int64)
        probs = arrays["pred_probs"].astype(np.float32)
        probs /= probs.sum(axis=1, keepdims=True)
        for tool, asked in TOOLS.items():
            started = time.perf_counter()
            quality, flags = asked(labels, probs)
            seconds = time.perf_counter() - started
            found = evaluate_detection(labels != true, np.zeros(len(labels), bool) if flags is None else flags, quality)
            measured.append(
                {
                    "array": file.stem,
                    "tool": tool,
                    "average_precision": found.average_precision,
                    "f1": None if flags is None else found.f1,
                    "num_flagged": None if flags is None else found.num_flagged,
                    "num_errors": found.num_errors,
                    "seconds": seconds,
                }
            )
            print(measured[-1], flush=True)
    return measured


def table(measured: list[dict[str, Any]], record: dict[str, Any]) -> str:
    """A row for every tool, a column for every file: average precision, and F1 of the flags."""
    arrays = list(dict.fromkeys(one["array"] for one in measured))
    by = {(one["tool"], one["array"]): one for one in measured}
    wrong = [f"{name} ({by['curate', name]['num_errors']:,} wrong)" for name in arrays]
    rows = [
        f"`{record['command']}`, commit {record['commit']}: average precision of the ranking; F1 of the flags; seconds for all four.\n",
        f"| tool | {' | '.join(wrong)} | seconds |",
        "|---" * (len(arrays) + 2) + "|",
    ]
    for tool in TOOLS:
        each = [by[tool, name] for name in arrays]
        cells = [f"{one['average_precision']:.3f}; {'–' if one['f1'] is None else format(one['f1'], '.3f')}" for one in each]
        rows.append(f"| {tool} | {' | '.join(cells)} | {sum(one['seconds'] for one in each):.1f} |")
    return "\n".join(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--record", action="store_true")
    options = parser.parse_args()
    measured = measure(options.folder)
    if options.record:
        dataset = {"name": options.folder.name, "num_samples": 50_000, "images_hash": "", "labels_hash": ""}
        meta = {"device": {"device": "cpu"}, "versions": versions(), "config": {"tools": list(TOOLS)}, "dataset": dataset}
        record = records.append_measured("compared", meta, {"measured": measured})
        before, rest = PAGE.read_text().split(MARKS[0])
        PAGE.write_text(f"{before}{MARKS[0]}\n{table(measured, record)}\n{MARKS[1]}{rest.split(MARKS[1])[1]}")


if __name__ == "__main__":
    main()
