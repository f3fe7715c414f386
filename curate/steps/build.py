"""build: the FiftyOne dataset of a run."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from curate.app.database import connect
from curate.app.dataset import build_dataset
from curate.app.mark import is_current
from curate.datasets.image_set import ImageSet
from curate.progress import Progress, silent
from curate.run import Run
from curate.steps.source import images_of


def build(
    run: Run,
    image_set: ImageSet,
    *,
    dataset_name: str | None = None,
    projection: Callable[[], NDArray[np.float32]] | None = None,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Makes the FiftyOne dataset of `run`, or brings it up to date, and returns where it is; `projection` as `build_dataset` takes it.

    Raises:
        DatabaseError: MongoDB cannot be used, or the dataset of that name was not made by curate.
        RunError: `find` has not been run.
    """
    with run.step("app"):
        built = build_dataset(run, image_set, dataset_name=dataset_name, projection=projection, progress=progress)
    run.update("fiftyone", dataset=built.name)
    return {"dataset_name": built.name, "database": str(built.database), "num_samples": built.num_samples}


def build_if_needed(run: Run, *, dataset_name: str | None = None, root: Path | None = None, progress: Progress = silent) -> dict[str, Any]:
    """What `build` returns, at once where the dataset is there already as the run has it now.

    Args:
        dataset_name: default: the dataset that the run had last, else one named like the run.
        root: where the images are on this machine, if not where they were.

    Raises:
        DatabaseError, RunError: as `build`.
    """
    database = connect()
    name = dataset_name or run.meta.get("fiftyone", {}).get("dataset")
    if name and root is None and is_current(name, run):
        return {"dataset_name": name, "database": str(database), "num_samples": run.meta["dataset"]["num_samples"]}
    return build(run, images_of(run, root=root, progress=progress), dataset_name=name, progress=progress)
