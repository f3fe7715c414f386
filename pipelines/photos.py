"""A folder of photographs: the first audit, the second from the cache, and what the judge is worth where the truth is known.

python pipelines/photos.py FOLDER [--backbone NAME] [--flips 0.1] [--seeds 3]

With --flips, so many labels are moved to another class, at random and to that of the most similar picture of another class, and the
ranking is held against them.
"""

import argparse
import time

import numpy as np
import records

import curate
from curate.cli.output import show, working
from curate.data.image_set import ImageSet
from curate.judge.alike import nearest
from curate.judge.backbones import load_backbones
from curate.judge.features import Features, extracted, judge_features
from curate.judge.heads import joint_space
from curate.judge.training.device import pick_device


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--backbone")
    parser.add_argument("--flips", type=float, default=0.0)
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    with working() as progress:
        seconds = []
        for name in ("first", "second"):
            start = time.perf_counter()
            judge = Features(backbone=options.backbone)
            made = curate.audit(options.folder, judge=judge, run=f"photos-{name}", command="pipelines/photos.py", progress=progress)
            seconds.append(round(time.perf_counter() - start, 1))
        image_set = made.image_set
        features = [extracted(image_set, net, pick_device()).features for net in load_backbones(options.backbone)]
        accuracies = [agreement(image_set, features, seed) for seed in range(options.seeds)]
        planted = planted_errors(image_set, features, options.flips) if options.flips else {}
    values = {"first_seconds": seconds[0], "second_seconds": seconds[1], "out_of_fold_accuracy": accuracies, **planted}
    records.append(f"photos {image_set.name}", made.run, values)
    show(values, as_json=False)


def agreement(image_set: ImageSet, features: list, seed: int) -> float:
    """The share of the labels with which the head agrees, out of fold."""
    judged = judge_features(image_set, features, seed=seed).judgement
    return round(float((judged.pred_probs.argmax(axis=1) == image_set.labels).mean()), 4)


def planted_errors(image_set: ImageSet, features: list, share: float) -> dict[str, float]:
    """Best F1 of any cut of the ranking by the log-margin, for flips to any class and for flips to the class of the nearest stranger."""
    rng = np.random.default_rng(0)
    labels, num_classes = image_set.labels, image_set.num_classes
    chosen = rng.permutation(len(labels))[: round(share * len(labels))]
    neighbors = nearest(joint_space(features, dimensions=256)).indices
    found = {}
    for name in ("uniform", "similar"):
        flipped = labels.copy()
        for i in chosen:
            strangers = labels[neighbors[i]][labels[neighbors[i]] != labels[i]]
            any_other = (labels[i] + rng.integers(1, num_classes)) % num_classes
            flipped[i] = strangers[0] if name == "similar" and len(strangers) else any_other
        probs = judge_features(image_set.with_labels(flipped), features).judgement.pred_probs
        rows = np.arange(len(labels))
        given = np.log(probs[rows, flipped] + 1e-9)
        others = probs.copy()
        others[rows, flipped] = 0
        order = np.argsort(given - np.log(others.max(axis=1) + 1e-9))
        hits = np.cumsum((flipped != labels)[order])
        found[f"best_f1_{name}"] = round(float((2 * hits / (np.arange(1, len(hits) + 1) + len(chosen))).max()), 4)
    return found


if __name__ == "__main__":
    main()
