"""MNIST from raw files to a cleaned and retrained dataset: the run behind the README's figures.

    python pipelines/mnist.py [--votes mnist_mturk.json] [--seeds 5]

With the vote file of labelerrors.com, the gain is also measured on the test labels that people corrected.
"""

import argparse
from pathlib import Path

import records

from curate.cli.output import show, working
from curate.run import Run
from curate.steps.audit import audit
from curate.steps.compare import compare
from curate.steps.find import load_table
from curate.steps.report import report
from curate.steps.source import images_of, run_path

FRONT_PAGE = ("mnist/test/3520", "mnist/test/1901", "mnist/test/2654")  # the MNIST errors on the front page of labelerrors.com


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--votes", type=Path, help="human votes on the test labels")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--preset", default="default")
    options = parser.parse_args()
    with working() as progress:
        figures = audit("mnist", preset=options.preset, command="pipelines/mnist.py", progress=progress)
        run = Run.open(run_path(figures["run"]))
        image_set = images_of(run, progress=progress)
        gain = compare(run, image_set, seeds=range(options.seeds), votes=options.votes, progress=progress)
        report(run, image_set, progress=progress)
    test = load_table(run).query("split == 'test'")
    place = dict(zip(test["sample_id"], test["label_quality"].rank(method="first").astype(int), strict=True))
    figures["rank_in_test"] = {sample_id: place[sample_id] for sample_id in FRONT_PAGE}
    records.append("audit mnist", run, {"metrics": run.meta["metrics"], "rank_in_test": figures["rank_in_test"], "comparison": gain})
    show({**figures, "comparison": gain["test"]}, as_json=False)


if __name__ == "__main__":
    main()
