"""Several annotators whose errors are those that people made on CIFAR-10, and whether consensus and quality tell the truth.

    python pipelines/annotators.py ../shared/data/cifar10n/cifar10n_train.npz [--samples 5000] [--annotators 20] [--each 3] [--seeds 3]

Annotators err at 3 to 45 %, each at a rate of its own; which class they say instead is drawn as in `random1` of CIFAR-10N, a label by one
person per image. Nets are trained on the majority. The true labels are used to make annotators and to measure, never to detect.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
import records
from scipy.stats import spearmanr
from sklearn.metrics import roc_auc_score

from curate.cli.output import working
from curate.run import data_root
from curate.steps.find import find, load_table
from curate.steps.source import load_source, run_path
from curate.steps.train import train


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("noise", type=Path, help="cifar10n_train.npz, with random1 in the official order of the training images")
    parser.add_argument("--samples", type=int, default=5000)
    parser.add_argument("--annotators", type=int, default=20)
    parser.add_argument("--each", type=int, default=3, help="annotators of each image")
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    results = []
    for seed in range(options.seeds):
        with working() as progress:
            run, measured = measure(options, seed, progress)
        results.append(measured)
        print({key: round(value, 4) for key, value in measured.items()}, flush=True)
    for key in results[0]:
        values = [result[key] for result in results]
        print(f"{key:40} mean {np.mean(values):.4f}  lowest {min(values):.4f}  highest {max(values):.4f}")
    records.append(f"annotators cifar10 {options.samples}", run, {"seeds": list(range(options.seeds)), "each": results})


def measure(options, seed, progress):
    """The run of one seed, and how near its tables come to the truth."""
    generator = np.random.default_rng(seed)
    whole = load_source("cifar10", split="train", progress=progress)
    true = load_source("cifar10", split="train", limit=options.samples, progress=progress)
    confusion = np.zeros((10, 10))
    np.add.at(confusion, (whole.labels, np.load(options.noise)["random1"].astype(int)), 1)
    np.fill_diagonal(confusion, 0)
    confusion /= confusion.sum(axis=1, keepdims=True)
    rates = np.linspace(0.03, 0.45, options.annotators)
    rows = []
    for sample_id, label in zip(true.sample_ids.tolist(), true.labels.tolist(), strict=True):
        for a in generator.choice(options.annotators, options.each, replace=False):
            said = generator.choice(10, p=confusion[label]) if generator.random() < rates[a] else label
            rows.append((sample_id, f"annotator-{a:02}", int(said)))
    path = data_root() / "raw" / f"annotators-{options.samples}-s{seed}.csv"
    pd.DataFrame(rows, columns=["sample_id", "annotator", "label"]).to_csv(path, index=False)

    crowd = load_source("cifar10", split="train", limit=options.samples, labels=path, progress=progress)
    name = f"annotators-cifar10-{options.samples}-s{seed}"
    run = train(crowd, run_path(name), preset="quick", seed=seed, command="annotators", progress=progress)
    find(run, crowd, with_map=False, progress=progress)
    table = load_table(run)
    consensus = pd.read_csv(run.path / "consensus.csv")["label"].to_numpy()
    people = pd.read_csv(run.path / "annotators.csv").sort_values("annotator")
    is_wrong = crowd.labels != true.labels
    return run, {
        "out_of_fold_accuracy_against_truth": float((run.load_array("pred_probs.npy").argmax(axis=1) == true.labels).mean()),
        "accuracy_majority": float(1 - is_wrong.mean()),
        "accuracy_consensus": float((consensus == np.array(true.class_names)[true.labels]).mean()),
        "rank_correlation_of_annotator_quality": float(spearmanr(people["quality"], 1 - rates)[0]),
        "auc_consensus_quality_of_wrong_majority": float(roc_auc_score(is_wrong, -table["consensus_quality"])),
        "auc_annotation_score_of_wrong_majority": float(roc_auc_score(is_wrong, -table["annotation_score"])),
        "auc_label_quality_of_wrong_majority": float(roc_auc_score(is_wrong, -table["label_quality"])),
    }


if __name__ == "__main__":
    main()
