"""map: the 2-D map of a run, made at once or in a process beside the steps around it."""

import contextlib
import io
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from curate.data.image_set import ImageSet
from curate.find.neighbors import EXACT_UP_TO
from curate.find.projection import FEWEST_FOR_UMAP, load_umap, project
from curate.memory import PeakMemory
from curate.progress import Progress, silent
from curate.run import Run

COMMAND = "import sys; sys.path[:] = {path!r}; from curate.find.map import map_of; map_of()"
"""With the path of this process: `python -c` would look for modules in the user's folder first, which may hold a numbers.py."""


class MapProcess:
    """Python that imports umap as soon as it is made, and makes the map as soon as it has the neighbours.

    To be used as a context: the process is gone at its end, and when this one is killed, since its input ends then. A worker of joblib's
    outlives a killed parent, and one of multiprocessing reads the user's script again; hence a plain child.

    Args:
        embeddings: file of the (N, D) array.
        seed: as `project` takes it; the map is the same to the bit.
    """

    def __init__(self, embeddings: Path, *, seed: int) -> None:
        command = [sys.executable, "-c", COMMAND.format(path=sys.path), str(embeddings.resolve()), str(seed)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)

    def start(self, neighbors: tuple[NDArray[np.int64], NDArray[np.float32]]) -> None:
        """Gives it indices and similarities (N, k), from `find_neighbors`."""
        with contextlib.suppress(BrokenPipeError):  # it has ended: `result` tells
            self._pipe("stdin").write(_npz(neighbors=neighbors[0], similarities=neighbors[1]))
            self._pipe("stdin").close()

    def result(self) -> tuple[NDArray[np.float32], dict[str, Any]] | None:
        """Waits for the map (N, 2), and for `seconds` and `peak_memory_mib` that it took; None where the process failed or was killed."""
        answer = self._pipe("stdout").read()
        if not answer or self._process.wait() != 0:
            return None
        with np.load(io.BytesIO(answer)) as made:
            return made["points"], {"seconds": round(float(made["seconds"]), 3), "peak_memory_mib": round(float(made["peak_mib"]), 1)}

    def _pipe(self, name: str) -> IO[bytes]:
        return getattr(self._process, name)

    def __enter__(self) -> "MapProcess":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        for name in ("stdin", "stdout"):
            with contextlib.suppress(BrokenPipeError):
                self._pipe(name).close()


def map_of() -> None:
    """What the process does; its arguments are on the command line, arrays come by stdin and go by stdout."""
    embeddings, seed = np.load(sys.argv[1], mmap_mode="r"), int(sys.argv[2])
    answer = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print is no part of it
    load_umap()  # seconds, while others look for neighbours

    with np.load(io.BytesIO(sys.stdin.buffer.read())) as given:
        neighbors = given["neighbors"], given["similarities"]
    start = time.perf_counter()
    with PeakMemory() as memory:
        points = project(embeddings, neighbors, seed=seed)
    seconds = time.perf_counter() - start
    with answer:
        answer.write(_npz(points=points, seconds=np.array(seconds), peak_mib=np.array(memory.peak_mib)))


def _npz(**arrays: NDArray) -> bytes:
    content = io.BytesIO()
    np.savez(content, **arrays)  # type: ignore[arg-type]  # numpy's stubs take the names for its own
    return content.getvalue()


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
