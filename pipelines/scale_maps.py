"""Detection on arrays that do not fit in memory: 1,000,000 x 1,000 probabilities and 1,000,000 x 256 embeddings, on disk as memory maps.

    python pipelines/scale_maps.py [--samples 1000000] [--run mnist]

Probabilities: a class is a digit with a suffix of 0 to 99; whom the nets of an audit of MNIST confuse a digit with, they confuse it with
here under the same suffix, and 2 % are spread over all classes. Embeddings: those of the audit turned into 256 directions, with a little
noise, so that none is repeated. Half the number of samples is measured first: twice its time is linear. The files (5 GB) are made in a
temporary folder and deleted.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import records

from curate.find.classes import class_health
from curate.find.confident_joint import confident_joint
from curate.find.groups import find_groups
from curate.find.label_issues import find_label_issues
from curate.find.near_duplicates import find_near_duplicates
from curate.find.neighbors import find_neighbors
from curate.find.order import check_order
from curate.find.outliers import find_outliers
from curate.memory import PeakMemory
from curate.run import Run, run_path

K, D, BLOCK = 1000, 256, 10_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=1_000_000)
    parser.add_argument("--run", default="mnist", help="an audit of MNIST")
    options = parser.parse_args()
    run = Run.open(run_path(options.run))
    values = {}
    with tempfile.TemporaryDirectory() as folder:
        for size in (options.samples // 2, options.samples):
            labels = write_arrays(run, Path(folder), size)
            values[size] = detect(labels, Path(folder))
    for what, (seconds, peak) in values[options.samples].items():
        half = values[options.samples // 2][what][0]
        off = seconds / 2 / max(half, 0.01) - 1
        print(f"{what:22} {half:7.1f} s   {seconds:7.1f} s   {off:+5.0%} against linear   peak {peak:6,.0f} MiB")
    records.append(f"memory maps {options.samples} x {K}", run, {str(size): found for size, found in values.items()})


def write_arrays(run: Run, folder: Path, size: int) -> np.ndarray:
    """Writes `pred_probs.npy` (N, K) and `embeddings.npy` (N, D), and returns the given labels (N,)."""
    digits, probs, vectors = (run.load_array(f"{name}.npy") for name in ("labels", "pred_probs", "embeddings"))
    generator = np.random.default_rng(size)
    turn = generator.normal(size=(vectors.shape[1], D)).astype(np.float32)
    labels = np.empty(size, dtype=np.int64)
    large_probs = np.lib.format.open_memmap(folder / "pred_probs.npy", mode="w+", dtype=np.float32, shape=(size, K))
    large_vectors = np.lib.format.open_memmap(folder / "embeddings.npy", mode="w+", dtype=np.float32, shape=(size, D))
    for start in range(0, size, BLOCK):
        rows = np.arange(start, min(start + BLOCK, size)) % len(digits)
        suffix = generator.integers(K // 10, size=len(rows))
        labels[start : start + len(rows)] = digits[rows] * (K // 10) + suffix
        block = generator.random((len(rows), K), dtype=np.float32)
        block *= 0.02 / block.sum(axis=1, keepdims=True)
        block[np.arange(len(rows))[:, None], np.arange(10) * (K // 10) + suffix[:, None]] += 0.98 * probs[rows]
        large_probs[start : start + len(rows)] = block
        part = vectors[rows] @ turn
        large_vectors[start : start + len(rows)] = part + 0.05 * part.std() * generator.standard_normal(part.shape, dtype=np.float32)
    return labels


def detect(labels: np.ndarray, folder: Path) -> dict[str, tuple[float, float]]:
    """Seconds and the most memory of its own, in MiB, of each part of `find`, on the arrays of the folder."""
    probs, vectors = (np.load(folder / f"{name}.npy", mmap_mode="r") for name in ("pred_probs", "embeddings"))
    names = [f"{i}" for i in range(K)]
    found: dict[str, tuple[float, float]] = {}

    def timed(what: str, compute: Callable[[], Any]) -> Any:
        start = time.perf_counter()
        with PeakMemory(with_files=False) as memory:  # pages of the two files are the kernel's to keep or drop
            result = compute()
        found[what] = round(time.perf_counter() - start, 2), round(memory.peak_mib)
        return result

    issues = timed("label issues", lambda: find_label_issues(labels, probs))
    joint = timed("confident joint", lambda: confident_joint(labels, probs))
    timed("class health", lambda: class_health(labels, probs, issues.is_label_issue, issues.label_quality, names, joint=joint))
    neighbors, similarities = timed("neighbours", lambda: find_neighbors(vectors))
    timed("outliers", lambda: find_outliers(similarities))
    timed("near duplicates", lambda: find_near_duplicates(neighbors, similarities))
    timed("groups", lambda: find_groups(vectors, labels, issues.predicted, issues.is_label_issue, names))
    timed("order", lambda: check_order(neighbors))
    return found


if __name__ == "__main__":
    main()
