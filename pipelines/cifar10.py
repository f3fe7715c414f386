"""CIFAR-10, all 60,000 images, from raw files to a browsable dataset.

python pipelines/cifar10.py [--preset quick|default|best]
"""

import argparse

import records

import curate
from curate.cli.output import show, working


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", default="default")
    options = parser.parse_args()
    with working() as progress:
        nets = curate.Nets(preset=options.preset)
        audit = curate.audit("cifar10", judge=nets, fiftyone=True, command="pipelines/cifar10.py", progress=progress)
    run = audit.run
    records.append(f"audit cifar10 {options.preset}", run, {"metrics": run.meta["metrics"]})
    show(audit.outcome(), as_json=False)


if __name__ == "__main__":
    main()
