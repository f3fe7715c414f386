"""Fashion-MNIST, all 70,000 images: which classes are hard, and which are mistaken for which.

python pipelines/fashion_mnist.py [--preset quick|default|best]
"""

import argparse

import pandas as pd
import records

import curate
from curate.cli.output import show, working


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", default="default")
    options = parser.parse_args()
    with working() as progress:
        nets = curate.Nets(preset=options.preset)
        audit = curate.audit("fashion-mnist", judge=nets, fiftyone=True, command="pipelines/fashion_mnist.py", progress=progress)
    run = audit.run
    health, pairs = (pd.read_csv(run.require(f"{name}.csv", "find")) for name in ("class_health", "label_pairs"))
    values = {"metrics": run.meta["metrics"], "class_health": health.to_dict("records"), "label_pairs": pairs.head(10).to_dict("records")}
    records.append(f"audit fashion-mnist {options.preset}", run, values)
    noise = dict(zip(health["class_name"], health["label_noise"].map("{:.1%}".format), strict=True))
    mistaken = {f"{row.given_label} → {row.suggested_label}": row.num_samples for row in pairs.head(10).itertuples()}
    show({**audit.outcome(), "label_noise": noise, "label_pairs": mistaken}, as_json=False)


if __name__ == "__main__":
    main()
