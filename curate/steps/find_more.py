"""The kinds of trouble beside label issues, outliers and duplicates: groups, annotators, pictures; a part of `find`."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from curate.datasets import annotations
from curate.datasets.image_set import ImageSet
from curate.datasets.pixels import quiet_pillow, read_pixels
from curate.issues.annotators import find_consensus
from curate.issues.groups import find_groups
from curate.issues.image_checks import check_images
from curate.issues.label_issues import LabelIssues
from curate.issues.near_duplicates import find_leaks
from curate.issues.table import named
from curate.progress import Progress, silent
from curate.run import Run

WORST = 10  # groups and annotators in findings.json


def find_more(
    run: Run,
    image_set: ImageSet,
    embeddings: NDArray[np.floating],
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
    columns, findings = _groups(run, image_set, embeddings, label_issues)
    if run.has(annotations.ARRAY):
        more = _annotators(run, image_set, pred_probs)
        columns, findings = columns | more[0], findings | more[1]
    if image_checks is None:
        image_checks = image_set.filepaths is not None
    if image_checks:
        found = check_images(_pictures(image_set), len(image_set), progress=progress)
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


def _pictures(image_set: ImageSet) -> Any:
    """The i-th picture as it lies in its file, upright; or as the set has it where there are no files."""
    if image_set.filepaths is None:
        return lambda i: np.asarray(image_set.images[i])
    paths = image_set.filepaths

    def read(i: int) -> NDArray[np.uint8]:
        with quiet_pillow():
            return read_pixels(str(paths[i]))

    return read
