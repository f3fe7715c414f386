"""find: label issues, outliers, duplicates and dataset-level findings, from the arrays of a run."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from curate.datasets.exact_duplicates import duplicate_groups
from curate.datasets.image_set import ImageSet
from curate.embeddings.map_process import MapProcess
from curate.embeddings.neighbors import find_neighbors
from curate.errors import DataError
from curate.issues.checks import probability_blocks
from curate.issues.class_health import class_health
from curate.issues.column_order import check_column_order
from curate.issues.confident_joint import confident_joint
from curate.issues.findings import build_findings
from curate.issues.label_issues import DEFAULT_METHOD, find_label_issues
from curate.issues.label_pairs import label_pairs
from curate.issues.near_duplicates import find_near_duplicates
from curate.issues.order import check_order
from curate.issues.outliers import find_outliers
from curate.issues.self_estimate import estimate_detection
from curate.issues.table import build_issue_table
from curate.progress import Progress, silent
from curate.run import Run, replaced_atomically
from curate.steps.find_more import find_more
from curate.steps.map import make_map
from curate.steps.train import accuracies


def find(
    run: Run,
    image_set: ImageSet,
    *,
    pred_probs: Path | None = None,
    method: str = DEFAULT_METHOD,
    with_map: bool = True,
    image_checks: bool | None = None,
    map_process: MapProcess | None = None,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Writes the issue table and what goes with it into the run folder, and returns the main figures.

    Args:
        run: with the arrays of `train`.
        image_set: the images of the run.
        pred_probs: a `.npy` of your own out-of-fold probabilities (N, K), in dataset order, in place of the run's; kept in the run.
        method: how labels are flagged, see `curate.issues.label_issues`.
        with_map: make the 2-D map, which takes most of the time.
        image_checks: see `curate.steps.find_more`.
        map_process: makes the map beside what is done here, from the neighbours found here; `curate.steps.map.finish_map` writes it.

    Raises:
        RunError: `train` has not been run.
        DataError: the probabilities are no probabilities, or of another number of samples.
    """
    embeddings = run.load_array("embeddings.npy", mmap=True)
    if pred_probs is not None:
        take_pred_probs(run, pred_probs, image_set)
    probs = run.load_array("pred_probs.npy", mmap=True)  # the largest array of a run is read a block of rows at a time
    fold = run.load_array("fold.npy")[0]
    labels, names = image_set.labels, image_set.class_names
    with run.step("find", method=method):
        progress("issues", 0, 4, "label issues")
        label_issues = find_label_issues(labels, probs, method=method)
        progress("issues", 1, 4, "neighbours")
        neighbors, similarities = find_neighbors(embeddings, progress=progress)
        if map_process is not None:
            map_process.start((neighbors, similarities))
        progress("issues", 2, 4, "outliers and duplicates")
        outliers = find_outliers(similarities)
        duplicates = find_near_duplicates(neighbors, similarities, groups=duplicate_groups(image_set.images))
        table = build_issue_table(
            sample_ids=image_set.sample_ids,
            splits=image_set.splits,
            labels=labels,
            class_names=names,
            fold=fold,
            label_issues=label_issues,
            outliers=outliers,
            duplicates=duplicates,
        )
        progress("issues", 3, 4, "groups")
        more, more_findings = find_more(run, image_set, embeddings, probs, label_issues, image_checks=image_checks, progress=progress)
        table = table.assign(**more)
        joint = confident_joint(labels, probs)
        detection = estimate_detection(label_issues, labels, probs, seed=run.meta["config"]["seed"])
        findings = build_findings(table, labels, probs, names, check_order(neighbors), detection=detection, joint=joint) | more_findings
        flags = label_issues.is_label_issue
        forget_older_flags(run, table)
        save_table(run, table)
        health = class_health(labels, probs, flags, label_issues.label_quality, names, joint=joint)
        save_csv(run, "class_health.csv", health)
        save_csv(run, "label_pairs.csv", label_pairs(labels, label_issues.suggested, flags, names))
        run.write_text("findings.json", json.dumps(findings, indent=2) + "\n")
        progress("issues", 4, 4, f"{int(flags.sum())} label issues")
    if with_map and map_process is None:
        make_map(run, (neighbors, similarities), progress=progress)
    run.update("metrics", num_label_issues=int(flags.sum()))
    return {"run": run.name, "folder": run.path, **run.meta["metrics"], **findings["counts"], "estimated": findings["detection"]}


def take_pred_probs(run: Run, path: Path, image_set: ImageSet) -> None:
    """Makes the (N, K) probabilities of a `.npy` file those of the run, as float32, with their hash and their accuracy.

    Raises:
        DataError: no such file, no such array, no probabilities, or columns in another order; the run stays as it is.
    """
    try:
        probs = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"{path} is not a readable .npy array of probabilities ({error})") from error
    digest, predicted = hashlib.sha256(), np.empty(len(image_set), dtype=np.int64)
    with replaced_atomically(run.path / "pred_probs.npy") as file:
        for start, block in probability_blocks(probs, len(image_set)):
            if block.shape[1] != image_set.num_classes:
                raise DataError(
                    f"{path} has {block.shape[1]} columns but '{image_set.name}' has {image_set.num_classes} classes; "
                    "a column is needed for every class, in the order of class_names"
                )
            if start == 0:
                header = {"descr": "<f4", "fortran_order": False, "shape": (len(image_set), image_set.num_classes)}
                np.lib.format.write_array_header_1_0(file, header)
            content = block.astype("<f4").tobytes()
            file.write(content)
            digest.update(content)
            predicted[start : start + len(block)] = block.argmax(axis=1)
        check_column_order(image_set.labels, predicted, image_set.class_names, what=str(path))
    run.update("pred_probs", given=str(path), sha256=digest.hexdigest())
    run.update("metrics", **accuracies(image_set, run.load_array("pred_probs.npy", mmap=True)))


def save_table(run: Run, table: pd.DataFrame) -> None:
    """Writes `issues.parquet` and `issues.csv`."""
    run.write_bytes("issues.parquet", table.to_parquet(index=False))
    save_csv(run, "issues.csv", table)


def forget_older_flags(run: Run, table: pd.DataFrame) -> None:
    """Removes what was made from other flags or suggestions than those of `table`, so that nothing old stands beside them."""
    if not run.has("issues.parquet"):
        return
    columns = ["is_label_issue", "suggested_label"]
    if not load_table(run)[columns].equals(table[columns]):
        for name in ("cleaned.csv", "comparison.json"):
            (run.path / name).unlink(missing_ok=True)


def load_table(run: Run) -> pd.DataFrame:
    """The issue table.

    Raises:
        RunError: `find` has not been run.
    """
    return run.load_table("issues.parquet", verb="find")


def save_csv(run: Run, name: str, table: pd.DataFrame) -> None:
    run.write_text(name, table.to_csv(index=False))
