"""Fashion-MNIST, all 70,000 images: which classes are hard, and which are mistaken for which.

python pipelines/fashion_mnist.py [--preset quick|default|best]
"""

import argparse

import pandas as pd
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
        figures = audit("fashion-mnist", preset=options.preset, command="pipelines/fashion_mnist.py", progress=progress)
    run = Run.open(run_path(figures["run"]))
    health, pairs = (pd.read_csv(run.require(f"{name}.csv", "find")) for name in ("class_health", "label_pairs"))
    values = {"metrics": run.meta["metrics"], "class_health": health.to_dict("records"), "label_pairs": pairs.head(10).to_dict("records")}
    records.append(f"audit fashion-mnist {options.preset}", run, values)
    show({**figures, "class_health": values["class_health"], "label_pairs": values["label_pairs"]}, as_json=False)


if __name__ == "__main__":
    main()
