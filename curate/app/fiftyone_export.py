"""A FiftyOne dataset as a folder that another FiftyOne reads: with its brain runs, evaluations, saved views and workspaces."""

import os
from pathlib import Path
from typing import Any

from curate.app.database import connect, load_dataset, quiet_fiftyone
from curate.errors import DataError
from curate.progress import Progress, silent


def export_fiftyone(name: str, folder: Path, *, with_media: bool = True, progress: Progress = silent) -> int:
    """Writes the FiftyOne dataset `name` into `folder` in FiftyOne's own format, and returns how many samples it has.

    `fiftyone.Dataset.from_dir(dataset_dir=folder, dataset_type=fiftyone.types.FiftyOneDataset)` reads it.

    Args:
        folder: an empty folder.
        with_media: copy the images too; else samples keep the paths of this machine.
        progress: stage `samples`.

    Raises:
        DatabaseError: no database.
        UnknownNameError: there is no such dataset.
        DataError: an image file is missing.
        OSError: the disk is full or read-only.
    """
    connect()
    import fiftyone as fo

    def report(bar: Any) -> None:
        progress("samples", bar.iteration, bar.total)

    dataset = load_dataset(name)
    with quiet_fiftyone():
        files = dataset.values("filepath") if with_media else []
        missing = next((path for path in files if not os.path.isfile(path)), None)
        if missing is not None:
            raise DataError(f"image {missing} of the FiftyOne dataset '{name}' is missing; restore it, or export with --no-media")
        options = {"rel_dir": os.path.commonpath([os.path.dirname(path) for path in files])} if files else {}
        dataset.export(
            export_dir=str(folder),
            dataset_type=fo.types.FiftyOneDataset,
            export_media=with_media,
            progress=report,
            overwrite=True,
            **options,
        )
        return dataset.count()
