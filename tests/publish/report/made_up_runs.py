"""Run folders by the contracts, made up, for the tests of the report."""

import json

import numpy as np
import pandas as pd

from curate.data.image_set import ImageSet
from curate.run import Run

COMPARISON = {
    "kind": "human-consensus",
    "test": [
        {
            "name": "test labels as given",
            "num_samples": 10,
            "seeds": [0, 1],
            "accuracy_before": [0.9, 0.92],
            "accuracy_after": [0.95, 0.95],
            "difference": 0.04,
            "interval": [0.01, 0.07],
            "confidence": 0.95,
        }
    ],
    "policy": "drop",
    "num_dropped": 3,
    "num_relabelled": 0,
}


def made_up_run(
    path, *, class_names=("cat", "dog", "owl"), per_class=10, num_flagged=6, num_unlabelled=0, shape=(1, 8, 8), comparison=None
):
    """A run folder by the contracts, and its images: the first `num_flagged` samples are suspects, worst first."""
    k = len(class_names)
    n = k * per_class
    labels = np.arange(n) % k
    labels[n - num_unlabelled :] = -1
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (n, *shape), dtype=np.uint8)
    splits = np.where(np.arange(n) < n * 0.8, "train", "test")
    ids = np.array([f"pets/{split}/{i}" for i, split in enumerate(splits)])
    image_set = ImageSet(name="pets", images=images, labels=labels, sample_ids=ids, splits=splits, class_names=tuple(class_names))
    names = np.array([*class_names, None], dtype=object)
    flagged = np.arange(n) < num_flagged
    suggested = np.where(flagged, (labels + 1) % k, -1)
    quality = np.where(flagged, 0.001 * (1 + np.arange(n)), 0.99)
    quality = np.where(labels < 0, np.nan, quality)
    duplicate_set = np.full(n, -1)
    duplicate_set[[2, n - 1]] = 0  # across splits
    duplicate_set[[4, 5]] = 1
    table = pd.DataFrame(
        {
            "sample_id": ids,
            "split": splits,
            "index": np.arange(n),
            "given_label": names[labels],
            "predicted_label": names[np.where(flagged, suggested, np.maximum(labels, 0))],
            "confidence": np.float32(0.9),
            "suggested_label": names[suggested],
            "suggested_confidence": np.where(flagged, 0.9, np.nan).astype(np.float32),
            "label_quality": quality.astype(np.float32),
            "is_label_issue": flagged,
            "rank": 1 + np.arange(n),
            "outlier_score": np.linspace(0, 1, n, dtype=np.float32),
            "is_outlier_issue": np.arange(n) < 4,
            "duplicate_score": np.where(duplicate_set >= 0, 0.0, 0.7).astype(np.float32),
            "duplicate_set": duplicate_set,
            "is_duplicate_issue": duplicate_set >= 0,
            "is_leak_issue": duplicate_set == 0,
            "fold": (np.arange(n) % 3).astype(np.int16),
        }
    )
    run = Run.create(
        path,
        {
            "command": "curate audit pets",
            "dataset": {"name": "pets", "images_hash": image_set.images_hash, "num_samples": n, "class_names": list(class_names)},
            "config": {"model": "lenet5", "num_folds": 3, "num_repeats": 2, "seed": 0, "recipe": {"epochs": 3}},
            "versions": {"torch": "2.15.0"},
            "device": {"name": "a small machine"},
        },
    )
    run.meta["steps"]["train"] = {"seconds": 125.0, "peak_memory_mib": 2048.0}
    run.save_meta()
    table.to_parquet(run.path / "issues.parquet")
    counts = np.bincount(labels[labels >= 0], minlength=k)
    issues = np.bincount(labels[flagged], minlength=k)
    pd.DataFrame(
        {
            "class_name": class_names,
            "num_samples": counts,
            "num_issues": issues,
            "label_noise": issues / np.maximum(counts, 1),
            "inverse_label_noise": 0.01,
            "label_quality": 0.9,
        }
    ).to_csv(run.path / "class_health.csv", index=False)
    pairs = table[flagged].groupby(["given_label", "suggested_label"]).size().rename("num_samples").reset_index()
    pairs.sort_values("num_samples", ascending=False, kind="stable").to_csv(run.path / "label_pairs.csv", index=False)
    findings = {
        "estimated_label_errors": 7,
        "detection": {
            "num_errors": {"value": 7.0, "low": 4.0, "high": 12.0},
            "precision": {"value": 0.8, "low": 0.5, "high": 1.0},
            "recall": {"value": 0.6, "low": 0.5, "high": 0.7},
            "num_left": {"value": 3.0, "low": 1.0, "high": 5.0},
            "num_labels": 60,
            "num_flagged": 6,
            "num_flagged_errors": {"value": 5.0, "low": 3.0, "high": 6.0},
            "num_worth_a_look": 9,
            "can_count": True,
            "reason": None,
            "num_opinions": 1,
        },
        "methods": {"error_probability": 6, "predicted_neq_given": 9},
        "class_imbalance": {
            "rarest_class": class_names[0],
            "rarest_count": per_class,
            "most_frequent_class": class_names[-1],
            "most_frequent_count": per_class,
            "is_imbalance_issue": False,
        },
        "order": {"p_value": 0.4, "statistic": 0.01, "is_order_issue": False},
    }
    run.write_text("findings.json", json.dumps(findings))
    run.save_array("projection.npy", rng.normal(size=(n, 2)).astype(np.float32))
    if comparison:
        run.write_text("comparison.json", json.dumps(comparison))
    return run, image_set
