"""compare: networks trained before and after cleaning, on the same test images."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from curate.cleaning.apply import clean_image_set
from curate.cleaning.compare import paired_bootstrap, paired_difference
from curate.cleaning.consensus import corrected_labels
from curate.datasets.image_set import ImageSet
from curate.progress import Progress, silent
from curate.run import Run
from curate.steps.clean import cleaned_table
from curate.steps.retrain import accuracy_of, test_probabilities


def compare(
    run: Run,
    image_set: ImageSet,
    *,
    policy: str | None = None,
    min_confidence: float | None = None,
    seeds: Sequence[int] = range(5),
    votes: Path | None = None,
    device: str = "auto",
    progress: Progress = silent,
) -> dict[str, Any]:
    """Writes `comparison.json` and returns it: accuracies before and after, and the paired difference with its interval.

    Args:
        policy: how the training split is cleaned; test images and their labels stay as they are. Default: as `clean` did last,
            else `drop`.
        min_confidence: of the policy `relabel`.
        votes: human votes on the test labels, as labelerrors.com publishes them; adds the comparison on the corrected labels.

    Raises:
        DataError: there is no test split, or the votes are of other labels.
        UsageError: fewer than 2 seeds.
    """
    paired_difference([0.0] * len(seeds), [0.0] * len(seeds))  # too few seeds are told before hours of training, not after
    test = image_set.splits == "test"
    label_sets = {"test labels as given": image_set.labels[test]}
    if votes is not None:
        label_sets["test labels corrected by human votes"] = corrected_labels(votes, image_set.labels[test])[0]
    if policy is None:
        last = run.meta.get("clean", {}) if run.has("cleaned.csv") else {}
        policy, min_confidence = last.get("policy", "drop"), last.get("min_confidence", min_confidence)
    cleaned = cleaned_table(run, policy=policy, min_confidence=min_confidence)
    cleaned_set = clean_image_set(image_set, cleaned)
    with run.step("compare"):
        before = test_probabilities(run, image_set, seeds=seeds, device=device, progress=progress)
        after = test_probabilities(run, cleaned_set, seeds=seeds, device=device, progress=progress)
    in_training = cleaned[image_set.splits != "test"]["action"]
    result = {
        "kind": "human-consensus" if votes is not None else "given",
        "policy": policy,
        "min_confidence": min_confidence,
        "num_dropped": int((in_training == "drop").sum()),
        "num_relabelled": int((in_training == "relabel").sum()),
        "num_abstained": int((in_training == "abstain").sum()),
        "num_train_before": int((~test & (image_set.labels >= 0)).sum()),
        "num_train_after": int(((cleaned_set.splits != "test") & (cleaned_set.labels >= 0)).sum()),
        "test": [compare_on(name, labels, before, after, seeds) for name, labels in label_sets.items()],
    }
    run.write_text("comparison.json", json.dumps(result, indent=2) + "\n")
    return {"run": run.name, **result}


def compare_on(
    name: str, labels: NDArray[np.int64], before: Sequence[NDArray], after: Sequence[NDArray], seeds: Sequence[int]
) -> dict[str, Any]:
    """One entry of `comparison.json`: on one set of test labels, where -1 = left out.

    `interval` is Student's t over seeds; `interval_with_images` also allows for other test images of the same kind.
    """
    used = labels >= 0
    accuracies = [[accuracy_of(probs, labels) for probs in side] for side in (before, after)]
    difference = paired_difference(*accuracies)
    correct = [[probs.argmax(axis=1)[used] == labels[used] for probs in side] for side in (before, after)]
    wider = paired_bootstrap(*correct)
    return {
        "name": name,
        "num_samples": int(used.sum()),
        "seeds": list(seeds),
        "accuracy_before": accuracies[0],
        "accuracy_after": accuracies[1],
        "difference": difference.mean,
        "interval": [difference.low, difference.high],
        "interval_with_images": [wider.low, wider.high],
        "confidence": difference.confidence,
    }
