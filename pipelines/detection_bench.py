"""The bench that keeps the detection honest: made-up judges over a grid, and arrays of real nets; minutes, no training.

    python pipelines/detection_bench.py                                  # the grid
    python pipelines/detection_bench.py --arrays FOLDER --arrays FOLDER  # and arrays: .npz with pred_probs, labels, true_labels
    python pipelines/detection_bench.py --record                         # appends what came out to data/records.jsonl

The cells are drawn from the grid by a seed. Constants of the detection may be set with a look at the TUNING half, every other cell by a
hash of what it is; all figures that are printed are of the other half. Arrays of one prefix (`NAME-net.npz`) are opinions of each other.
"""

import argparse
import itertools
import time
import warnings
import zlib
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import records

from curate.bench.made_up_judges import NOISES, Cell, make_up
from curate.find.evaluation import best_cut
from curate.find.label_issues import CLEANLAB_METHODS, cleanlab_flags, find_label_issues
from curate.find.ranking import pairwise_quality
from curate.run import versions

MOST, MOST_OF_MANY = 60_000, 20_000  # samples of a cell, of one with 300 classes and more
MEASURES = ("num_errors", "precision", "recall", "num_left")
SPARE = {10: 3, 2: 2, 60: 2}  # how often a number of classes is drawn, beside once


def cells(num: int, seed: int) -> list[Cell]:
    """So many cells of the grid."""
    generator, found = np.random.default_rng(seed), []
    classes = [k for k in (2, 3, 10, 60, 300, 1000) for _ in range(SPARE.get(k, 1))]
    while len(found) < num:
        size = int(generator.choice(classes))
        per_class = int(generator.choice([5, 20, 80, 300, 1000, 5000]))
        count = min(size * per_class, MOST if size < 300 else MOST_OF_MANY)
        accuracy = float(generator.choice([0.2, 0.31, 0.4, 0.5, 0.62, 0.75, 0.85, 0.92, 0.97, 0.995]))
        noise = str(generator.choice(NOISES, p=[0.3, *[0.1] * 7]))
        rate = 0.0 if noise == "none" else float(generator.choice([0.02, 0.05, 0.1, 0.2, 0.3, 0.4]))
        cell = Cell(
            num_classes=size,
            num_samples=count,
            accuracy=accuracy,
            confidence=float(generator.choice([0.5, 0.7, 1, 1, 1, 1.5, 2.5])),
            smoothing=float(generator.choice([0, 0, 0, 0.1, 0.2])),
            noise=noise,
            rate=min(rate, 0.3) if size == 2 else rate,
            imbalance=float(generator.choice([1, 1, 1, 10])),
            learnt=float(generator.choice([0, 0.5, 1])),
            own=float(generator.choice([0, 0, 0.3, 0.6, 0.9])),
            hard=bool(generator.integers(2)),
            seed=int(generator.integers(1 << 30)),
        )
        if count >= 30 and accuracy >= 1.3 / size:
            found.append(cell)
    return found


def is_for_tuning(cell: Cell) -> bool:
    """Whether constants may be set with a look at this cell."""
    return zlib.crc32(repr(asdict(cell)).encode()) % 2 == 0


def measure(labels: np.ndarray, true: np.ndarray, opinions: list[np.ndarray]) -> dict[str, Any]:
    """What is found, what others find, and how far the audit's figures are from the truth."""
    started = time.perf_counter()
    issues = find_label_issues(labels, opinions)
    seconds = time.perf_counter() - started
    wrong, flagged, said = labels != true, issues.is_label_issue, issues.estimate
    probs = np.mean(opinions, axis=0)
    num_hit, num_wrong = int((flagged & wrong).sum()), int(wrong.sum())
    truth = {
        "num_errors": num_wrong,
        "precision": num_hit / max(1, flagged.sum()),
        "recall": num_hit / max(1, num_wrong),
        "num_left": num_wrong - num_hit,
    }
    inside = {name: _holds(getattr(said, name), truth[name]) for name in MEASURES}
    if num_wrong == 0:
        inside["recall"] = True
    if not flagged.any():
        inside["precision"] = True
    errors = said.num_errors
    found: dict[str, Any] = {
        "num": len(labels),
        "wrong": num_wrong,
        "accuracy": float((probs.argmax(axis=1) == true).mean()),
        "flagged": int(flagged.sum()),
        "clean_flagged": float((flagged & ~wrong).mean()),
        "said": {name: [getattr(said, name).value, getattr(said, name).low, getattr(said, name).high] for name in MEASURES},
        "truth": truth,
        "inside": inside,
        "can_count": said.can_count,
        "half_width": (errors.high - errors.low) / 2 / max(num_wrong, 0.005 * len(labels)),
        "calibration_error": calibration_error(issues.error_probability, wrong),
        "seconds": seconds,
    }
    if num_wrong:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            filters = {name: _f1(_flags(labels, probs, name), wrong) for name in CLEANLAB_METHODS}
        margin = pairwise_quality(labels, probs)
        found |= {
            "f1": _f1(flagged, wrong),
            "best_cut": best_cut(wrong, issues.label_quality).f1,
            "margin_cut": best_cut(wrong, margin).f1,
            "filters": filters,
            "plain": _f1(probs.argmax(axis=1) != labels, wrong),
        }
    return found


def calibration_error(probability: np.ndarray, wrong: np.ndarray, bins: int = 15) -> float:
    """Expected calibration error over bins of like size."""
    parts = np.array_split(np.argsort(probability, kind="stable"), bins)
    return float(sum(len(part) * abs(probability[part].mean() - wrong[part].mean()) for part in parts if len(part)) / len(wrong))


def _flags(labels: np.ndarray, probs: np.ndarray, method: str) -> np.ndarray:
    try:
        return cleanlab_flags(labels, probs, method)
    except Exception:  # some filters fail on few labels a class
        return np.zeros(len(labels), dtype=bool)


def _f1(flagged: np.ndarray, wrong: np.ndarray) -> float:
    return float(2 * (flagged & wrong).sum() / max(1, flagged.sum() + wrong.sum()))


def _holds(estimate: Any, true: float) -> bool:
    return bool(estimate.low - 1e-9 <= true <= estimate.high + 1e-9)


def of_cell(cell: Cell) -> dict[str, Any]:
    """One cell with one opinion, and with two where they are independent."""
    made = make_up(cell)
    found = {"cell": asdict(cell), "one": measure(made.labels, made.true, [made.opinions[0]])}
    if cell.own:
        found["two"] = measure(made.labels, made.true, list(made.opinions))
    return found


def of_arrays(folder: Path) -> list[dict[str, Any]]:
    """Every file alone, and every two of one prefix together."""
    files = {path.stem: np.load(path) for path in sorted(folder.glob("*.npz"))}
    sets = {name: (one["labels"].astype(np.int64), one["true_labels"].astype(np.int64)) for name, one in files.items()}
    probs = {name: one["pred_probs"].astype(np.float32) for name, one in files.items()}
    probs = {name: one / one.sum(axis=1, keepdims=True) for name, one in probs.items()}
    found = [{"name": name, "opinions": 1, **measure(*sets[name], [probs[name]])} for name in files]
    for first, second in itertools.combinations(files, 2):
        if first.split("-")[0] == second.split("-")[0] and np.array_equal(sets[first][0], sets[second][0]):
            name = f"{first}+{second.split('-', 1)[1]}"
            found.append({"name": name, "opinions": 2, **measure(*sets[first], [probs[first], probs[second]])})
    return found


def summary(several: list[dict[str, Any]]) -> dict[str, Any]:
    """The figures that the targets are about, of some measurements."""
    noisy = [one for one in several if one["wrong"]]
    clean = [one["clean_flagged"] for one in several if not one["wrong"] and one["accuracy"] > 0.3]
    short = np.array([one["best_cut"] - one["f1"] for one in noisy])
    others = np.array([max(*one["filters"].values(), one["plain"]) - one["f1"] for one in noisy])
    counted = [one for one in several if one["can_count"] and one["wrong"] >= 10]
    left = [abs(one["said"]["num_left"][0] - one["truth"]["num_left"]) / max(1, one["truth"]["num_left"]) for one in counted]
    return {
        "measurements": len(several),
        "short_of_best_cut": [float(short.mean()), float(np.median(short)), float(short.max())] if len(short) else None,
        "behind_best_filter": float((others > 0.01).mean()) if len(others) else None,
        "ahead_of_best_filter": float((others < 0).mean()) if len(others) else None,
        "clean_flagged": [float(np.mean(clean)), float(np.max(clean))] if clean else None,
        "inside": {name: float(np.mean([one["inside"][name] for one in several])) for name in MEASURES},
        "half_width": float(np.median([one["half_width"] for one in counted])) if counted else None,
        "left_within_a_quarter": float(np.mean(np.array(left) <= 0.25)) if left else None,
        "calibration_error": [float(np.mean([one["calibration_error"] for one in several])), max(o["calibration_error"] for o in several)],
        "can_count": float(np.mean([one["can_count"] for one in several])),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, default=240, help="of the grid, both halves together")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--arrays", action="append", default=[], type=Path, metavar="FOLDER")
    parser.add_argument("--half", choices=("judging", "tuning"), default="judging")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--record", action="store_true")
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    chosen = [cell for cell in cells(options.cells, options.seed) if is_for_tuning(cell) == (options.half == "tuning")]
    started = time.perf_counter()
    with ProcessPoolExecutor(options.jobs) as pool:
        grid = list(pool.map(of_cell, chosen))
    arrays = [one for folder in options.arrays for one in of_arrays(folder)]
    if options.verbose:
        for one in grid:
            for kind in ("one", "two"):
                if kind in one:
                    show(" ".join(f"{k}={v}" for k, v in one["cell"].items() if k != "seed") + f" {kind}", one[kind])
    for one in arrays:
        show(one["name"], one)
    judged = [one for one in grid if one["cell"]["accuracy"] > 0.3]
    parts = {
        "grid, one opinion": [one["one"] for one in judged],
        "grid, two opinions": [one["two"] for one in judged if "two" in one],
        "grid, weak judges": [one["one"] for one in grid if one["cell"]["accuracy"] <= 0.3],
        **{f"grid, {noise}": [one["one"] for one in judged if one["cell"]["noise"] == noise] for noise in NOISES},
        "arrays, one opinion": [one for one in arrays if one["opinions"] == 1],
        "arrays, two opinions": [one for one in arrays if one["opinions"] == 2],
    }
    figures = {name: summary(several) for name, several in parts.items() if several}
    for name, values in figures.items():
        print(name, {key: np.round(value, 3).tolist() if isinstance(value, list) else value for key, value in values.items()})
    seconds = time.perf_counter() - started
    print(f"{seconds:.0f} s")
    if options.record:
        config = {"cells": options.cells, "seed": options.seed, "half": options.half, "arrays": [one["name"] for one in arrays]}
        meta = {
            "device": {"device": "cpu"},
            "versions": versions(),
            "config": config,
            "dataset": {
                "name": "detection bench",
                "num_samples": sum(one["one"]["num"] for one in grid),
                "images_hash": "",
                "labels_hash": "",
            },
        }
        records.append_measured("detection bench", meta, {"seconds": seconds, "figures": figures, "arrays": arrays})


def show(name: str, found: dict[str, Any]) -> None:
    """One measurement in a line."""
    value, low, high = found["said"]["num_errors"]
    scores = "" if not found["wrong"] else f"F1 {found['f1']:.3f} best cut {found['best_cut']:.3f} log-margin's {found['margin_cut']:.3f} "
    scores += "" if not found["wrong"] else f"filter {max(found['filters'].values()):.3f} plain {found['plain']:.3f} "
    held = "".join(" " if found["inside"][measure] else measure.removeprefix("num_")[0].upper() for measure in MEASURES)
    print(
        f"{name:<60} wrong {found['wrong']:6d} said {value:8.0f} ({low:.0f} to {high:.0f}) [{held}] flagged {found['flagged']:6d} {scores}"
        f"ECE {found['calibration_error']:.3f} {found['seconds']:.1f} s",
        flush=True,
    )


if __name__ == "__main__":
    main()
