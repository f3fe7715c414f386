"""A tour of a convolutional network as one HTML page, on real images with a trained LeNet-5.

    python pipelines/cnn_tour.py [--source mnist] [--sample mnist/test/3520] [--to tour.html]

Trains the LeNet-5 first where its run is not there yet: about a minute on two cores.
"""

import argparse
import time
from pathlib import Path

import curate
from curate.cli.output import show, working
from curate.errors import CurateError, DataError
from curate.find.find import find
from curate.lab.tour.subject import check_grey
from curate.lab.tour.tour import write_tour
from curate.progress import Progress
from curate.run import Run, run_path
from curate.sources import images_of, load_source

MODEL = "lenet5"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", default="mnist", help="a dataset of grey images: mnist, fashion-mnist, kmnist, or a folder")
    parser.add_argument("--limit", type=int, help="only so many images")
    parser.add_argument("--run", help="name of the run, if not the dataset's with -lenet5")
    parser.add_argument("--preset", default="quick", help="how long to train where there is no run yet")
    parser.add_argument("--sample", help="the image that goes through the net; by default the first")
    parser.add_argument("--to", type=Path, help="the page; tour.html in the run folder by default")
    options = parser.parse_args()
    try:
        with working() as progress:
            result = tour(options, progress)
    except CurateError as error:
        parser.exit(2, f"error: {error}\n")
    show(result, as_json=False)


def tour(options: argparse.Namespace, progress: Progress) -> dict:
    """The page, and the seconds that each part took."""
    seconds, start = {}, time.perf_counter()
    limited = "" if options.limit is None else f"-{options.limit}"
    path = run_path(options.run or f"{Path(options.source).stem}{limited}-{MODEL}")
    if (path / "pred_probs.npy").exists():
        run = Run.open(path)
        image_set = images_of(run, progress=progress)
    else:
        image_set = load_source(options.source, limit=options.limit, progress=progress)
        check_grey(image_set)
        if options.sample is not None and options.sample not in image_set.sample_ids.tolist():
            raise DataError(f"there is no sample '{options.sample}'; ids are such as {image_set.sample_ids[0]}")
        run = curate.train(
            image_set, run=path, judge=curate.Nets(model=MODEL, preset=options.preset), command="pipelines/cnn_tour.py", progress=progress
        ).run
        seconds["train"] = time.perf_counter() - start
    if not run.has("issues.parquet"):
        before = time.perf_counter()
        find(run, image_set, with_map=False, progress=progress)
        seconds["find"] = time.perf_counter() - before
    before = time.perf_counter()
    page = write_tour(run, image_set, sample_id=options.sample, to=options.to, progress=progress)
    seconds["tour"] = time.perf_counter() - before
    seconds["all"] = time.perf_counter() - start
    return {"run": run.name, "page": page, "seconds": {name: round(value, 1) for name, value in seconds.items()}}


if __name__ == "__main__":
    main()
