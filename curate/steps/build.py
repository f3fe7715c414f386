"""build: the FiftyOne dataset of a run."""

from typing import Any

from curate.app.dataset import build_dataset
from curate.datasets.image_set import ImageSet
from curate.progress import Progress, silent
from curate.run import Run


def build(run: Run, image_set: ImageSet, *, dataset_name: str | None = None, progress: Progress = silent) -> dict[str, Any]:
    """Makes the FiftyOne dataset of `run`, or brings it up to date, and returns where it is.

    Raises:
        DatabaseError: MongoDB cannot be used, or the dataset of that name was not made by curate.
        RunError: `find` has not been run.
    """
    with run.step("app"):
        built = build_dataset(run, image_set, dataset_name=dataset_name, progress=progress)
    run.update("fiftyone", dataset=built.name, database=str(built.database))
    return {"dataset_name": built.name, "database": str(built.database), "num_samples": built.num_samples}
