"""What each training extra is worth on CIFAR-10: alone, and all together, against none.

python pipelines/training_extras.py [--limit 10000] [--held-out 10000] [--epochs 15] [--seeds 3] [--model cifar-cnn-gap]
Held-out training images choose; the chosen extras and none are compared on the test images once. A killed run goes on.
"""

import argparse
from dataclasses import replace
from itertools import product

import numpy as np
import records

from curate.cli.output import show, working
from curate.data.image_set import describe
from curate.gain.compare import paired_difference
from curate.gain.retrain import accuracy_of, train_and_judge
from curate.judge.models.registry import ModelSpec
from curate.judge.training.device import pick_device
from curate.judge.training.predict import ensemble
from curate.judge.training.recipes import SMALL
from curate.run import Run, run_path, versions
from curate.sources import load_source

VARIANTS = {
    "none": {},
    "crops": {"shift": 4},
    "crops, black border": {"shift": 4, "border": "zeros"},
    "crops, ten views": {"shift": 4, "views": 10},
    "reflection": {"mirror": True},
    "colour jitter": {"color_jitter": 0.1},
    "cutout": {"cutout": 16},
    "mixup": {"mixup": 1.0},
    "dropout": {"dropout": 0.5},
    "all": {"shift": 4, "views": 10, "mirror": True, "color_jitter": 0.1, "cutout": 16, "mixup": 1.0, "dropout": 0.5},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for number, default in {"limit": 40_000, "held-out": 10_000, "epochs": 15, "seeds": 3}.items():
        parser.add_argument(f"--{number}", type=int, default=default)
    parser.add_argument("--model", default="cifar-cnn-gap", help="best one without dropout of its own")
    options = parser.parse_args()
    if options.seeds < 2:
        parser.error("differences between nets need at least 2 seeds to judge them by")
    with working() as progress:
        data = load_source("cifar10", progress=progress)
        order = np.random.default_rng(0).permutation(np.flatnonzero(data.splits == "train"))
        learnt = data.subset(order[options.held_out :][: options.limit])
        judged = data.subset(np.concatenate([order[: options.held_out], np.flatnonzero(data.splits == "test")]))
        base, device = replace(SMALL, shift=0, epochs=options.epochs), pick_device()
        fixed = (ModelSpec(options.model, data.num_classes, 3, data.images.shape[2:]), learnt.images, learnt.labels, judged.images)
        path = run_path(f"extras-{options.model}-{len(learnt)}-{options.held_out}-e{options.epochs}")
        config = {"model": options.model, "recipe": base.to_json(), "variants": VARIANTS, "precision": device.precision}
        run = Run.create(path, {"config": config, "dataset": describe(data), "versions": versions(), "device": device.to_json()})
        jobs, probs = list(product(range(options.seeds), VARIANTS)), {variant: [] for variant in VARIANTS}
        with run.step("train", resumed=run.has("folds")):
            for done, (seed, variant) in enumerate(jobs, start=1):
                if not run.has(file := f"folds/pred_probs-{variant}-s{seed}.npy"):
                    run.save_array(file, train_and_judge(*fixed, recipe=replace(base, **VARIANTS[variant]), device=device, seed=seed)[0])
                probs[variant].append(run.load_array(file))
                progress("nets", done, len(jobs), f"{variant}, seed {seed}")
    chosen_by = {variant: accuracies(several, judged.labels, judged.splits == "train") for variant, several in probs.items()}
    gains = {v: vars(paired_difference(chosen_by["none"]["each"], chosen_by[v]["each"])) for v in VARIANTS if v != "none"}
    best = max(VARIANTS, key=lambda variant: np.mean(chosen_by[variant]["each"]))
    tested = {variant: accuracies(probs[variant], judged.labels, judged.splits == "test") for variant in ("none", best)}
    values = {"seeds": list(range(options.seeds)), "held_out": chosen_by, "gain_on_held_out": gains, "best": best, "test": tested}
    records.append(f"training_extras cifar10 {options.model} {len(learnt)}", run, values)
    show(values, as_json=True)


def accuracies(probs, labels, part):
    """Of each net, and of all of them together."""
    return {"each": [accuracy_of(p[part], labels[part]) for p in probs], "ensemble": accuracy_of(ensemble(probs)[part], labels[part])}


if __name__ == "__main__":
    main()
