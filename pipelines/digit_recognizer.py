"""Kaggle's Digit Recognizer: audits and cleans train.csv, trains on what is left, and writes submission.csv for test.csv.

    python pipelines/digit_recognizer.py train.csv test.csv [--policy drop|relabel|abstain|reviewed|none] [--nets 3]

With --truth, a file of the submission's form, the accuracy is told and recorded.
"""

import argparse
import time
from pathlib import Path

import records

import curate
from curate.cli.output import show, working
from curate.data.pixel_tables import read_pixel_csv
from curate.errors import CurateError, DataError
from curate.find.find import find
from curate.gain.retrain import train_and_judge
from curate.judge.models.registry import ModelSpec
from curate.judge.training.device import pick_device
from curate.judge.training.predict import ensemble
from curate.judge.training.recipes import Recipe
from curate.publish.export.submission import read_submission, write_submission
from curate.publish.report.page import report
from curate.review.clean import clean_image_set, cleaned_table
from curate.review.policies import POLICIES
from curate.run import run_path

NAME = "digit-recognizer"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("train", type=Path, help="label, pixel0 to pixel783")
    parser.add_argument("test", type=Path, help="pixel0 to pixel783")
    parser.add_argument("--to", type=Path, default=Path("submission.csv"))
    parser.add_argument("--policy", choices=(*POLICIES, "none"), default="drop", help="what becomes of suspects before training")
    parser.add_argument("--preset", default="default")
    parser.add_argument("--nets", type=int, default=3, choices=range(1, 11), help="how many answer together")
    parser.add_argument("--run", default=NAME, help="name of the run folder")
    parser.add_argument("--truth", type=Path, help="the true labels of the test images: ImageId,Label")
    try:
        submit(parser.parse_args())
    except CurateError as error:
        parser.exit(2, f"{parser.prog}: {error}\n")


def submit(options: argparse.Namespace) -> None:
    start = time.perf_counter()
    given, asked = read_pixel_csv(options.train, name=NAME), read_pixel_csv(options.test, name=NAME, split="test")
    if (given.labels < 0).any() or given.images.shape[1:] != asked.images.shape[1:]:
        raise DataError(f"{options.train} must have a column label, and images of the size of those in {options.test}")
    truth = read_submission(options.truth, num_images=len(asked)) if options.truth else None
    with working() as progress:
        run = curate.train(
            given,
            run=run_path(options.run),
            judge=curate.Nets(preset=options.preset),
            command="pipelines/digit_recognizer.py",
            progress=progress,
        ).run
        figures = find(run, given, with_map=False, progress=progress)
        report(run, given, progress=progress)
        cleaned = given if options.policy == "none" else clean_image_set(given, cleaned_table(run, policy=options.policy))
        each = [answers(run.meta["config"], cleaned, asked.images, seed, progress) for seed in range(options.nets)]
        labels = ensemble(each).argmax(axis=1)
    told = {key: figures[key] for key in ("run", "out_of_fold_accuracy", "label_issues")} | {"num_training_images": len(cleaned)}
    told["submission"] = write_submission(options.to, labels, num_images=len(asked))
    told["seconds"] = time.perf_counter() - start
    if truth is not None:
        told["test_accuracy"] = float((labels == truth).mean())
        records.append(f"digit_recognizer {len(given)} {options.policy} {options.preset}", run, {**told, "submission": options.to.name})
    show(told, as_json=False)


def answers(config: dict, image_set, images, seed: int, progress):
    """Probabilities of `images` by a net trained on `image_set` as those of the run with this `config` were."""
    spec = ModelSpec(config["model"], image_set.num_classes, 1, images.shape[2:])
    how = {"recipe": Recipe(**config["recipe"]), "device": pick_device(precision=config["precision"])}
    return train_and_judge(spec, image_set.images, image_set.labels, images, seed=seed, progress=progress, **how)[0]


if __name__ == "__main__":
    main()
