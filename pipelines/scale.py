"""Seconds and peak memory of every step by the number of samples: MNIST, a tenth of it, and ten times as much.

    python pipelines/scale.py 7000 [--run mnist] [--steps find app report epoch] [--keep]
    python pipelines/scale.py 70000
    python pipelines/scale.py 700000
    python pipelines/scale.py summary

Ten times MNIST is made by repeating it with small shifts and noise. Each call is a process of its own and adds one record. The run folder
`scale-N` is first made by the nets of an audit of MNIST; the steps are those of curate. `app` fills a mongod of its own, whose data stays
in the run folder with `--keep`. `epoch` is one epoch of training on all samples in one process.
"""

import argparse
import json
import os
import shutil
import time
from dataclasses import replace
from pathlib import Path

import records
import torch
from repeated_mnist import make_run

from curate.app.mongod import private_mongod
from curate.cli.output import working
from curate.data.image_set import ImageSet
from curate.find.find import find
from curate.judge.models.registry import ModelSpec
from curate.judge.training.augment import Batches, as_tensor
from curate.judge.training.device import pick_device
from curate.judge.training.fit import fit
from curate.judge.training.recipes import preset_for
from curate.progress import Progress
from curate.publish.report.page import report
from curate.run import Run, data_root, run_path

STEPS = ("find", "app", "report", "epoch")
SIZES = (7_000, 70_000, 700_000)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("size", help="number of samples, or `summary` of what was recorded")
    parser.add_argument("--run", default="mnist", help="an audit of MNIST, whose nets are used")
    parser.add_argument("--steps", nargs="+", choices=STEPS, default=STEPS)
    parser.add_argument("--keep", action="store_true", help="keep the FiftyOne dataset")
    options = parser.parse_args()
    if options.size == "summary":
        return summarize()
    size = int(options.size)
    with working() as progress:
        start = time.perf_counter()
        run, image_set = make_run(Run.open(run_path(options.run)), run_path(f"scale-{size}"), size, progress)
        make_seconds = time.perf_counter() - start
        if "find" in options.steps:
            find(run, image_set, progress=progress)
        if "app" in options.steps:
            fill(run, image_set, keep=options.keep, progress=progress)
        if "report" in options.steps:
            report(run, image_set, progress=progress)
        if "epoch" in options.steps:
            with run.step("epoch"):
                one_epoch(run, image_set)
    values = {"make_seconds": round(make_seconds, 1), "steps": list(options.steps), "mongod_mib": run.meta.get("mongod_mib")}
    records.append(f"scale {size}", run, values)
    for step, record in run.meta["steps"].items():
        print(f"{size:8,} {step:8} {record['seconds']:8.1f} s   {record['peak_memory_mib']:8,.0f} MiB")
    print(f"{size:8,} mongod {run.meta.get('mongod_mib') or 0:,.0f} MiB")


def fill(run: Run, image_set: ImageSet, *, keep: bool, progress: Progress) -> None:
    """The FiftyOne dataset, with its image files, in a mongod with a cache of 1 GB."""
    folder = run.path / "mongo"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.rmtree(data_root() / "media" / image_set.name, ignore_errors=True)
    with private_mongod(folder, cache_gb=1) as uri:
        os.environ["FIFTYONE_DATABASE_URI"] = uri
        from curate.app.dataset import build  # FiftyOne reads the address when it is imported

        build(run, image_set, progress=progress)
        status = Path(f"/proc/{(folder / 'mongod.pid').read_text().strip()}/status").read_text()
        run.meta["mongod_mib"] = round(int(status.split("VmHWM:")[1].split()[0]) / 1024)
        run.save_meta()
    if not keep:
        shutil.rmtree(folder)


def one_epoch(run: Run, image_set: ImageSet) -> None:
    """One epoch of the run's recipe on all samples."""
    config, shape = run.meta["config"], image_set.images.shape[1:]
    recipe = replace(preset_for(config["model"], config["preset"], in_channels=shape[0]).recipe, epochs=1)
    net = ModelSpec(config["model"], image_set.num_classes, shape[0], shape[1:])(0).to(memory_format=torch.channels_last)
    batches = Batches(as_tensor(image_set.images), shift=recipe.shift)
    everything = torch.arange(len(image_set))
    batches.standardise(everything)
    fit(net, batches, torch.from_numpy(image_set.labels), everything, recipe, pick_device("cpu"), seed=0)


def summarize() -> None:
    """The last record of each size and step: how far the largest is from the line through the two others, and peak memory."""
    steps: dict[str, dict[int, dict]] = {}
    for line in records.RECORDS.read_text().splitlines():
        record = json.loads(line)
        if record["name"].startswith("scale ") and record["name"].split()[1].isdigit():
            for step, values in record["steps"].items():
                steps.setdefault(step, {})[int(record["name"].split()[1])] = values
    small, middle, large = SIZES
    print("| step | " + " | ".join(f"{size:,}" for size in SIZES) + " | against linear | peak memory |\n|---|---|---|---|---|---|")
    for step, by_size in steps.items():
        if set(SIZES) <= set(by_size):
            seconds = [by_size[size]["seconds"] for size in SIZES]
            line = seconds[0] + (seconds[1] - seconds[0]) * (large - small) / (middle - small)
            memory = max(values["peak_memory_mib"] for values in by_size.values())
            cells = [f"{value:.1f} s" for value in seconds]
            print(f"| {step} | {' | '.join(cells)} | {seconds[2] / line - 1:+.0%} | {memory / 1024:.1f} GiB |")


if __name__ == "__main__":
    main()
