"""CIFAR-10, all 60,000 images, from raw files to a browsable dataset.

python pipelines/cifar10.py [--preset quick|default|best]
"""

import argparse

import records

from curate.cli.output import show, working
from curate.run import Run
from curate.steps.audit import audit
from curate.steps.source import run_path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", default="default")
    options = parser.parse_args()
    with working() as progress:
        figures = audit("cifar10", preset=options.preset, command="pipelines/cifar10.py", progress=progress)
    run = Run.open(run_path(figures["run"]))
    records.append(f"audit cifar10 {options.preset}", run, {"metrics": run.meta["metrics"]})
    show(figures, as_json=False)


if __name__ == "__main__":
    main()
