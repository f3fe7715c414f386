"""Whether a second round of cross-validation, on labels that the first has found good, finds wrong labels better than a repeat does.

    python pipelines/second_round.py cifar10 --labels aggregate=FILE.npy [--preset quick] [--seeds 1]
    python pipelines/second_round.py cifar10 --noise symmetric:0.2

The second round trains without the suspects of the first, or with what the first suggests for them; a repeat, which takes the same time,
trains on the given labels with other divisions and weights. Each is judged alone and by the mean of its probabilities and the first's.
The true labels, those of the source, are used to measure, never to detect.
"""

import argparse
import functools
from pathlib import Path

import numpy as np
import records
from detection import noisy_labels

import curate
from curate.cli.output import working
from curate.data.image_set import ImageSet
from curate.find.evaluation import best_cut, evaluate_detection
from curate.find.label_issues import LabelIssues, find_label_issues
from curate.progress import Progress
from curate.run import Run, run_path
from curate.sources import load_source


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", help="mnist, cifar10, or anything that `curate audit` takes")
    parser.add_argument("--labels", metavar="NAME=FILE", help="labels of the training split, .npy or .csv")
    parser.add_argument("--noise", metavar="KIND:RATE", help="as `detection.py` has it, in place of --labels")
    parser.add_argument("--preset", default="quick")
    parser.add_argument("--seeds", type=int, default=1)
    options = parser.parse_args()
    if (options.labels is None) == (options.noise is None):
        parser.error("either --labels or --noise is needed")
    name, _, file = (options.labels or options.noise).partition("=")
    values = []
    with working() as progress:
        true = load_source(options.source, split="train", progress=progress)
        for seed in range(options.seeds):
            if file:
                noisy = load_source(options.source, split="train", labels=Path(file), progress=progress)
            else:
                noisy = true.with_labels(noisy_labels(true, name, seed))
            round_of = functools.partial(one_round, noisy, f"{true.name}-{name.replace(':', '-')}", options.preset, progress=progress)
            run, first = round_of(noisy.labels, "detection", seed)
            issues = find_label_issues(noisy.labels, first)
            seconds = {
                "repeat": round_of(noisy.labels, "detection", seed + options.seeds)[1],
                "without suspects": round_of(without(noisy.labels, issues), "without", seed)[1],
                "with suggestions": round_of(np.where(issues.is_label_issue, issues.suggested, noisy.labels), "suggested", seed)[1],
            }
            probs = {"first": first, **seconds, **{f"first and {kind}": (first + second) / 2 for kind, second in seconds.items()}}
            values.append({kind: measure(noisy.labels, one, true.labels) for kind, one in probs.items()})
            for kind, found in values[-1].items():
                print(f"{name} {seed} {kind:28} {found}", flush=True)
    records.append(f"second round {true.name} {name} {options.preset}", run, {"seeds": list(range(options.seeds)), "each": values})


def one_round(
    noisy: ImageSet, name: str, preset: str, labels: np.ndarray, kind: str, seed: int, *, progress: Progress
) -> tuple[Run, np.ndarray]:
    """The run on these labels, and its probabilities; one that is there already is not trained again."""
    path = run_path(f"{kind}-{name}-{preset}-s{seed}")
    run = curate.train(
        noisy.with_labels(labels), run=path, judge=curate.Nets(preset=preset, seed=seed), command="second round", progress=progress
    ).run
    return run, run.load_array("pred_probs.npy")


def without(labels: np.ndarray, issues: LabelIssues) -> np.ndarray:
    """The labels, -1 for the suspects: they are judged and not trained on."""
    return np.where(issues.is_label_issue, -1, labels)


def measure(labels: np.ndarray, probs: np.ndarray, true: np.ndarray) -> dict[str, float]:
    """Share of true labels that is predicted, and how well the wrong labels are found."""
    wrong, issues = labels != true, find_label_issues(labels, probs)
    found = evaluate_detection(wrong, issues.is_label_issue, issues.label_quality)
    values = {
        "accuracy_true": (issues.predicted == true).mean(),
        "average_precision": found.average_precision,
        "f1": found.f1,
        "best_f1": best_cut(wrong, issues.label_quality).f1,
    }
    return {what: round(float(value), 4) for what, value in values.items()}


if __name__ == "__main__":
    main()
