"""Underperforming groups: parts of the embedding where the model is wrong far more often than elsewhere."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from curate.intervals import clopper_pearson

FEWEST = 50  # samples of a group on average
MOST = 50  # groups
FIT_ON = 20_000  # samples that the centres are fitted on
BLOCK = 8192
EXCESS = 2.0  # times the error rate of all
LEAST_EXCESS = 0.1  # more errors than among all, as a share of the group: less is of no use to anybody
CONFIDENCE = 0.95  # over all groups together


@dataclass(frozen=True)
class Groups:
    """Groups of similar samples.

    Attributes:
        group: (N,) int64 in 0..G-1.
        is_underperforming: (N,) bool, whether the sample's group is flagged.
        table: G rows, worst first: `group`, `name`, `num_samples`, `accuracy`, `accuracy_low`, `accuracy_high` (the interval, all groups at
            once), `num_label_issues`, `is_underperforming`.
    """

    group: NDArray[np.int64]
    is_underperforming: NDArray[np.bool_]
    table: pd.DataFrame


def find_groups(
    embeddings: NDArray[np.floating],
    labels: NDArray[np.int64],
    predicted: NDArray[np.int64],
    is_label_issue: NDArray[np.bool_],
    class_names: Sequence[str],
    *,
    seed: int = 0,
) -> Groups:
    """Clusters of the embedding by k-means, and which of them the model gets wrong.

    A group is flagged where its out-of-fold error rate is over twice that of all labelled samples and ten points above it, and this is no
    chance: the whole interval of its accuracy (Clopper & Pearson, Bonferroni over groups) lies below the accuracy of all. The reason may
    be wrong labels, hard pictures, or a kind of picture that is rare in training; its name tells what it is made of.

    Args:
        embeddings: (N, D), finite; an array or a memory map, read in blocks.
        labels: (N,) in -1..K-1; accuracy is against these.
        predicted: (N,) in 0..K-1, out-of-fold.
        is_label_issue: (N,).
        class_names: K names.
        seed: of the sample that the centres are fitted on, and of their start.

    Source: the idea is that of cleanlab's Datalab (underperforming_group), which flags by a fixed ratio of self-confidence.
    """
    group = _clusters(embeddings, seed)
    labelled = labels >= 0
    correct = labelled & (predicted == labels)
    num_groups = int(group.max()) + 1
    sizes = np.bincount(group[labelled], minlength=num_groups)
    hits = np.bincount(group[correct], minlength=num_groups)
    issues = np.bincount(group[is_label_issue], minlength=num_groups)
    overall = hits.sum() / max(sizes.sum(), 1)
    low, high = clopper_pearson(hits, sizes, 1 - (1 - CONFIDENCE) / num_groups)
    accuracy = np.divide(hits, sizes, out=np.full(num_groups, np.nan), where=sizes > 0)
    flagged = (high < overall) & (1 - accuracy > EXCESS * (1 - overall)) & (accuracy < overall - LEAST_EXCESS)
    table = pd.DataFrame(
        {
            "group": np.arange(num_groups),
            "name": [_name(labels[labelled & (group == g)], class_names) for g in range(num_groups)],
            "num_samples": np.bincount(group, minlength=num_groups),
            "accuracy": accuracy,
            "accuracy_low": low,
            "accuracy_high": high,
            "num_label_issues": issues,
            "is_underperforming": flagged,
        }
    ).sort_values("accuracy", kind="stable", ignore_index=True)
    return Groups(group, flagged[group], table)


def _clusters(embeddings: NDArray[np.floating], seed: int) -> NDArray[np.int64]:
    """(N,) numbers of clusters of the directions; one cluster where there are too few samples for two."""
    from sklearn.cluster import MiniBatchKMeans
    from threadpoolctl import threadpool_limits  # comes with scikit-learn

    num_samples = len(embeddings)
    num_groups = min(MOST, num_samples // FEWEST)
    if num_groups < 2:
        return np.zeros(num_samples, dtype=np.int64)
    chosen = np.arange(num_samples)
    if num_samples > FIT_ON:
        chosen = np.sort(np.random.default_rng(seed).choice(num_samples, FIT_ON, replace=False))
    with threadpool_limits(1):  # its steps are so short that several threads wait for each other, seconds where other programs run
        fitted = MiniBatchKMeans(num_groups, random_state=seed, n_init=1, batch_size=4096).fit(_unit(embeddings[chosen]))
        blocks = [fitted.predict(_unit(embeddings[start : start + BLOCK])) for start in range(0, num_samples, BLOCK)]
    return np.unique(np.concatenate(blocks), return_inverse=True)[1].astype(np.int64)


def _unit(rows: NDArray[np.floating]) -> NDArray[np.float32]:
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.maximum(length, np.finfo(np.float32).tiny), dtype=np.float32)


def _name(labels: NDArray[np.int64], class_names: Sequence[str]) -> str:
    """The classes that make up a group, by their share: at most three of over a tenth."""
    if not len(labels):
        return "no labels"
    shares = np.bincount(labels, minlength=len(class_names)) / len(labels)
    top = [k for k in np.argsort(-shares, kind="stable")[:3] if shares[k] >= 0.1] or [int(shares.argmax())]
    return ", ".join(f"{class_names[k]} ({100 * shares[k]:.0f} %)" for k in top)
