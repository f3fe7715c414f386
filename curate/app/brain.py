"""What FiftyOne computes on top: similarity search, the 2-D map, the evaluation; and where the figures came from."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from curate.app.fields import EVALUATION, EVALUATION_DESCRIPTION, describe

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
