"""Evidence: what earlier steps left in the run folder, read once and checked against the images."""

import json
import shlex
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from curate.data.image_set import ImageSet
from curate.errors import RunError
from curate.find.self_estimate import worth_a_look
from curate.run import Run

NUM_CLOSEST = 12  # labels that are shown where none is worth a look
FLAGS = ("is_label_issue", "is_outlier_issue", "is_duplicate_issue", "is_leak_issue")


@dataclass(frozen=True)
class Evidence:
    """Everything that the page is made of.

    Attributes:
        run_name: what names the run in a command.
        meta: the content of `run.json`.
        image_set: N samples, in the order of `table`.
        table: the issue table, N rows.
        class_health: K rows, in the order of the classes, or none.
        label_pairs: given_label, suggested_label, num_samples of the flagged rows, most frequent first.
        findings: what was found about the dataset as a whole.
        projection: (N, 2) float32 map of the embeddings; None where none was made.
        comparison: retraining before and after; None where none was made.
    """

    run_name: str
    meta: dict[str, Any]
    image_set: ImageSet
    table: pd.DataFrame
    class_health: pd.DataFrame
    label_pairs: pd.DataFrame
    findings: dict[str, Any]
    projection: NDArray[np.float32] | None
    comparison: dict[str, Any] | None

    @property
    def is_labelled(self) -> NDArray[np.bool_]:
        """(N,) whether the sample has a given label."""
        return self.table["given_label"].notna().to_numpy()

    @property
    def unjudged(self) -> str | None:
        """Why no label was judged; None where labels were."""
        detection = self.findings.get("detection") or {}
        if detection.get("num_labels", 1) and self.is_labelled.any():
            return None
        return detection.get("reason") or "no picture has a class"

    @property
    def suspects(self) -> pd.DataFrame:
        """The rows flagged as label issues, worst first; the index is the position in the dataset."""
        return self.table[self.table["is_label_issue"]].sort_values("rank")

    @property
    def queue(self) -> pd.DataFrame:
        """The suspects, and below them the other labels that are worth a look, worst first; NUM_CLOSEST labels where there are neither."""
        labels = self.table[self.is_labelled].sort_values("rank")
        queue = labels[worth_a_look(labels)]
        return labels.head(NUM_CLOSEST) if queue.empty else queue


def read_evidence(run: Run, image_set: ImageSet) -> Evidence:
    """The artefacts of `run`, checked against `image_set`.

    Raises:
        RunError: `curate find` has not been run, a file is broken, or the run is of other samples.
    """
    table = run.load_table("issues.parquet", verb="find").reset_index(drop=True)
    if len(table) != len(image_set) or not np.array_equal(table["sample_id"].to_numpy(dtype=str), image_set.sample_ids.astype(str)):
        raise RunError(
            f"{run.path} holds the issues of {len(table)} samples, which are not the {len(image_set)} of '{image_set.name}'; "
            f"load the dataset as it was audited, or run {run.command('find')} again"
        )
    for flag in FLAGS:
        table[flag] = table[flag].astype(bool)
    projection = run.load_array("projection.npy", verb="find") if run.has("projection.npy") else None
    if projection is not None and projection.shape != (len(table), 2):
        raise RunError(
            f"projection.npy of {run.path} has shape {projection.shape}, expected {(len(table), 2)}; run {run.command('find')} again"
        )
    return Evidence(
        run_name=shlex.quote(run.handle if run.handle == run.name else f"./{run.name}"),  # the page may be sent to others
        meta=run.meta,
        image_set=image_set,
        table=table,
        class_health=_read_names(run, "class_health.csv", ["class_name"]),
        label_pairs=_read_names(run, "label_pairs.csv", ["given_label", "suggested_label"]),
        findings=read_json(run, "findings.json", verb="find") or {},
        projection=projection,
        comparison=read_json(run, "comparison.json", verb="compare"),
    )


def _read_names(run: Run, name: str, text_columns: list[str]) -> pd.DataFrame:
    """A CSV whose `text_columns` hold class names, where `0` and `NA` are text like any other; the rest are numbers."""
    table = pd.read_csv(run.require(name, "find"), dtype=str, keep_default_na=False)
    numbers = table.columns.difference(text_columns)
    table[numbers] = table[numbers].apply(pd.to_numeric, errors="coerce")
    return table


def read_json(run: Run, name: str, *, verb: str) -> dict[str, Any] | None:
    if not run.has(name):
        return None
    try:
        return json.loads((run.path / name).read_text())
    except ValueError as error:
        raise RunError(f"{run.path / name} is not readable as JSON ({error}); run {run.command(verb)} again") from error
