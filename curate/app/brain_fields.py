"""The scores of FiftyOne Brain as fields `brain_*` of a curate dataset, to sort and filter by beside ours."""

import time
from typing import Any

import numpy as np

from curate.app.database import quiet_fiftyone
from curate.app.fields import BRAIN_FIELDS, declare_fields
from curate.app.look import set_look
from curate.app.more_views import save_more_views
from curate.embeddings.neighbors import nearest_neighbors
from curate.issues.brain_scores import brain_scores
from curate.progress import Progress, silent
from curate.run import Run

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
