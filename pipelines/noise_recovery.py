"""Plants a known share of wrong labels, audits, cleans, retrains, and measures how much of the harm was undone.

    python pipelines/noise_recovery.py mnist --rate 0.1 --kind symmetric --seeds 3

Flips are planted in the training labels only. What was planted is used to measure, never to detect.
"""

import argparse

import numpy as np
import records

import curate
from curate.cli.output import working
from curate.data.planted_noise import plant_flips, similar_classes
from curate.find.evaluation import evaluate_detection
from curate.find.find import find
from curate.find.saved_table import load_table
from curate.gain.retrain import accuracy_of, test_probabilities
from curate.review.clean import clean_image_set, cleaned_table
from curate.run import Run, run_path
from curate.sources import load_source


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", help="mnist, cifar10, or anything that `curate audit` takes and that has a test split")
    parser.add_argument("--rate", type=float, default=0.1, help="share of training labels to flip")
    parser.add_argument("--kind", choices=("symmetric", "class-dependent"), default="symmetric")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--preset", default="default")
    parser.add_argument("--policy", default="drop")
    parser.add_argument("--limit", type=int)
    options = parser.parse_args()
    results = []
    with working() as progress:
        true = load_source(options.source, limit=options.limit, progress=progress)
        for seed in range(options.seeds):
            name = f"noise-{true.name}-{options.preset}-{options.kind}-{options.rate:g}{options.limit or ''}-s{seed}"
            results.append(recover(true, run_path(name), seed, options, progress))
            print({key: round(value, 4) for key, value in results[-1].items()}, flush=True)
    for key in results[0]:
        values = [result[key] for result in results]
        print(f"{key:22} mean {np.mean(values):.4f}  lowest {min(values):.4f}  highest {max(values):.4f}")
    size = f" {options.limit}" if options.limit else ""
    record = {"seeds": list(range(options.seeds)), "each": results}
    records.append(f"noise_recovery {true.name}{size} {options.kind} {options.rate:g}", Run.open(run_path(name)), record)


def recover(true, path, seed, options, progress) -> dict[str, float]:
    """Detection and retraining figures of one seed."""
    training = true.splits != "test"
    labels, is_flipped = true.labels.copy(), np.zeros(len(true), bool)
    matrix = similar_classes(true.name) if options.kind == "class-dependent" and true.name in ("mnist", "cifar10") else None
    labels[training], is_flipped[training] = plant_flips(
        true.labels[training], true.num_classes, rate=options.rate, kind=options.kind, seed=seed, transition=matrix
    )
    noisy = true.with_labels(labels)
    run = curate.train(
        noisy, run=path, judge=curate.Nets(preset=options.preset, seed=seed), command="noise_recovery", progress=progress
    ).run
    find(run, noisy, with_map=False, progress=progress)
    table = load_table(run)[training]
    found = evaluate_detection(is_flipped[training], table["is_label_issue"].to_numpy(), table["label_quality"].to_numpy())
    cleaned = clean_image_set(noisy, cleaned_table(run, policy=options.policy))
    test_labels = true.labels[~training]
    accuracy = {
        f"accuracy_{what}": accuracy_of(test_probabilities(run, image_set, seeds=[0], progress=progress)[0], test_labels)
        for what, image_set in (("noisy", noisy), ("cleaned", cleaned), ("true", true))
    }
    return {"precision": found.precision, "recall": found.recall, "f1": found.f1, "average_precision": found.average_precision, **accuracy}


if __name__ == "__main__":
    main()
