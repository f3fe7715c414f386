"""MNIST from raw files to a cleaned and retrained dataset: the run behind the README's figures.

    python pipelines/mnist.py [--votes mnist_mturk.json] [--seeds 5]

With the vote file of labelerrors.com, the gain is also measured on the test labels that people corrected.
"""

import argparse
from pathlib import Path

import records

import curate
from curate.cli.output import show, working

FRONT_PAGE = ("mnist/test/3520", "mnist/test/1901", "mnist/test/2654")  # the MNIST errors on the front page of labelerrors.com


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--votes", type=Path, help="human votes on the test labels")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--preset", default="default")
    options = parser.parse_args()
    with working() as progress:
        audit = curate.audit(
            "mnist", judge=curate.Nets(preset=options.preset), fiftyone=True, command="pipelines/mnist.py", progress=progress
        )
        gain = audit.compare(seeds=range(options.seeds), votes=options.votes)
    test = audit.issues.query("split == 'test'")
    place = dict(zip(test["sample_id"], test["label_quality"].rank(method="first").astype(int), strict=True))
    ranks = {sample_id: place[sample_id] for sample_id in FRONT_PAGE}
    records.append("audit mnist", audit.run, {"metrics": audit.run.meta["metrics"], "rank_in_test": ranks, "comparison": gain})
    show({**audit.outcome(), "rank_in_test": ranks, "comparison": gain["test"]}, as_json=False)


if __name__ == "__main__":
    main()
