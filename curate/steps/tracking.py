"""track: what a run did and found, written for Weights & Biases or TensorBoard."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from curate.datasets.image_set import ImageSet
from curate.run import Run, storage_errors
from curate.steps.find import load_table
from curate.tracking.story import Picture, Story, flat
from curate.tracking.trackers import TRACKERS, check_tracker

NUM_ISSUES = 100
NUM_PICTURES = 24


def track(run: Run, image_set: ImageSet, tracker: str) -> Path:
    """Writes what the run folder holds for `tracker`, below the folder `tracking` of the run, and returns where.

    Curves come from the files that the folds left, so that a run that was killed and goes on is shown whole.

    Args:
        tracker: `wandb` or `tensorboard`.

    Raises:
        UnknownNameError, DependencyError: as `check_tracker`.
        RunError: `train` has not been run.
        StorageError: the folder cannot be written.
        CurateError: the server of Weights & Biases did not take it.
    """
    check_tracker(tracker)
    folder = run.path / "tracking"
    with storage_errors(folder):
        return TRACKERS[tracker](story_of(run, image_set), folder)


def story_of(run: Run, image_set: ImageSet) -> Story:
    """What is told of a run: as far as it has come."""
    folds = [(repeat, fold) for repeat, held in enumerate(run.load_array("fold.npy")) for fold in range(held.max() + 1)]
    names = {f"r{repeat}-f{fold}": (repeat, fold) for repeat, fold in folds}
    dataset = {key: value for key, value in run.meta["dataset"].items() if key != "origin"}  # folders of this machine stay here
    table = load_table(run).sort_values("rank") if run.has("issues.parquet") else None
    return Story(
        name=run.name,
        config={**{key: run.meta[key] for key in ("config", "versions", "device")}, "dataset": dataset},
        figures={name: float(value) for name, value in flat(run.meta["metrics"]) if isinstance(value, (int, float))},
        curves={name: run.load_array(file) for name in names if run.has(file := f"folds/curve-{name}.npy")},
        held_out={name: value for name, place in names.items() if (value := held_out_accuracy(run, *place)) is not None},
        issues=None if table is None else _with_none(table.head(NUM_ISSUES)),
        pictures=() if table is None else tuple(_pictures(table[table["given_label"].notna()].head(NUM_PICTURES), image_set)),
    )


def held_out_accuracy(run: Run, repeat: int, fold: int) -> float | None:
    """Accuracy against the given labels on what one fold held out; None where none of it is labelled, or the fold is not there."""
    file = f"folds/pred_probs-r{repeat}-f{fold}.npy"
    if not run.has(file):
        return None
    labels = run.load_array("labels.npy")[run.load_array("fold.npy")[repeat] == fold]
    probs = run.load_array(file)[: len(labels)]  # after them come samples that every net judges
    correct = (probs.argmax(axis=1) == labels)[labels >= 0]
    return float(correct.mean()) if len(correct) else None


def _with_none(table: pd.DataFrame) -> pd.DataFrame:
    return table.astype(object).where(table.notna(), None)


def _pictures(rows: pd.DataFrame, image_set: ImageSet) -> Iterator[Picture]:
    for position, row in zip(rows.index, _with_none(rows).to_dict("records"), strict=True):
        suggested = f", suggested {row['suggested_label']}" if row["suggested_label"] is not None else ""
        caption = f"{row['sample_id']}: given {row['given_label']}{suggested}, quality {row['label_quality']:.3f}"
        yield Picture(_rgb(image_set.images[position]), caption)


def _rgb(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(C, H, W) as (H, W, 3): colour where C = 3, else the first channel as grey."""
    return np.moveaxis(image if len(image) == 3 else np.repeat(image[:1], 3, axis=0), 0, 2)
