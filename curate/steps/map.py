"""map: the 2-D map of a run, made at once or in a process beside the steps around it."""

import contextlib
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from curate.datasets.image_set import ImageSet
from curate.embeddings.map_process import MapProcess
from curate.embeddings.neighbors import EXACT_UP_TO
from curate.embeddings.projection import FEWEST_FOR_UMAP, project
from curate.progress import Progress, silent
from curate.run import Run

Neighbors = tuple[NDArray[np.int64], NDArray[np.float32]]


def make_map(run: Run, neighbors: Neighbors | None = None, *, progress: Progress = silent) -> NDArray[np.float32]:
    """Writes `projection.npy` (N, 2), and returns it."""
    with run.step("map"):
        progress("map", 0, 1)
        points = project(run.load_array("embeddings.npy", mmap=True), neighbors, seed=run.meta["config"]["seed"])
        run.save_array("projection.npy", points)
        progress("map", 1, 1)
    return points


@contextlib.contextmanager
def map_beside(run: Run, image_set: ImageSet) -> Iterator[MapProcess | None]:
    """Context with the process that makes the map of the run; None where there are too few samples for one, or too many: large sets
    are searched with all cores, and two of them in memory are one too many.
    """
    if not FEWEST_FOR_UMAP <= len(image_set) <= EXACT_UP_TO:
        yield None
        return
    with MapProcess(run.require("embeddings.npy", "train"), seed=run.meta["config"]["seed"]) as process:
        yield process


def finish_map(run: Run, process: MapProcess | None, *, progress: Progress = silent) -> NDArray[np.float32]:
    """Waits for the map and writes it as `make_map` does, which makes it here if the process failed; without one, what the run has."""
    if process is None:
        return run.load_array("projection.npy", verb="find")
    progress("map", 0, 1)
    made = process.result()
    if made is None:
        return make_map(run, progress=progress)
    points, record = made
    run.save_array("projection.npy", points)
    run.note_step("map", **record, beside="find, app")
    progress("map", 1, 1)
    return points
