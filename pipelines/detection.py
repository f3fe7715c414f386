"""How well wrong labels are found, on labels of which the truth is known: rankings, thresholds, and what an audit says of itself.

    python pipelines/detection.py cifar10 --labels aggregate=FILE.npy --preset quick      # people's labels, in the order of the set
    python pipelines/detection.py cifar10 --noise symmetric:0.2 --noise similar:0.2 --noise none --preset quick
    python pipelines/detection.py cifar10 --labels aggregate=FILE.npy --preset quick --judge nets --judge features      # and together

Judges learn from the training split and judge it out of fold. The true labels, those of the source, are used to measure, never to detect.
A run that is there already is not judged again. `python pipelines/detection_table.py` makes the tables of docs/detection.md of the records.
"""

import argparse
from pathlib import Path

import numpy as np
import records

import curate
from curate.cli.output import working
from curate.data.image_set import ImageSet
from curate.data.planted_noise import plant_flips, similar_classes
from curate.find.evaluation import best_cut, evaluate_detection
from curate.find.label_issues import METHODS, find_label_issues, rank_of
from curate.find.ranking import balanced, pairwise_quality, self_confidence
from curate.judge.judgement import independent_opinions
from curate.progress import Progress
from curate.run import Run, run_path
from curate.sources import load_source

JUDGES = {"nets": curate.Nets, "features": curate.Features}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", help="mnist, cifar10, or anything that `curate audit` takes")
    parser.add_argument("--labels", action="append", default=[], metavar="NAME=FILE", help="labels of the training split, .npy or .csv")
    parser.add_argument("--noise", action="append", default=[], metavar="KIND:RATE", help="symmetric, pair, similar with a rate, or none")
    parser.add_argument("--preset", default="default", help="of nets and features")
    parser.add_argument("--judge", action="append", choices=JUDGES, help="who judges; both may, alone and together")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--device", default="auto")
    options = parser.parse_args()
    judges = options.judge or ["nets"]
    with working() as progress:
        true = load_source(options.source, split="train", progress=progress)
        sets = {name: None for name in options.noise} | dict(one.split("=", 1) for one in options.labels)
        for name, file in sets.items():
            values: dict[str, list[dict]] = {}
            for seed in range(options.seeds):
                if file is None:
                    noisy = true.with_labels(noisy_labels(true, name, seed))
                else:
                    noisy = load_source(options.source, split="train", labels=Path(file), progress=progress)
                runs = {judge: judged(noisy, judge, name, options, seed, progress) for judge in judges}
                opinions = {judge: independent_opinions(run) for judge, run in runs.items()}
                seconds = {judge: run.meta["steps"][JUDGES[judge].step]["seconds"] for judge, run in runs.items()}
                if len(judges) > 1:
                    opinions["together"] = [np.mean(several, axis=0) for several in opinions.values()]  # as `--pred-probs` given twice
                    seconds["together"] = sum(seconds.values())
                for judge, several in opinions.items():
                    found = measure(noisy.labels, several, true.labels)
                    values.setdefault(judge, []).append({"judge_seconds": seconds[judge], **found})
                    print(name, judge, seed, found["found"], found["said"], flush=True)
            kinds = {"nets": options.preset, "features": f"{options.preset} features", "together": f"{options.preset} nets and features"}
            for judge, each in values.items():
                run = runs.get(judge, runs[judges[0]])
                records.append(f"detection {true.name} {name} {kinds[judge]}", run, {"seeds": list(range(options.seeds)), "each": each})


def judged(noisy: ImageSet, judge: str, name: str, options: argparse.Namespace, seed: int, progress: Progress) -> Run:
    """The run of this judge on these labels; one that is there already is not judged again."""
    kind = options.preset if judge == "nets" else f"{options.preset}-{judge}"
    return curate.train(
        noisy,
        run=run_path(f"detection-{noisy.name}-{name.replace(':', '-')}-{kind}-s{seed}"),
        judge=JUDGES[judge](preset=options.preset, seed=seed),
        place=curate.Place(device=options.device),
        command="detection",
        progress=progress,
    ).run


def noisy_labels(true, name: str, seed: int) -> np.ndarray:
    """The true labels with flips as `name` says; exactly that share of all labels is flipped."""
    kind, _, rate = name.partition(":")
    if kind == "none":
        return true.labels
    if kind == "symmetric":
        return plant_flips(true.labels, true.num_classes, rate=float(rate), kind="symmetric", seed=seed)[0]
    matrix = similar_classes(true.name) if kind == "similar" else None
    return plant_flips(true.labels, true.num_classes, rate=float(rate), kind="class-dependent", seed=seed, transition=matrix)[0]


def measure(labels: np.ndarray, opinions: list[np.ndarray], true: np.ndarray) -> dict:
    """What was found, what each ranking and each threshold would give, and what the audit says of itself."""
    wrong, issues, probs = labels != true, find_label_issues(labels, opinions), np.mean(opinions, axis=0)
    rankings = {
        "curate": issues.label_quality,
        "log-margin": pairwise_quality(labels, probs),
        "self-confidence": self_confidence(labels, probs),
        "log-margin, balanced to equal classes": pairwise_quality(labels, balanced(probs)),
    }
    flags = {f"cleanlab {method}": find_label_issues(labels, probs, method=method).is_label_issue for method in METHODS[1:]}
    flags["four to one"] = rankings["log-margin"] < 0.2
    flags["confident-joint count, lowest log-margins"] = rank_of(rankings["log-margin"]) <= flags["cleanlab prune_by_noise_rate"].sum()
    found, said = evaluate_detection(wrong, issues.is_label_issue, issues.label_quality), issues.estimate
    return {
        "found": {name: getattr(found, name) for name in ("precision", "recall", "f1", "average_precision", "num_flagged", "num_errors")},
        "missed": int((wrong & ~issues.is_label_issue).sum()),
        "said": said.to_json(),
        "accuracy_true": float((issues.predicted == true).mean()),
        "rankings": {
            name: {"average_precision": evaluate_detection(wrong, wrong, score).average_precision, "best_f1": best_cut(wrong, score).f1}
            for name, score in rankings.items()
            if wrong.any()
        },
        "thresholds": {name: evaluate_detection(wrong, flag, issues.label_quality).f1 for name, flag in flags.items()},
    }


if __name__ == "__main__":
    main()
