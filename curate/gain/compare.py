"""compare: networks trained before and after cleaning, and the paired difference of their test accuracies with its interval."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from curate.data.image_set import ImageSet
from curate.errors import DataError, UsageError
from curate.gain.retrain import accuracy_of, test_probabilities
from curate.progress import Progress, silent
from curate.review.clean import clean_image_set, cleaned_table, policy_of
from curate.review.votes import corrected_labels
from curate.run import Run

NUM_RESAMPLES = 2000
POOLED = "the run was trained with --pool-splits: test labels had a part in what was cleaned, so that the gain may look larger than it is"


@dataclass(frozen=True)
class PairedDifference:
    """Mean of after - before, and the interval [low, high] that holds the true one with probability `confidence`."""

    mean: float
    low: float
    high: float
    confidence: float
    num_seeds: int


def paired_difference(before: Sequence[float], after: Sequence[float], *, confidence: float = 0.95) -> PairedDifference:
    """After - before over seeds, with Student's t interval: what other seeds would give on the same test images.

    Args:
        before, after: S >= 2 accuracies each; place i of both is the same seed.

    Raises:
        UsageError: under two seeds, or `confidence` is outside (0, 1).
        DataError: the two differ in length, or an accuracy is not finite.
    """
    from scipy.stats import ttest_1samp

    _check(len(before), len(after), confidence)
    differences = np.asarray(after, dtype=np.float64) - np.asarray(before, dtype=np.float64)
    if not np.isfinite(differences).all():
        raise DataError(f"the accuracies of seed {int((~np.isfinite(differences)).argmax())} are not finite; did its training diverge?")
    mean, spread = float(differences.mean()), float(np.ptp(differences))
    interval = ttest_1samp(differences, 0).confidence_interval(confidence) if spread > 0 else (mean, mean)
    return PairedDifference(mean, float(interval[0]), float(interval[1]), confidence, len(differences))


def paired_bootstrap(correct_before: ArrayLike, correct_after: ArrayLike, *, confidence: float = 0.95, seed: int = 0) -> PairedDifference:
    """After - before over seeds and test images: what other seeds would give on other test images of the same kind.

    Seeds and images are both drawn again, with replacement, 2,000 times; the interval holds the middle of the differences.

    Args:
        correct_before, correct_after: (S, M) bool, whether the model of seed s is right on test image m; S >= 2.

    Raises:
        UsageError: under two seeds, or `confidence` is outside (0, 1).
        DataError: the two differ in shape, or there are no images.
    """
    first, second = np.asarray(correct_before, dtype=bool), np.asarray(correct_after, dtype=bool)
    if first.ndim != 2 or first.shape != second.shape or first.shape[1] == 0:
        raise DataError(f"expected two equal shapes (seeds, images), found {first.shape} and {second.shape}")
    _check(len(first), len(second), confidence)
    gain = second.astype(np.int8) - first.astype(np.int8)  # (S, M) in -1, 0, 1
    num_seeds, num_images = gain.shape
    generator = np.random.default_rng(seed)
    means = np.empty(NUM_RESAMPLES)
    for i in range(NUM_RESAMPLES):
        per_image = gain[generator.integers(num_seeds, size=num_seeds)].mean(axis=0)  # (M,)
        means[i] = per_image[generator.integers(num_images, size=num_images)].mean()
    low, high = np.quantile(means, [(1 - confidence) / 2, (1 + confidence) / 2])
    return PairedDifference(float(gain.mean()), float(low), float(high), confidence, num_seeds)


def _check(num_before: int, num_after: int, confidence: float) -> None:
    if num_before != num_after:
        raise DataError(f"{num_before} accuracies before but {num_after} after; a paired difference needs the same seeds on both sides")
    if num_before < 2:
        raise UsageError(f"an interval needs at least 2 seeds, found {num_before}; train with more seeds")
    if not 0 < confidence < 1:
        raise UsageError(f"confidence must be between 0 and 1, found {confidence}")


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
        min_confidence: of the policy `relabel` only.
        votes: human votes on the test labels, as labelerrors.com publishes them; adds the comparison on the corrected labels.

    Raises:
        DataError: there is no test split, or the votes are of other labels.
        UsageError: fewer than 2 seeds, or `min_confidence` is given for another policy.
    """
    paired_difference([0.0] * len(seeds), [0.0] * len(seeds))  # too few seeds are told before hours of training, not after
    test = image_set.splits == "test"
    label_sets = {"test labels as given": image_set.labels[test]}
    if votes is not None:
        label_sets["test labels corrected by human votes"] = corrected_labels(votes, image_set.labels[test], image_set.num_classes)[0]
    policy, min_confidence = policy_of(run, policy, min_confidence, otherwise="drop")
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
    note = {"note": POOLED} if run.meta["config"].get("pool_splits") else {}
    return {"run": run.name, **result, **note}


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
