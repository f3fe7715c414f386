"""All rows of the README that need a GPU, in one call of under nine minutes: checks, then times, then a table and a record.

    python pipelines/gpu_benchmark.py --write FOLDER        # where the datasets are: the .npy files, none over 64 MiB
    python pipelines/gpu_benchmark.py FOLDER [--minutes 8]  # on the GPU machine

Needs torch, torchvision, numpy and scikit-learn. Each time is that of a fresh process, from its start to the probabilities of all
samples in a file: imports, CUDA, reading, training, judging, embedding. Rows of `vit-s16` are of features, not of training: all pictures
of CIFAR-10 through a frozen ViT-S/16 at 224 pixels, from the array, and from as many JPEG files of 256 pixels that are made before the
time begins; its weights are drawn at random, which changes nothing of the time. `--device cpu --limit 600` tries it without a GPU.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

ROWS = [  # dataset, model, preset, what differs from it, how; the first of each dataset is what a user gets by default
    {"dataset": "mnist", "model": "mnist-cnn", "preset": "default", "how": "default"},
    {"dataset": "cifar10", "model": "airbench", "preset": "default", "how": "default"},
    {"dataset": "cifar10", "model": "vit-s16", "preset": "frozen", "how": "array"},
    {"dataset": "cifar10", "model": "vit-s16", "preset": "frozen", "how": "files"},
    {"dataset": "mnist", "model": "mnist-cnn", "preset": "default", "how": "recorded"},
    {"dataset": "cifar10", "model": "airbench", "preset": "default", "how": "default", "recipe": {"epochs": 12}},
    {"dataset": "mnist", "model": "mnist-cnn", "preset": "default", "how": "one by one"},
    {"dataset": "cifar10", "model": "airbench", "preset": "best", "how": "default"},
    {"dataset": "cifar10", "model": "airbench", "preset": "best", "how": "default", "recipe": {"batch_size": 1000, "peak_lr": 0.24}},
    {"dataset": "mnist", "model": "lenet5", "preset": "default", "how": "default"},
    {"dataset": "mnist", "model": "lenet5", "preset": "default", "how": "one by one"},
    {"dataset": "cifar10", "model": "airbench", "preset": "best", "how": "default", "recipe": {"epochs": 60}},
    {"dataset": "cifar10", "model": "airbench", "preset": "default", "how": "compiled"},
]
PART = 20_000  # images of CIFAR-10 in a file: 61 MB
JPEG_SIDE = 256  # pixels of a made photograph


def write(folder: Path) -> None:
    """The datasets as .npy files: MNIST of both splits, CIFAR-10 of the training split."""
    import numpy as np

    from curate.sources import load_source

    folder.mkdir(parents=True, exist_ok=True)
    for name, split, part in (("mnist", "all", 70_000), ("cifar10", "train", PART)):
        image_set = load_source(name, split=split)
        np.save(folder / f"{name}-labels.npy", image_set.labels)
        for start in range(0, len(image_set), part):
            np.save(folder / f"{name}-images-{start // part}.npy", image_set.images[start : start + part])


def read(dataset: str, folder: Path, limit: int | None) -> tuple:
    """Images (N, C, H, W) and labels (N,) of a dataset, from its parts."""
    import numpy as np

    images = np.concatenate([np.load(file) for file in sorted(folder.glob(f"{dataset}-images-*.npy"))])[:limit]
    return images, np.load(folder / f"{dataset}-labels.npy")[:limit]


def vit_s16():
    """A ViT-S/16 at 224 pixels without its classifier, as `Features` takes a net; weights drawn from seed 0."""
    import torch
    from torchvision.models import VisionTransformer

    from curate.judge.backbones import Backbone

    def load():
        torch.manual_seed(0)
        net = VisionTransformer(image_size=224, patch_size=16, num_layers=12, num_heads=6, hidden_dim=384, mlp_dim=1536)
        net.heads = torch.nn.Identity()
        return net.eval().requires_grad_(False)

    return Backbone("vit-s16", load, 224, (0.5,) * 3, (0.5,) * 3, "vit-s16-random", "", 384)


def write_photographs(folder: Path, images, labels) -> None:
    """The images as JPEG files of 256 x 256 pixels, a folder for each class; all cores work."""
    with ProcessPoolExecutor() as pool:
        step = 500
        parts = [(folder, images[start : start + step], labels[start : start + step], start) for start in range(0, len(images), step)]
        list(pool.map(write_some, *zip(*parts, strict=True)))


def write_some(folder: Path, images, labels, first: int) -> None:
    """Those of one process: enlarged, with the noise of a camera, or the files would be smaller than photographs are."""
    import numpy as np
    from PIL import Image

    noise = np.random.default_rng(first).integers(-12, 13, (JPEG_SIDE, JPEG_SIDE, 3))
    for number, (image, label) in enumerate(zip(images, labels, strict=True)):
        large = Image.fromarray(image.transpose(1, 2, 0)).resize((JPEG_SIDE, JPEG_SIDE), Image.Resampling.BICUBIC)
        path = folder / str(label) / f"{first + number:06}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray((np.asarray(large) + np.roll(noise, number, axis=0)).clip(0, 255).astype(np.uint8)).save(path, quality=90)


def measure_features(row: dict, folder: Path, device: str, limit: int | None, started: float) -> dict:
    """One row of features, in this process: `seconds_of_start` until the pictures are listed, `seconds` until all features are there."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from curate.data.load import load
    from curate.judge.extraction import extract
    from curate.judge.training.arithmetic_rate import operations_per_second
    from curate.judge.training.device import pick_device
    from curate.sources import from_arrays

    where, backbone = pick_device(device), vit_s16()
    image_set = load(row["photographs"]) if row["how"] == "files" else from_arrays(*read(row["dataset"], folder, limit))
    ready = time.time()
    with tempfile.TemporaryDirectory() as kept:
        found = extract(image_set, backbone, device=where, folder=Path(kept))
    ended = time.time()
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        backbone.load()(torch.zeros(1, 3, 224, 224))
    operations = counter.get_total_flops() * found.num_computed
    return {
        **row,
        "seconds": ended - started,
        "seconds_of_start": ready - started,
        "num_computed": found.num_computed,
        "accuracy": None,
        "memory_gib": torch.cuda.max_memory_allocated() / 2**30 if where.kind == "cuda" else None,
        "share_of_the_rate": operations / operations_per_second(where, side=8192 if where.kind == "cuda" else 1024) / (ended - ready),
        "device": where.to_json(),
        "torch": torch.__version__,
    }


def measure(row: dict, folder: Path, device: str, limit: int | None, started: float) -> dict:
    """One row, in this process: seconds since `started`, accuracy, memory, and the operations beside the device's rate."""
    import numpy as np
    import torch

    from curate.judge.models.registry import ModelSpec
    from curate.judge.training.arithmetic_rate import operations_per_image, operations_per_second
    from curate.judge.training.cross_validation import cross_validate
    from curate.judge.training.device import pick_device
    from curate.judge.training.local_executor import run_here
    from curate.judge.training.recipes import preset_for
    from curate.judge.training.stacked import run_stacked

    class By:
        """An executor: `one by one`, a stack that is `recorded` as a CUDA graph, or what is chosen by default."""

        def run_jobs(self, work, jobs, told, *, done, num_workers):
            return run_here(work, jobs, told) if row["how"] == "one by one" else run_stacked(work, jobs, told, is_recorded=True)

    class Compiled(ModelSpec):
        def __call__(self, seed, **options):
            net = super().__call__(seed, **options)
            net.forward = torch.compile(net.forward)
            return net

    where = pick_device(device)
    images, labels = read(row["dataset"], folder, limit)
    spec = (Compiled if row["how"] == "compiled" else ModelSpec)(row["model"], 10, images.shape[1], images.shape[2:])
    recipe = replace(preset_for(row["model"], row["preset"], in_channels=images.shape[1]).recipe, **row.get("recipe", {}))
    ready = time.time()
    executor = By() if row["how"] in ("one by one", "recorded") else None
    result = cross_validate(spec, images, labels, num_classes=10, recipe=recipe, device=where, num_folds=5, executor=executor)
    with tempfile.TemporaryDirectory() as kept:
        np.save(Path(kept) / "pred_probs.npy", result.pred_probs)
    ended = time.time()
    forward, training = operations_per_image(ModelSpec(row["model"], 10, images.shape[1], images.shape[2:])(0))
    operations = training * recipe.epochs * len(images) * 4 + forward * len(images) * (recipe.views + 1)
    return {
        **row,
        "seconds": ended - started,
        "seconds_of_start": ready - started,
        "accuracy": float((result.pred_probs.argmax(axis=1) == labels).mean()),
        "memory_gib": torch.cuda.max_memory_allocated() / 2**30 if where.kind == "cuda" else None,
        "share_of_the_rate": operations / operations_per_second(where, side=8192 if where.kind == "cuda" else 1024) / (ended - ready),
        "device": where.to_json(),
        "torch": torch.__version__,
    }


def check(folder: Path, device: str) -> dict[str, float]:
    """Largest differences of probabilities on 2,000 images of MNIST: stacked, and recorded, from one by one; each in float32."""
    import numpy as np

    from curate.judge.models.registry import ModelSpec
    from curate.judge.training.device import pick_device
    from curate.judge.training.folds import assign_folds
    from curate.judge.training.jobs import FoldJob, FoldWork
    from curate.judge.training.local_executor import run_here
    from curate.judge.training.recipes import Recipe
    from curate.judge.training.stacked import run_stacked

    images = np.load(folder / "mnist-images-0.npy")[:2000]
    labels = np.load(folder / "mnist-labels.npy")[: len(images)]
    folds, where = assign_folds(labels, num_folds=5, seed=0)[None], pick_device(device, precision="float32")
    recipe = Recipe(epochs=1, batch_size=100, peak_lr=0.003, shift=1)
    work = FoldWork(ModelSpec("lenet5", 10, 1, (28, 28)), images, labels, folds, np.ones(len(labels), bool), recipe, where, 0)
    jobs = [FoldJob(0, fold) for fold in range(5)]
    ways = {"one by one": run_here, "stacked": run_stacked, "recorded": lambda *a: run_stacked(*a, is_recorded=True)}
    probs = {name: {job: result.probs for job, result in way(work, jobs, lambda job, share: None)} for name, way in ways.items()}
    return {name: float(max(abs(probs[name][job] - probs["one by one"][job]).max() for job in jobs)) for name in ("stacked", "recorded")}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--write", action="store_true", help="write the .npy files and end")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--limit", type=int, help="only the first images, to try it")
    parser.add_argument("--minutes", type=float, default=8, help="rows that would begin after that are left out")
    parser.add_argument("--row", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.write:
        return write(options.folder)
    if options.row:
        row = json.loads(options.row)
        by = measure_features if row["model"] == "vit-s16" else measure
        return print(json.dumps(by(row, options.folder, options.device, options.limit, row.pop("started"))))
    with tempfile.TemporaryDirectory() as kept:
        os.environ["CURATE_DATA"] = kept  # working copies are made anew, and nothing is left behind
        run_rows(options, Path(kept))


def run_rows(options: argparse.Namespace, kept: Path) -> None:
    """The checks, then each row in a process of its own; the table, and the record as one line of JSON."""
    start, rows = time.time(), []
    differences = check(options.folder, options.device)
    print(f"checks: largest difference of probabilities from one by one: {differences}", flush=True)
    print(f"{'dataset':8} {'model':10} {'preset':8} {'how':11} {'seconds':>8} {'accuracy':>9} {'of the rate':>12}")
    for row in ROWS:
        if time.time() - start > 60 * options.minutes:
            print(f"left out, time is up: {row}")
            continue
        if row["how"] == "files":
            row = {**row, "photographs": str(kept / "photographs")}
            write_photographs(kept / "photographs", *read(row["dataset"], options.folder, options.limit))
        command = [sys.executable, __file__, str(options.folder), "--device", options.device, "--row"]
        limit = [] if options.limit is None else ["--limit", str(options.limit)]
        told = subprocess.run([*command, json.dumps({**row, "started": time.time()}), *limit], capture_output=True, text=True, check=False)
        if told.returncode:
            print(f"failed: {row}: {told.stderr.strip().splitlines()[-1:]}", flush=True)
            continue
        rows.append(json.loads(told.stdout.splitlines()[-1]))
        r = rows[-1]
        accuracy = "" if r["accuracy"] is None else f"{r['accuracy']:.2%}"
        print(
            f"{r['dataset']:8} {r['model']:10} {r['preset']:8} {r['how']:11} {r['seconds']:8.1f} {accuracy:>9} "
            f"{r['share_of_the_rate']:12.1%} {r.get('recipe', '')}",
            flush=True,
        )
    print(json.dumps({"name": "gpu benchmark", "command": "python pipelines/gpu_benchmark.py", "checks": differences, "rows": rows}))


if __name__ == "__main__":
    main()
