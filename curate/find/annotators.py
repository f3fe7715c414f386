"""Several annotators: the label that they and the model agree on, how sure it is, who is reliable, and what needs another look."""

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from curate.errors import DataError


@dataclass(frozen=True)
class Consensus:
    """What M annotators and the model say about N samples; nobody's samples have NaN, -1 and 0.

    Attributes:
        labels: (N,) int64, the best label by both; it need not be that of the majority.
        quality: (N,) float32 in [0, 1], how sure it is that this label is right; low = doubtful.
        agreement: (N,) float32 in [0, 1], the share of the sample's annotators who gave it.
        num_annotations: (N,) int64.
        annotation_score: (N,) float32 in [0, 1]; low = one more label of this sample would tell most.
        annotator_quality: (M,) float32 in [0, 1], low = unreliable.
        annotator_agreement: (M,) float32 in [0, 1], the share of the annotator's labels that are the consensus.
        num_labels: (M,) int64.
        worst_class: (M,) int64, among the labels that the annotator gave the one most often wrong.
    """

    labels: NDArray[np.int64]
    quality: NDArray[np.float32]
    agreement: NDArray[np.float32]
    num_annotations: NDArray[np.int64]
    annotation_score: NDArray[np.float32]
    annotator_quality: NDArray[np.float32]
    annotator_agreement: NDArray[np.float32]
    num_labels: NDArray[np.int64]
    worst_class: NDArray[np.int64]


def find_consensus(annotations: NDArray[np.int64], pred_probs: NDArray[np.floating], *, num_annotators: int) -> Consensus:
    """The consensus of annotators and model by CROWDLAB, and by ActiveLab which samples to label once more.

    Dense (N, M) arrays are made on the way: 50,000 samples by 700 annotators take 300 MB each.

    Args:
        annotations: (R, 3): sample in 0..N-1, annotator in 0..M-1, label in 0..K-1; one row per sample and annotator at most.
        pred_probs: (N, K) out-of-fold, rows sum to 1; of a model trained on the majority of the labels, say.
        num_annotators: M.

    Raises:
        DataError: no sample has the labels of two annotators, so that nothing can be told about them.

    Source: Goh, Tkachenko & Mueller 2022, arXiv:2210.06812; Goh & Mueller 2023, arXiv:2301.11856; as cleanlab has them.
    """
    from cleanlab.multiannotator import get_active_learning_scores, get_label_quality_multiannotator

    samples, annotators, given = annotations.T
    num_samples = len(pred_probs)
    counts = np.bincount(samples, minlength=num_samples)
    if counts.max(initial=0) < 2:
        raise DataError(
            "no sample has labels of two annotators, so nothing can be told about them; give labels as a table of sample_id and label"
        )
    rows = np.flatnonzero(counts > 0)
    place = np.full(num_samples, -1)
    place[rows] = np.arange(len(rows))
    dense = np.full((len(rows), num_annotators), np.nan)
    dense[place[samples], annotators] = given
    probs = np.asarray(pred_probs[rows], dtype=np.float64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # annotators who share no sample, classes that nobody named
        judged = get_label_quality_multiannotator(dense, probs, return_detailed_quality=False, verbose=False)
        score, _ = get_active_learning_scores(dense, probs)
    by_sample, by_annotator = judged["label_quality"], judged["annotator_stats"].sort_index()

    def spread(values: NDArray, fill: float, dtype: type) -> NDArray:
        whole: NDArray = np.full(num_samples, fill, dtype=dtype)
        whole[rows] = values
        return whole

    return Consensus(
        labels=spread(by_sample["consensus_label"].to_numpy(), -1, np.int64),
        quality=spread(by_sample["consensus_quality_score"].to_numpy(), np.nan, np.float32),
        agreement=spread(by_sample["annotator_agreement"].to_numpy(), np.nan, np.float32),
        num_annotations=counts.astype(np.int64),
        annotation_score=spread(np.clip(score, 0, 1), np.nan, np.float32),
        annotator_quality=by_annotator["annotator_quality"].to_numpy(np.float32),
        annotator_agreement=by_annotator["agreement_with_consensus"].to_numpy(np.float32),
        num_labels=by_annotator["num_examples_labeled"].to_numpy(np.int64),
        worst_class=by_annotator["worst_class"].to_numpy(np.int64),
    )
