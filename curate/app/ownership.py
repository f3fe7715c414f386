"""The mark in a FiftyOne dataset's `info` that says that curate made it, and from what."""

from pathlib import Path
from typing import Any

from curate.app.database import load_dataset, quiet_fiftyone
from curate.errors import DatabaseError
from curate.run import Run

MARK = "curate"  # the key of dataset.info
FORMAT = 1


def mark_of(run: Run) -> dict[str, Any]:
    """What identifies the content that `run` gives to a dataset."""
    dataset, steps = run.meta["dataset"], run.meta["steps"]
    return {
        "format": FORMAT,
        "run": run.name,
        "run_path": str(run.path.absolute()),
        "images_hash": dataset["images_hash"],
        "labels_hash": dataset["labels_hash"],
        "found": [steps.get(step, {}).get("started") for step in ("find", "map")],
    }


def check_is_ours(name: str, *, images_hash: str | None = None, run_path: Path | None = None) -> bool:
    """Whether there is a FiftyOne dataset `name`; to be asked before hours of training. Needs `connect`.

    Args:
        images_hash, run_path: of the run that is to go into it; None = any.

    Raises:
        DatabaseError: FiftyOne takes no such name, or the dataset must not be changed: curate did not make it, or it holds another
            run of other images.
    """
    import fiftyone as fo
    from fiftyone.core.utils import to_slug

    try:
        to_slug(name)
    except ValueError as error:
        raise DatabaseError(f"FiftyOne takes no dataset named '{name}' ({error}); give another name with --dataset-name") from error
    with quiet_fiftyone():
        if not fo.dataset_exists(name):
            return False
        mark = fo.load_dataset(name).info.get(MARK)
    if not isinstance(mark, dict):
        raise DatabaseError(f"a FiftyOne dataset '{name}' that curate did not make is there already; give another name with --dataset-name")
    if mark.get("format") != FORMAT:
        raise DatabaseError(f"the FiftyOne dataset '{name}' is of another version of curate; give another name with --dataset-name")
    if images_hash not in (None, mark["images_hash"]) and run_path is not None and str(run_path.absolute()) != mark["run_path"]:
        raise DatabaseError(
            f"the FiftyOne dataset '{name}' holds other images, of run {mark['run_path']}; give another name with --dataset-name"
        )
    return True


def is_current(name: str, run: Run) -> bool:
    """Whether the FiftyOne dataset `name` was completely made from what `run` holds now. Needs `connect`.

    Raises:
        DatabaseError: curate did not make it, so that it must not be changed.
    """
    if not check_is_ours(name):
        return False
    dataset = load_dataset(name)
    with quiet_fiftyone():
        return (
            dataset.info[MARK] == {**mark_of(run), "is_complete": True}
            and dataset.count() == run.meta["dataset"]["num_samples"]
            and Path(dataset.first().filepath).exists()
        )
