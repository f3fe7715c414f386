"""What weights that were trained on other pictures are worth where there are few of one's own, against a start from nothing.

    python pipelines/transfer.py mnist:0-4 mnist:5-9 [--samples 5 10 30 100] [--seeds 5]      (or mnist fashion-mnist, say)

From weights of the first and from nothing, nets learn a few images of each class of the second, and its test images judge.
"""

import argparse
from dataclasses import replace

import numpy as np
import records
import torch

from curate.cli.output import show, working
from curate.data.image_set import describe
from curate.gain.compare import paired_difference
from curate.gain.retrain import accuracy_of, train_and_judge
from curate.judge.models.registry import ModelSpec
from curate.judge.models.weights import save_weights
from curate.judge.training.device import pick_device
from curate.judge.training.recipes import SMALL
from curate.run import Run, run_path, versions
from curate.sources import load_source

MODEL, FEW, IMAGES_SHOWN = "mnist-cnn", replace(SMALL, batch_size=25), 10_000  # however few samples there are: 400 steps
WAYS = ("scratch", "all at once", "by stage", "head only")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs=2, help="what to pretrain on, and what to learn: catalog names, with :FIRST-LAST for some classes")
    parser.add_argument("--samples", type=int, nargs="+", default=[5, 10, 30, 100], help="of each class")
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)  # batches of 25 small images leave a second one waiting
    device, found = pick_device(), {f"{n} per class": {way: [] for way in WAYS} for n in options.samples}
    with working() as progress:
        source, target = (classes_of(name, progress) for name in options.sets)
        name, config = f"transfer-{source.name}-{target.name}", {"model": MODEL, "recipe": FEW.to_json(), "images_shown": IMAGES_SHOWN}
        meta = {"dataset": describe(target), "config": config, "versions": versions(), "device": device.to_json()}
        run = Run.create(run_path(name), meta)
        with run.step("pretrain"):
            net = trained(source.subset(source.splits == "train"), source.images[:1], SMALL, device, 0, progress=progress)[1]
            weights = save_weights(run.path / "source.safetensors", net, trained_on=source.images_hash)
        learnt, judged = (target.subset(target.splits == split) for split in ("train", "test"))
        with run.step("transfer"):
            for done, (n, seed) in enumerate([(n, seed) for n in options.samples for seed in range(options.seeds)], 1):
                order = np.random.default_rng(seed).permutation(len(learnt))
                few = learnt.subset(np.concatenate([order[learnt.labels[order] == k][:n] for k in range(learnt.num_classes)]))
                for way in WAYS:
                    start = None if way == "scratch" else str(weights)
                    probs = trained(few, judged.images, recipe_of(way, len(few)), device, seed, start)[0]
                    found[f"{n} per class"][way].append(accuracy_of(probs, judged.labels))
                progress("transfer", done, len(options.samples) * options.seeds, f"{n} per class")
    gain = {n: {way: vars(paired_difference(a["scratch"], a[way])) for way in WAYS if way != "scratch"} for n, a in found.items()}
    show(records.append(name, run, {"test_accuracy": found, "gain_over_scratch": gain})["values"], as_json=True)


def recipe_of(way, num_samples):
    recipe = replace(FEW, epochs=IMAGES_SHOWN // num_samples)
    staged = replace(recipe, head_epochs=recipe.epochs // 5, stage_epochs=recipe.epochs // 5, stage_decay=0.5)
    return {"by stage": staged, "head only": replace(recipe, head_epochs=recipe.epochs)}.get(way, recipe)


def trained(data, judged, recipe, device, seed, pretrained=None, **more):
    spec = ModelSpec(MODEL, data.num_classes, data.images.shape[1], data.images.shape[2:], pretrained)
    return train_and_judge(spec, data.images, data.labels, judged, recipe=recipe, device=device, seed=seed, **more)


def classes_of(name, progress):
    data = load_source(name.partition(":")[0], progress=progress)
    first, last = map(int, name.partition(":")[2].split("-")) if ":" in name else (0, data.num_classes - 1)
    part = data.subset((first <= data.labels) & (data.labels <= last))
    return replace(part, name=name.replace(":", "-"), labels=part.labels - first, class_names=data.class_names[first : last + 1])


if __name__ == "__main__":
    main()
