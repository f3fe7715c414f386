"""find: label issues, outliers, duplicates and dataset-level findings, from the arrays of a run."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from curate.data import annotations
from curate.data.exact_duplicates import exact_duplicates
from curate.data.image_set import ImageSet
from curate.errors import RunError
from curate.find.annotators import find_consensus
from curate.find.classes import class_health, label_pairs
from curate.find.confident_joint import confident_joint
from curate.find.error_probability import mean_blocks
from curate.find.findings import build_findings
from curate.find.groups import find_groups
from curate.find.image_checks import check_images, facts_of
from curate.find.issue_table import build_issue_table, named
from curate.find.label_issues import CLEANLAB_METHODS, DEFAULT_METHOD, LabelIssues, cleanlab_flags, find_label_issues, flags_of, unjudged
from curate.find.map import MapProcess, make_map
from curate.find.near_duplicates import alone, find_leaks, find_near_duplicates
from curate.find.neighbors import find_neighbors
from curate.find.order import check_order
from curate.find.outliers import find_outliers, unknown_outliers
from curate.find.saved_table import load_table, save_csv, save_table
from curate.find.self_estimate import estimate_sentences
from curate.judge.given import read_pred_probs
from curate.judge.judgement import accuracies, agreement, independent_opinions
from curate.options import LookFor
from curate.progress import Progress, silent
from curate.run import Run

WORST = 10  # groups and annotators in findings.json
LARGEST_FOR_FILTERS = 20_000_000  # probabilities


def find_more(
    run: Run,
    image_set: ImageSet,
    embeddings: NDArray[np.floating] | None,
    pred_probs: NDArray[np.floating],
    label_issues: LabelIssues,
    *,
    image_checks: bool | None = None,
    progress: Progress = silent,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Further columns of the issue table and further findings.

    Writes `groups.csv`, and `annotators.csv` and `consensus.csv` where several annotators gave the labels.

    Args:
        image_checks: look for dark, blurry and odd pictures; None = where the images are files, of a folder or a manifest.
    """
    columns, findings = ({}, {}) if embeddings is None else _groups(run, image_set, embeddings, label_issues)
    judged = run.meta.get("judged") or {}
    if judged.get("weak_classes"):
        weak = [image_set.class_names.index(name) for name in judged["weak_classes"]]
        columns["is_judged_weakly"] = np.isin(image_set.labels, weak)
        findings["judged_weakly"] = {"classes": judged["weak_classes"], "num_samples": int(columns["is_judged_weakly"].sum())}
    if run.has(annotations.ARRAY):
        more = _annotators(run, image_set, pred_probs)
        columns, findings = columns | more[0], findings | more[1]
    if image_checks is None:
        image_checks = image_set.filepaths is not None
    if image_checks:
        found = check_images(facts_of(image_set, progress=progress))
        columns |= found.columns() | {"is_hash_leak_issue": find_leaks(found.hash_set, image_set.splits)}
        counts = {check: int(flags.sum()) for check, flags in found.is_issue.items()}
        findings["image_checks"] = {**counts, "hash_duplicate": int((found.hash_set >= 0).sum())}
        findings["image_checks"]["hash_leak"] = int(columns["is_hash_leak_issue"].sum())
    return columns, findings


def _groups(
    run: Run, image_set: ImageSet, embeddings: NDArray[np.floating], label_issues: LabelIssues
) -> tuple[dict[str, Any], dict[str, Any]]:
    groups = find_groups(
        embeddings,
        image_set.labels,
        label_issues.predicted,
        label_issues.is_label_issue,
        image_set.class_names,
        seed=run.meta["config"].get("seed", 0),
    )
    run.write_text("groups.csv", groups.table.to_csv(index=False))
    flagged = groups.table[groups.table["is_underperforming"]]
    rows = flagged.head(WORST).drop(columns="is_underperforming").to_dict("records")
    columns = {"group": groups.group, "is_underperforming_group_issue": groups.is_underperforming}
    return columns, {"groups": {"num_groups": len(groups.table), "num_underperforming": len(flagged), "worst": rows}}


def _annotators(run: Run, image_set: ImageSet, pred_probs: NDArray[np.floating]) -> tuple[dict[str, Any], dict[str, Any]]:
    names = run.load_array(annotations.NAMES)
    given = annotations.Annotations.of(run.load_array(annotations.ARRAY), names)
    found = find_consensus(given.array, pred_probs, num_annotators=len(given.names))
    classes = np.array(image_set.class_names, dtype=object)
    people = pd.DataFrame(
        {
            "annotator": given.names,
            "quality": found.annotator_quality,
            "agreement_with_consensus": found.annotator_agreement,
            "num_labels": found.num_labels,
            "worst_class": classes[found.worst_class],
        }
    ).sort_values("quality", kind="stable", ignore_index=True)
    columns = {
        "consensus_label": named(found.labels, image_set.class_names),
        "consensus_quality": found.quality,
        "annotator_agreement": found.agreement,
        "num_annotations": found.num_annotations,
        "annotation_score": found.annotation_score,
    }
    run.write_text("annotators.csv", people.to_csv(index=False))
    consensus = pd.DataFrame({"sample_id": image_set.sample_ids, "label": columns["consensus_label"], **columns})
    run.write_text("consensus.csv", consensus.drop(columns="consensus_label").to_csv(index=False))
    counts = {
        "num_annotators": len(people),
        "num_labels": len(given.labels),
        "num_disputed": int((found.agreement < 1).sum()),
        "num_other_than_majority": int(((found.labels >= 0) & (found.labels != image_set.labels)).sum()),
    }
    return columns, {"annotators": {**counts, "worst": people.head(WORST).to_dict("records")}}


def find(
    run: Run,
    image_set: ImageSet,
    look_for: LookFor = LookFor(),
    *,
    pred_probs: Path | None = None,
    with_map: bool = True,
    map_process: MapProcess | None = None,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Writes the issue table and what goes with it into the run folder, and returns the main figures.

    Without embeddings nothing is said of outliers, near duplicates, groups and order, and there is no map. Where fewer than two classes
    have labels no label is judged.

    Args:
        run: with the arrays of its judge.
        image_set: the images of the run.
        look_for: what to look for, and how labels are flagged.
        pred_probs: a file of your own out-of-fold probabilities (N, K) in place of the run's, see `curate.Given`; kept in the run.
        with_map: make the 2-D map, which takes most of the time.
        map_process: makes the map beside what is done here, from the neighbours found here; `curate.find.map.finish_map` writes it.

    Raises:
        RunError: the run has not been judged.
        DataError: the probabilities are no probabilities, or of another number of samples.
    """
    if pred_probs is not None:
        take_pred_probs(run, pred_probs, image_set)
    probs = run.load_array("pred_probs.npy", mmap=True)  # the largest array of a run is read a block of rows at a time
    if (run.meta.get("pred_probs") or {}).get("is_complete") is False:
        raise RunError(
            f"the probabilities given to {run.path} were not copied whole; run {run.command('find --pred-probs FILE')} once more"
        )
    fold = run.load_array("fold.npy")[0] if run.has("fold.npy") else np.full(len(image_set), -1)
    labels, names = image_set.labels, image_set.class_names
    with run.step("find", method=look_for.method):
        progress("issues", 0, 4, "label issues")
        seed = run.meta["config"]["seed"]
        opinions, is_judged = independent_opinions(run), len(np.unique(labels[labels >= 0])) > 1
        if is_judged:
            label_issues = find_label_issues(labels, opinions, method=look_for.method, threshold=look_for.threshold, seed=seed)
        else:
            label_issues = unjudged(labels, names)
        progress("issues", 1, 4, "neighbours")
        embeddings = run.load_array("embeddings.npy", mmap=True) if run.has("embeddings.npy") else None
        neighbors, similarities = alone(len(image_set)) if embeddings is None else find_neighbors(embeddings, progress=progress)
        if map_process is not None:
            map_process.start((neighbors, similarities))
        progress("issues", 2, 4, "outliers and duplicates")
        table = build_issue_table(
            sample_ids=image_set.sample_ids,
            splits=image_set.splits,
            labels=labels,
            class_names=names,
            fold=fold,
            label_issues=label_issues,
            outliers=unknown_outliers(len(image_set)) if embeddings is None else find_outliers(similarities),
            duplicates=find_near_duplicates(neighbors, similarities, groups=exact_duplicates(image_set)),
        )
        progress("issues", 3, 4, "groups")
        checks = look_for.image_checks
        more, more_findings = find_more(run, image_set, embeddings, probs, label_issues, image_checks=checks, progress=progress)
        table = table.assign(**more)
        joint = confident_joint(labels, probs) if is_judged else np.eye(len(names), dtype=np.int64)
        order = None if embeddings is None or is_read_by_class(image_set) else check_order(neighbors)
        detection = label_issues.estimate
        findings = build_findings(table, labels, probs, names, order, detection=detection, joint=joint) | more_findings
        findings["methods"] = flagged_by_method(labels, opinions, label_issues) if is_judged else {}
        flags = label_issues.is_label_issue
        forget_older_flags(run, table)
        save_table(run, table)
        health = class_health(labels, probs, flags, label_issues.label_quality, names, joint=joint)
        save_csv(run, "class_health.csv", health)
        save_csv(run, "label_pairs.csv", label_pairs(labels, label_issues.suggested, flags, label_issues.label_quality, names))
        run.write_text("findings.json", json.dumps(findings, indent=2) + "\n")
        progress("issues", 4, 4, f"{int(flags.sum()):,} labels flagged")
    if with_map and map_process is None and embeddings is not None:
        make_map(run, (neighbors, similarities), progress=progress)
    if is_judged and len(opinions) > 1:  # their mean judges
        run.update("metrics", **agreement(image_set, label_issues.predicted))
    run.update("metrics", num_label_issues=int(flags.sum()))
    estimated = " ".join(estimate_sentences(findings["detection"]))
    return {"run": run.name, "folder": run.path, **run.meta["metrics"], **findings["counts"], "estimated": estimated}


def is_read_by_class(image_set: ImageSet) -> bool:
    """Whether the order of the samples is the reader's own, a class after the other, so that it says nothing about the data."""
    labels = image_set.labels[image_set.labels >= 0]
    parts = [image_set.labels[image_set.splits == split] for split in np.unique(image_set.splits)]
    return len(labels) > 0 and all((np.diff(part[part >= 0]) >= 0).all() for part in parts)


def flagged_by_method(labels: NDArray[np.int64], opinions: list[NDArray[np.floating]], issues: LabelIssues) -> dict[str, int]:
    """How many labels each method flags; cleanlab's filters only where the probabilities fit in memory."""
    counts = {DEFAULT_METHOD: int(flags_of(issues).sum())}
    if not (labels >= 0).any() or labels.size * opinions[0].shape[1] > LARGEST_FOR_FILTERS:
        return counts
    probs = np.concatenate([block for _, block in mean_blocks(opinions, len(labels))])
    return counts | {method: int(cleanlab_flags(labels, probs, method).sum()) for method in CLEANLAB_METHODS}


def take_pred_probs(run: Run, path: Path, image_set: ImageSet) -> None:
    """Makes the (N, K) probabilities of a file those of the run, as float32, with their hash and their accuracy.

    Raises:
        DataError: no such file, no probabilities, or columns in another order; the run stays as it is.
    """
    probs = read_pred_probs(path, image_set)
    run.replace_sections(pred_probs={"given": str(path), "is_complete": False})  # first: nobody may take them for those of the run's nets
    run.save_array("pred_probs.npy", probs)
    run.replace_sections(pred_probs={"given": str(path), "sha256": hashlib.sha256(probs.data).hexdigest(), "is_complete": True})
    run.update("metrics", **accuracies(image_set, probs))


def forget_older_flags(run: Run, table: pd.DataFrame) -> None:
    """Removes what was made from other flags or suggestions than those of `table`, so that nothing old stands beside them.

    Where the older table is not there or broken, nobody knows what it said.
    """
    columns = ["is_label_issue", "suggested_label"]
    try:
        is_same = load_table(run)[columns].equals(table[columns])
    except RunError:
        is_same = False
    if not is_same:
        for name in ("cleaned.csv", "comparison.json"):
            (run.path / name).unlink(missing_ok=True)
