"""What FiftyOne computes on top: similarity search, the 2-D map, the evaluation, and FiftyOne Brain's scores as fields."""

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from curate.app.appearance import set_look
from curate.app.database import quiet_fiftyone
from curate.app.fields import BRAIN_FIELDS, EVALUATION, EVALUATION_DESCRIPTION, declare_fields, describe
from curate.app.views import save_more_views
from curate.find.neighbors import nearest_neighbors
from curate.progress import Progress, silent
from curate.row_blocks import row_blocks
from curate.run import Run

WEIGHTS = (0.6, 0.3, 0.1)  # of three near neighbours
SMALL = 15_000
"""Up to here FiftyOne takes cosine distances to the second to fourth neighbour; above, distances of unit vectors to the first three."""


@dataclass(frozen=True)
class BrainScores:
    """Scores of N samples as FiftyOne Brain has them; unlike ours, high = remarkable.

    Attributes:
        uniqueness: (N,) float32 in [0, 1], 1 = the sample that is farthest from its neighbours.
        hardness: (N,) float32 in [0, log K], the entropy of the prediction.
        mistakenness: (N,) float32 in [0, 1], 1 = a sure prediction of another class than the given label; NaN where unlabelled.
    """

    uniqueness: NDArray[np.float32]
    hardness: NDArray[np.float32]
    mistakenness: NDArray[np.float32]


def brain_scores(labels: NDArray[np.int64], pred_probs: NDArray[np.floating], similarities: NDArray[np.floating]) -> BrainScores:
    """What `compute_uniqueness`, `compute_hardness` and `compute_mistakenness` (by logits) give, for all samples at once.

    FiftyOne computes the last two sample by sample, and wants logits in the database; their softmax is `pred_probs`.

    Args:
        labels: (N,) in -1..K-1.
        pred_probs: (N, K) out-of-fold, rows sum to 1; may be a memory map.
        similarities: (N, k), k >= 4, cosine similarities to the nearest neighbours among centred embeddings, most similar first.

    Source: fiftyone-brain 0.25 (Apache-2.0).
    """
    hardness, predicted = np.empty(len(labels)), np.empty(len(labels), dtype=np.int64)
    for start, block in row_blocks(pred_probs):
        probs = block.astype(np.float64)
        hardness[start : start + len(block)] = -np.sum(probs * np.log(np.where(probs > 0, probs, 1)), axis=1)
        predicted[start : start + len(block)] = block.argmax(axis=1)
    sign = np.where(predicted == labels, -1.0, 1.0)
    mistakenness = np.where(labels >= 0, (sign * np.exp(-hardness) + 1) / 2, np.nan)
    uniqueness = np.ones(len(labels))  # FiftyOne's answer for three samples and fewer
    if len(labels) > len(WEIGHTS):
        cosine = np.maximum(1 - similarities.astype(np.float64), 0)
        near = cosine[:, 1:4] if len(labels) <= SMALL else np.sqrt(2 * cosine[:, :3])
        distance = near @ np.array(WEIGHTS[: near.shape[1]])
        uniqueness = distance / max(distance.max(), np.finfo(np.float64).tiny)
    return BrainScores(uniqueness.astype(np.float32), hardness.astype(np.float32), mistakenness.astype(np.float32))


SIMILARITY = "similarity"
MAP = "map"
METHOD = "label_issues"


def index_similarity(dataset: Any) -> None:
    """A similarity index that reads the `embedding` field at the first search, so that nothing is stored twice or goes stale.

    Called before the samples are written: FiftyOne would read all embeddings back otherwise, to no purpose.
    """
    import fiftyone.brain as fob

    if not dataset.has_brain_run(SIMILARITY):
        fob.compute_similarity(dataset, embeddings="embedding", brain_key=SIMILARITY, backend="sklearn", metric="cosine")


def save_map(dataset: Any, points: dict[str, NDArray[np.float32]]) -> None:
    """The 2-D map for the embeddings panel; `points` are (2,) by `sample_id`."""
    import fiftyone.brain as fob

    if dataset.has_brain_run(MAP):
        dataset.delete_brain_run(MAP)
    ours = dataset if dataset.count() == len(points) else dataset.exists("sample_id")
    ordered = np.stack([points[sample_id] for sample_id in ours.values("sample_id")])
    fob.compute_visualization(ours, points=ordered, method="manual", brain_key=MAP)


def evaluate(dataset: Any, class_names: tuple[str, ...], *, has_unlabelled: bool) -> None:
    """Evaluates the out-of-fold predictions against the labels as given, for the App's evaluation panel."""
    if dataset.has_evaluation(EVALUATION):
        dataset.delete_evaluation(EVALUATION)
    labelled = dataset.exists("ground_truth") if has_unlabelled else dataset
    labelled.evaluate_classifications("prediction", gt_field="ground_truth", eval_key=EVALUATION, classes=list(class_names))
    describe(dataset, EVALUATION, EVALUATION_DESCRIPTION)


def register_method(dataset: Any, parameters: dict[str, Any]) -> None:
    """Records how the label issues were found as a custom run of the dataset."""
    if dataset.has_run(METHOD):
        dataset.delete_run(METHOD)
    config = dataset.init_run(method="curate", **parameters)
    dataset.register_run(METHOD, config)


NUM_NEIGHBORS = 4
NAMES = ("uniqueness", "hardness", "mistakenness")


def add_brain_fields(dataset_name: str, run: Run, *, progress: Progress = silent) -> dict[str, Any]:
    """Writes `brain_uniqueness`, `brain_hardness` and `brain_mistakenness` into the FiftyOne dataset of `run`.

    Computed from the run's own embeddings and out-of-fold probabilities: nothing is downloaded, no model runs.

    Returns:
        `seconds` it took, and Spearman's correlation of mistakenness with 1 - our label quality and of uniqueness with 1 - our outlier
        score. Flat, as the command line shows it.

    Raises:
        RunError: a step is missing.
    """
    import fiftyone as fo
    from scipy.stats import spearmanr

    start = time.perf_counter()
    table = run.load_table("issues.parquet", verb="find")
    embeddings = run.load_array("embeddings.npy")
    similarities = nearest_neighbors(embeddings - embeddings.mean(axis=0), k=NUM_NEIGHBORS, progress=progress)[1]
    scores = brain_scores(run.load_array("labels.npy"), run.load_array("pred_probs.npy", mmap=True), similarities)
    with quiet_fiftyone():
        dataset = fo.load_dataset(dataset_name)
        declare_fields(dataset, [spec.name for spec in BRAIN_FIELDS])
        ids = dict(zip(*dataset.exists("sample_id").values(["sample_id", "id"]), strict=True))
        keys = [ids[sample_id] for sample_id in table["sample_id"]]
        for done, name in enumerate(NAMES):
            progress("brain fields", done, len(NAMES))
            values = [None if np.isnan(value) else float(value) for value in getattr(scores, name)]
            dataset.set_values(f"brain_{name}", dict(zip(keys, values, strict=True)), key_field="id")
        progress("brain fields", len(NAMES), len(NAMES))
        set_look(dataset, is_new=False)
        save_more_views(dataset)
    known = ~np.isnan(scores.mistakenness)
    return {
        "seconds": round(time.perf_counter() - start, 1),
        "mistakenness_with_label_quality": float(spearmanr(scores.mistakenness[known], 1 - table["label_quality"][known])[0]),
        "uniqueness_with_outlier_score": float(spearmanr(scores.uniqueness, 1 - table["outlier_score"])[0]),
    }
