"""How well latency repeats: measures the net of a run, and others, as `curate explain model` does, each time in a process of its own.

python pipelines/latency.py RUN [--against mnist-cnn resnet-small] [--repeats 4]        (on an idle machine)
"""

import argparse
import json
import subprocess
import sys
from dataclasses import asdict

import records

from curate.cli.output import show
from curate.judge.models.weights import load_weights
from curate.lab.latency import latency_by_batch_size, measure_latency
from curate.lab.model_page.alternatives import make_rivals
from curate.lab.model_page.explain_model import BATCH_SIZES, SECONDS
from curate.run import Run, run_path

PERCENTILES = ("p50", "p90", "p99")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run")
    parser.add_argument("--against", nargs="+", default=["mnist-cnn", "resnet-small"])
    parser.add_argument("--repeats", type=int, default=4)
    parser.add_argument("--once", action="store_true", help="measure in this process, and print JSON")
    options = parser.parse_args()
    run = Run.open(run_path(options.run))
    if options.once:
        print(json.dumps(measured(run, options.against)))
        return
    if options.repeats < 2:
        parser.error("a spread needs at least 2 repeats")
    found = []
    for number in range(options.repeats):
        again = subprocess.run([sys.executable, *sys.argv, "--once"], stdout=subprocess.PIPE, check=True)
        found.append(json.loads(again.stdout))
        print(f"{number + 1} of {options.repeats} done", file=sys.stderr)
    seconds = {name: {p: [each[name][p] for each in found] for p in PERCENTILES} for name in found[0]}
    spread = {name: {p: max(times) / min(times) - 1 for p, times in by.items()} for name, by in seconds.items()}
    undisturbed = [min(latency["undisturbed"] for latency in each.values()) for each in found]
    records.append(f"latency {run.name}", run, {"seconds": seconds, "spread": spread, "undisturbed": undisturbed})
    told = {name: ", ".join(f"{p} {1000 * min(seconds[name][p]):.3g} ms + {by[p]:.1%}" for p in by) for name, by in spread.items()}
    show({**told, "undisturbed": [f"{share:.0%}" for share in undisturbed]}, as_json=False)


def measured(run: Run, against: list[str]) -> dict[str, dict]:
    """Latencies of one image by net, and of larger batches of the run's own net."""
    channels, height, width = run.meta["dataset"]["image_shape"]
    model = run.meta["config"]["model"]
    nets = {model: load_weights(run.require("model.safetensors", "train")), **make_rivals(run, against)}
    single = measure_latency(nets, (channels, height, width), seconds=SECONDS)
    batches = latency_by_batch_size(nets[model], (channels, height, width), BATCH_SIZES, seconds=SECONDS)
    return {name: asdict(each) for name, each in single.items()} | {
        f"{model}, batch of {each.batch_size}": asdict(each) for each in batches
    }


if __name__ == "__main__":
    main()
