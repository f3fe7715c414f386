"""A folder of photographs, measured: how long, how right, against the usual script, and which judge is the better one.

    python pipelines/photos.py audit FOLDER       first audit, second one with labels changed, accuracy over seeds
    python pipelines/photos.py script FOLDER      against timm + scikit-learn's cross_val_predict + cleanlab, in turns
    python pipelines/photos.py flips FOLDER       labels flipped on purpose, uniformly and to similar classes
    python pipelines/photos.py decoding FOLDER    decoding and features against the forward pass and libjpeg alone
    python pipelines/photos.py truth FOLDER       audit against the true labels in FOLDER.csv (`pipelines/stand_ins.py` writes such)
    python pipelines/photos.py choice FOLDER …    which judge the default takes, and what both reach; goes on with --data
    python pipelines/photos.py memory FOLDER      peak memory at many pictures, made by repeating those of the folder
    python pipelines/photos.py night FOLDER       what fine-tuning brings (--preset best); hours on a CPU

FOLDER has one folder per class. With --record the figures go to data/records.jsonl. Nothing is kept but what --data names.
"""

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import photo_measures
import records
from numpy.typing import ArrayLike, NDArray

import curate
from curate.cli.output import show, working
from curate.data.image_set import ImageSet, describe
from curate.data.load import load
from curate.find.evaluation import best_cut, evaluate_detection
from curate.find.label_issues import find_label_issues
from curate.judge.alike import nearest
from curate.judge.backbones import DEFAULT, load_backbones
from curate.judge.choice import Choose, choose_judge, held_out_probs, kind_of
from curate.judge.features import Features, extracted, judge_features
from curate.judge.heads import joint_space
from curate.judge.nets import Nets
from curate.judge.training.device import pick_device
from curate.judge.training.recipes import STEPS
from curate.progress import Progress
from curate.run import Run, data_root, versions

SEEDS = 3
CHANGED = 0.02
"""Share of the labels that the second audit finds changed, as after a review."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=sorted(MEASURES))
    parser.add_argument("folders", nargs="+", metavar="FOLDER")
    parser.add_argument("--backbone", help=f"the net; {DEFAULT} by default, of `script` its first part")
    parser.add_argument("--record", action="store_true", help="append the figures to data/records.jsonl")
    parser.add_argument("--data", help="data folder to use and keep, instead of an empty one that goes")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--rounds", type=int, default=3, help="of `script`: turns")
    parser.add_argument("--judge", choices=["nets", "features"], help="of `truth`: instead of the one that the trial chooses")
    parser.add_argument("--share", type=float, default=0.1, help="of `flips`: labels that are flipped")
    parser.add_argument("--pictures", type=int, default=10_000, help="of `memory` and `decoding`: how many")
    parser.add_argument("--megapixels", type=float, help="of `decoding`: enlarge the pictures to so many before")
    parser.add_argument("--folds", type=int, default=5, help="of `choice`: so many of five are judged by both; of `night`: all")
    parser.add_argument("--nets", type=int, default=2, help="of `choice`: nets of each fold, whose mean judges")
    parser.add_argument("--limit", type=int, help="only so many pictures of the folder")
    options = parser.parse_args()
    for folder in options.folders:
        with data_folder(options.data), working() as progress:
            load_before = os.getloadavg()[0]
            values, meta = MEASURES[options.what](folder, options, progress)
            values["load"] = [round(load_before, 1), round(os.getloadavg()[0], 1)]
        if options.record:
            records.append_measured(f"photos {options.what} {Path(folder).name}", meta, values)
        show({"folder": Path(folder).name, **values}, as_json=False)


@contextlib.contextmanager
def data_folder(named: str | None) -> Iterator[None]:
    """Context with a data folder of its own: an empty one, so that nothing is in the cache, or the one that is named."""
    before = os.environ.get("CURATE_DATA")
    with tempfile.TemporaryDirectory(prefix="photos-") as empty:
        os.environ["CURATE_DATA"] = str(Path(named).absolute()) if named else empty
        try:
            yield
        finally:
            os.environ.pop("CURATE_DATA")
            if before is not None:
                os.environ["CURATE_DATA"] = before


def about(image_set: ImageSet, options: argparse.Namespace) -> dict[str, Any]:
    """What a record says of the circumstances."""
    config = {key: value for key, value in vars(options).items() if key not in ("what", "folders", "record", "data") and value is not None}
    return {"device": pick_device().to_json(), "versions": versions(), "config": config, "dataset": describe(image_set)}


def audited(folder: str, *arguments: str) -> tuple[float, dict[str, Any]]:
    """Seconds of `curate audit` as a user runs it, Python's start included, and what it printed."""
    start = time.perf_counter()
    command = [sys.executable, "-m", "curate", "audit", folder, "--no-fiftyone", "--json", *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
    return round(time.perf_counter() - start, 1), json.loads(done.stdout)


def audit(folder: str, options: argparse.Namespace, progress: Progress) -> tuple[dict[str, Any], dict[str, Any]]:
    """First audit to the report with nothing cached; a second one under labels of which some were changed; accuracy by seed."""
    arguments = [
        *(["--backbone", options.backbone] if options.backbone else []),
        *(["--limit", str(options.limit)] if options.limit else []),
    ]
    first, told = audited(folder, *arguments)
    image_set = load(folder, limit=options.limit, progress=progress)
    with tempfile.TemporaryDirectory() as made:
        table = Path(made) / "changed.csv"
        write_labels(table, image_set, changed(image_set.labels, image_set.num_classes))
        second, _ = audited(folder, "--labels", str(table), *arguments)
    meta = Run.open(Path(told["folder"])).meta
    features = features_of(image_set, options.backbone, progress)
    accuracies = [agreement(image_set, features, seed) for seed in range(options.seeds)]
    values = {
        "num_pictures": len(image_set),
        "first_seconds": first,
        "second_seconds": second,
        "step_seconds": {step: each["seconds"] for step, each in meta["steps"].items()},
        "peak_memory_mib": max(each.get("peak_memory_mib", 0) for each in meta["steps"].values()),
        "out_of_fold_accuracy": accuracies,
        "mean_out_of_fold_accuracy": round(float(np.mean(accuracies)), 4),
        "judge": meta["config"].get("chosen", {}).get("reason"),
    }
    return values, about(image_set, options)


def changed(labels: NDArray[np.int64], num_classes: int) -> NDArray[np.int64]:
    """The labels with a few moved to the next class."""
    moved = np.random.default_rng(1).permutation(len(labels))[: max(1, round(CHANGED * len(labels)))]
    new = labels.copy()
    new[moved] = (new[moved] + 1) % num_classes
    return new


def write_labels(path: Path, image_set: ImageSet, labels: NDArray[np.int64]) -> None:
    """A table of sample_id and label."""
    rows = [f"{sample_id},{image_set.class_names[label]}" for sample_id, label in zip(image_set.sample_ids, labels, strict=True)]
    path.write_text("\n".join(["sample_id,label", *rows]) + "\n", encoding="utf-8")


def features_of(image_set: ImageSet, backbone: str | None, progress: Progress) -> list[NDArray[np.float16]]:
    """The features of every net, from the cache where they are there."""
    return [extracted(image_set, net, pick_device(), progress=progress).features for net in load_backbones(backbone)]


def agreement(image_set: ImageSet, features: list[NDArray[np.float16]], seed: int) -> float:
    """The share of the labels with which the mean of the opinions agrees, out of fold, as `curate audit` counts."""
    probs = np.mean(opinions(image_set, features, seed), axis=0)
    return round(float((probs.argmax(axis=1) == image_set.labels).mean()), 4)


def opinions(image_set: ImageSet, features: list[NDArray[np.float16]], seed: int = 0) -> list[NDArray[np.float32]]:
    """The out-of-fold probabilities that `find` takes together."""
    judged = judge_features(image_set, features, seed=seed).judgement
    return [judged.pred_probs, *judged.opinions.values()]


def script(folder: str, options: argparse.Namespace, progress: Progress) -> tuple[dict[str, Any], dict[str, Any]]:
    """The usual script and `curate audit` with the same net, each in a fresh process with nothing cached, in turns."""
    name = options.backbone or DEFAULT.partition("+")[0]
    image_set = load(folder, limit=options.limit, progress=progress)
    rounds = []
    for _ in range(options.rounds):
        with data_folder(None):
            ours, told = audited(folder, "--backbone", name, *(["--limit", str(options.limit)] if options.limit else []))
        start = time.perf_counter()
        command = [sys.executable, photo_measures.__file__, "usual", folder, name, str(options.limit or 0)]
        found = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout)
        theirs = round(time.perf_counter() - start, 1)
        rounds.append(
            {
                "curate_seconds": ours,
                "curate_accuracy": round(told["out_of_fold_accuracy"], 4),
                "curate_step_seconds": told["seconds"],
                "script_seconds": theirs,
                "script_accuracy": round(found["accuracy"], 4),
                "script_part_seconds": found["seconds"],
                "times_faster": round(theirs / ours, 2),
            }
        )
    ratios = [each["times_faster"] for each in rounds]
    return {"backbone": name, "rounds": rounds, "median_times_faster": float(np.median(ratios))}, about(image_set, options)


def flips(folder: str, options: argparse.Namespace, progress: Progress) -> tuple[dict[str, Any], dict[str, Any]]:
    """F1 of the flags, and of the best cut of the same ranking, for labels flipped to any class and to that of the nearest stranger.

    What was wrong before counts as right, so the shortfall is told again without the suspects of the labels as they are.
    """
    image_set = load(folder, limit=options.limit, progress=progress)
    features = features_of(image_set, options.backbone, progress)
    unsuspected = ~find_label_issues(image_set.labels, opinions(image_set, features)).is_label_issue
    neighbors = nearest(joint_space(features, dimensions=256)).indices
    values: dict[str, Any] = {}
    for name in ("uniform", "similar"):
        rows = []
        for seed in range(options.seeds):
            flipped = flip(image_set, neighbors if name == "similar" else None, options.share, seed)
            found = find_label_issues(flipped, opinions(image_set.with_labels(flipped), features), seed=seed)
            is_flipped = flipped != image_set.labels
            rest = f1_of(found.is_label_issue[unsuspected], found.rank[unsuspected], is_flipped[unsuspected])
            rows.append(
                {
                    **f1_of(found.is_label_issue, found.rank, is_flipped),
                    "f1_of_unsuspected": rest["f1"],
                    "best_f1_of_unsuspected": rest["best_f1"],
                }
            )
        values[name] = {key: [row[key] for row in rows] for key in rows[0]}
        for kind in ("", "_of_unsuspected"):
            short = np.mean([row[f"best_f1{kind}"] - row[f"f1{kind}"] for row in rows])
            values[f"{name}_mean_shortfall{kind}"] = round(float(short), 4)
    return values, about(image_set, options)


def flip(image_set: ImageSet, neighbors: NDArray[np.int64] | None, share: float, seed: int) -> NDArray[np.int64]:
    """The labels with a share of them moved: to any other class, or to that of the nearest picture of another class."""
    rng = np.random.default_rng(seed)
    labels = image_set.labels
    new = labels.copy()
    for i in rng.permutation(len(labels))[: round(share * len(labels))]:
        near = np.empty(0, np.int64) if neighbors is None else labels[neighbors[i]]
        strangers = near[near != labels[i]]
        new[i] = strangers[0] if len(strangers) else (labels[i] + rng.integers(1, image_set.num_classes)) % image_set.num_classes
    return new


def f1_of(flagged: ArrayLike, rank: ArrayLike, is_wrong: NDArray[np.bool_]) -> dict[str, float]:
    """F1 of the flags and of the best cut of the ranking; what is wrong of itself counts as right, in both."""
    found = evaluate_detection(is_wrong, flagged, rank)
    return {"f1": round(found.f1, 4), "best_f1": round(best_cut(is_wrong, rank).f1, 4), "num_flagged": found.num_flagged}


def truth(folder: str, options: argparse.Namespace, progress: Progress) -> tuple[dict[str, Any], dict[str, Any]]:
    """The audit as a user runs it, and how well its flags and its ranking find the labels that FOLDER.csv has another true one for.

    The table's columns are `filepath` (class folder and file), `given` and `true`.
    """
    table = pd.read_csv(Path(folder).with_suffix(".csv"), keep_default_na=False)
    wrong = set(table["filepath"][table["given"] != table["true"]])
    seconds, told = audited(folder, *(["--judge", options.judge] if options.judge else []))
    found = curate.open(told["folder"])
    issues = found.issues
    is_wrong = issues["sample_id"].map(lambda sample_id: "/".join(sample_id.split("/")[-2:]) in wrong).to_numpy()
    assert is_wrong.sum() == len(wrong), f"{len(wrong)} wrong labels, of which {is_wrong.sum()} are of pictures of the folder"
    contradicted = issues["predicted_label"] != issues["given_label"]
    said = found.findings["detection"]["num_errors"]
    values = {
        "num_pictures": len(issues),
        "seconds": seconds,
        "num_wrong": len(wrong),
        "num_said": [round(said[key]) for key in ("value", "low", "high")],
        **f1_of(issues["is_label_issue"], issues["rank"], is_wrong),
        "average_precision": round(evaluate_detection(is_wrong, contradicted, issues["label_quality"]).average_precision, 4),
        "predicted_is_not_given_f1": f1_of(contradicted, issues["rank"], is_wrong)["f1"],
        "judge": found.run.meta["config"].get("chosen", {}).get("reason"),
    }
    return values, about(load(folder, progress=progress), options)


def decoding(folder: str, options: argparse.Namespace, progress: Progress) -> tuple[dict[str, Any], dict[str, Any]]:
    """Processor seconds a picture: of our decoding and features, of the forward pass alone, of libjpeg's reduced decoding alone."""
    with tempfile.TemporaryDirectory() as made:
        if options.megapixels:
            folder = str(photo_measures.enlarged(Path(folder), Path(made), megapixels=options.megapixels, most=min(options.pictures, 400)))
        rounds = [photo_measures.decoding_seconds(folder, options.backbone, min(options.pictures, 1000), progress) for _ in range(3)]
        image_set = load(folder, limit=min(options.pictures, 1000), progress=progress)
    keys = rounds[0].keys()
    values = {key: round(float(np.median([each[key] for each in rounds])), 5) for key in keys}
    return {**values, "ratios": [round(each["ratio"], 3) for each in rounds]}, about(image_set, options)


def choice(folder: str, options: argparse.Namespace, progress: Progress) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the default says of both judges, and what they reach out of fold, on the same pictures of so many of five folds.

    Nets are --nets a picture; the default trains few pictures twice. `default_is_better` counts pictures that one judge alone has right.
    What is finished stays in the folder of --data, so that a call that was cut off goes on. With --folds 0 only the choice is told.
    """
    image_set = load(folder, limit=options.limit, progress=progress)
    assert image_set.pictures is not None, "the pictures are small: nets are taken without a trial"
    kept = data_root() / "choice" / f"{image_set.images_hash[:16]}-{len(image_set)}"
    kept.mkdir(parents=True, exist_ok=True)
    features = features_of(image_set, options.backbone, progress)
    judged = judge_features(image_set, features).judgement
    assert judged.fold is not None
    chosen = kept / "chosen.json"
    if not chosen.exists():
        start = time.perf_counter()
        taken = choose_judge(image_set, Choose(features=Features(backbone=options.backbone)), progress=progress)
        told = {"judge": taken.name, "reason": taken.reason, "seconds": round(time.perf_counter() - start, 1)}
        chosen.write_text(json.dumps(told))
    said = json.loads(chosen.read_text())
    is_right: dict[str, list[NDArray[np.bool_]]] = {"features": [], "nets": []}
    for number in range(min(options.folds, 5)):
        held_out = judged.fold[0] == number
        labels = image_set.labels[held_out]
        is_right["features"].append(judged.pred_probs[held_out].argmax(axis=1) == labels)
        nets = []
        for seed in range(options.nets):
            path = kept / f"nets-{number}-{seed}.npy"
            if not path.exists():
                np.save(path, held_out_probs(image_set, held_out, Nets(), "default", STEPS["default"], seed=seed, progress=progress))
            nets.append(np.load(path))
        is_right["nets"].append(np.mean(nets, axis=0).argmax(axis=1) == labels)
    values: dict[str, Any] = {
        "num_pictures": len(image_set),
        "kind": kind_of(image_set.pictures.facts),
        "default": said["judge"],
        "reason": said["reason"],
        "trial_seconds": said["seconds"],
        "features_out_of_fold_accuracy": round(float((judged.pred_probs.argmax(axis=1) == image_set.labels).mean()), 4),
    }
    if not is_right["nets"]:
        return values, about(image_set, options)
    right = {name: np.concatenate(folds) for name, folds in is_right.items()}
    other = "nets" if said["judge"] == "features" else "features"
    values |= {
        "num_judged": len(right["nets"]),
        **{f"{name}_accuracy": round(float(each.mean()), 4) for name, each in right.items()},
        "right_by_default_only": int((right[said["judge"]] & ~right[other]).sum()),
        "right_by_other_only": int((right[other] & ~right[said["judge"]]).sum()),
    }
    values["default_is_better"] = values["right_by_default_only"] >= values["right_by_other_only"]
    return values, about(image_set, options)


def memory(folder: str, options: argparse.Namespace, progress: Progress) -> tuple[dict[str, Any], dict[str, Any]]:
    """Peak memory and seconds of an audit of many pictures; those of the folder are there several times, under other names."""
    with tempfile.TemporaryDirectory() as made:
        many = photo_measures.repeated(Path(folder), Path(made) / f"many-{options.pictures}", options.pictures)
        seconds, told = audited(str(many))
        image_set = load(str(many), progress=progress)
    steps = Run.open(Path(told["folder"])).meta["steps"]
    values = {
        "num_pictures": len(image_set),
        "seconds": seconds,
        "peak_memory_mib": {step: each["peak_memory_mib"] for step, each in steps.items() if "peak_memory_mib" in each},
        "step_seconds": {step: each["seconds"] for step, each in steps.items()},
    }
    return values, about(image_set, options)


def night(folder: str, options: argparse.Namespace, progress: Progress) -> tuple[dict[str, Any], dict[str, Any]]:
    """Out-of-fold accuracy of the fine-tuned net, and of all opinions together, against that of the heads on frozen features."""
    arguments = [
        *(["--backbone", options.backbone] if options.backbone else []),
        *(["--limit", str(options.limit)] if options.limit else []),
    ]
    seconds, told = audited(folder, "--preset", "best", "--judge", "features", "--folds", str(options.folds), *arguments)
    run = Run.open(Path(told["folder"]))
    image_set = load(folder, limit=options.limit, progress=progress)

    def right(*arrays: str) -> float:
        mean = np.mean([run.load_array(name) for name in arrays], axis=0)
        return round(float((mean.argmax(axis=1) == image_set.labels).mean()), 4)

    before = [f"opinions/{name}.npy" for name in ("frozen", "ridge", "neighbours")]
    values = {
        "num_pictures": len(image_set),
        "seconds": seconds,
        "fine_tuned_accuracy": right("pred_probs.npy"),
        "heads_accuracy": right(*before),
        "together_accuracy": right("pred_probs.npy", *before),
        "fine_tuned": run.meta["judged"]["fine_tuned"],
    }
    return values, about(image_set, options)


Measure = Callable[[str, argparse.Namespace, Progress], tuple[dict[str, Any], dict[str, Any]]]
MEASURES: dict[str, Measure] = {
    "audit": audit,
    "script": script,
    "flips": flips,
    "truth": truth,
    "decoding": decoding,
    "choice": choice,
    "memory": memory,
    "night": night,
}

if __name__ == "__main__":
    main()
