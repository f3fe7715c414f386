"""What a Ray cluster of this machine's own costs: its start, the images on their way into it, and folds there against folds here.

    python pipelines/cluster.py [--times 3]

MNIST, LeNet-5, five folds of one epoch in float32, in turn here and there; both must give the same bits.
"""

import argparse
import statistics
import time

import numpy as np
import records

from curate.data.image_set import describe
from curate.data.load import load
from curate.judge.models.registry import ModelSpec
from curate.judge.training.cross_validation import OutOfFold, cross_validate
from curate.judge.training.device import pick_device
from curate.judge.training.executors import Executor, open_executor
from curate.judge.training.local_executor import num_processes
from curate.judge.training.ray_cluster import import_ray
from curate.judge.training.recipes import Recipe
from curate.run import versions


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=3)
    options = parser.parse_args()
    image_set = load("mnist")
    device = pick_device("cpu", precision="float32")
    recipe = Recipe(epochs=1)
    spec = ModelSpec("lenet5", image_set.num_classes, 1, image_set.images.shape[2:])
    num_workers = num_processes(5, image_set.images.nbytes, device)
    seconds: dict[str, list[float]] = {"start": [], "put": [], "here": [], "there": [], "stop": []}

    def clocked(name: str, start: float) -> None:
        seconds[name].append(round(time.perf_counter() - start, 3))
        print(f"{name} {seconds[name][-1]} s", flush=True)

    def folds(executor: Executor | None) -> OutOfFold:
        return cross_validate(
            spec,
            image_set.images,
            image_set.labels,
            num_classes=image_set.num_classes,
            recipe=recipe,
            device=device,
            num_workers=num_workers,
            executor=executor,
        )

    start = time.perf_counter()
    with open_executor("ray") as executor:
        clocked("start", start)
        large = np.random.default_rng(0).integers(0, 256, 2**29, dtype=np.uint8)  # 512 MiB
        for _ in range(options.times):
            start = time.perf_counter()
            kept = import_ray().put(large)
            clocked("put", start)
            del kept
        for _ in range(options.times):
            start = time.perf_counter()
            here = folds(None)
            clocked("here", start)
            start = time.perf_counter()
            there = folds(executor)
            clocked("there", start)
            if here.pred_probs.tobytes() != there.pred_probs.tobytes():
                raise SystemExit("the cluster gave other probabilities than this machine")
        start = time.perf_counter()
    clocked("stop", start)
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    values = {
        "seconds": seconds,
        "put_gib_per_second": round(0.5 / medians["put"], 2),
        "ratio_there_to_here": round(medians["there"] / medians["here"], 2),
    }
    print(values)
    meta = {"device": device.to_json(), "versions": versions(), "dataset": describe(image_set)}
    meta["config"] = {"model": "lenet5", "recipe": recipe.to_json(), "num_folds": 5, "seed": 0}
    records.append_measured("cluster mnist lenet5", meta, values)


if __name__ == "__main__":
    main()
