"""Exact nearest neighbours beside well-kept libraries, in turns: seconds, their ratio, and whether the same neighbours are found.

    python pipelines/nearest_speed.py RUN [--k 10] [--rounds 3] [--without sklearn]        (on an idle machine)

The embeddings are those of the run. faiss searches its flat index of inner products; scikit-learn's NearestNeighbors by brute force.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
import records

from curate.nearest import nearest_neighbors, unit
from curate.run import Run, run_path

CLOSE = 1e-5  # similarities that float32 cannot tell apart


def by_faiss(embeddings: np.ndarray, k: int) -> np.ndarray:
    import faiss

    rows = unit(embeddings)
    index = faiss.IndexFlatIP(rows.shape[1])
    index.add(rows)
    return index.search(rows, k + 1)[0]


def by_sklearn(embeddings: np.ndarray, k: int) -> np.ndarray:
    from sklearn.neighbors import NearestNeighbors

    found = NearestNeighbors(n_neighbors=k + 1, algorithm="brute", metric="cosine", n_jobs=-1).fit(embeddings)
    return 1 - found.kneighbors(embeddings)[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run")
    parser.add_argument("--k", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--without", nargs="+", default=[], choices=["faiss", "sklearn"])
    options = parser.parse_args()
    run = Run.open(run_path(options.run))
    embeddings = np.asarray(run.load_array("embeddings.npy"), dtype=np.float32)
    rivals: dict[str, Callable[[np.ndarray, int], np.ndarray]] = {"faiss": by_faiss, "sklearn": by_sklearn}
    ways = {
        "curate": lambda e, k: nearest_neighbors(e, k=k)[1],
        **{name: way for name, way in rivals.items() if name not in options.without},
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    differing: dict[str, int] = {}
    for _ in range(options.rounds):
        for name, way in ways.items():
            start = time.perf_counter()
            found = way(embeddings, options.k)
            seconds[name].append(round(time.perf_counter() - start, 2))
            if name == "curate":
                ours = found
            else:  # theirs has the sample itself first, or a copy of it; sorted similarities of the others are the same
                differing[name] = int((abs(np.sort(found, axis=1)[:, ::-1][:, 1:] - ours) > CLOSE).any(axis=1).sum())
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    records.append("nearest neighbours", run, {"shape": list(embeddings.shape), "k": options.k, "seconds": seconds, "differing": differing})
    for name, median in medians.items():
        told = "" if name == "curate" else f"   {median / medians['curate']:.1f} times as long, {differing[name]} samples differ"
        print(f"{name:8} {median:7.2f} s   {min(seconds[name]):.2f} to {max(seconds[name]):.2f}{told}")


if __name__ == "__main__":
    main()
