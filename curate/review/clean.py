"""clean: what becomes of every sample, by a policy and by what reviewers decided."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from curate.data.image_set import ImageSet
from curate.errors import DataError, UnknownNameError, UsageError
from curate.find.saved_table import load_table, save_csv
from curate.review.journal import JOURNAL, Decision, read_journal
from curate.review.policies import MIN_CONFIDENCE, POLICIES, apply_policy, leave_test_labels
from curate.review.verdicts import CONFLICT, Verdict, standing_decisions, verdict_of, without_stale
from curate.review.votes import given_labels
from curate.run import Run

MOST_DROPPED = 1 / 3  # of all samples; more is seldom wrong


def clean_image_set(image_set: ImageSet, cleaned: pd.DataFrame, *, splits: Sequence[str] = ("train", "validation")) -> ImageSet:
    """The images that are left, with their cleaned labels.

    Dropped samples are removed, relabelled ones carry the new label, abstained ones -1 (training ignores those). Samples of other
    splits stay as they are: by default test images, so that a model before and after is measured on the same ones.

    Args:
        image_set: the audited set.
        cleaned: from `apply_policy`, one row per sample, in any order.
        splits: where the policy is applied.

    Raises:
        DataError: `cleaned` lacks a sample or was made from other given labels, or nothing labelled of a class is left.
        UnknownNameError: a new label is not a class.
    """
    rows = cleaned.set_index("sample_id")
    missing = set(image_set.sample_ids.tolist()) - set(rows.index)
    if missing:
        raise DataError(f"the cleaned table lacks {len(missing)} samples, such as '{min(missing)}'; was it made from '{image_set.name}'?")
    rows = rows.loc[image_set.sample_ids]
    if (_values(rows["given_label"], image_set) != image_set.labels).any():
        raise DataError(
            f"the cleaned table was made from other given labels than those of '{image_set.name}'; run `curate clean RUN` again"
        )
    chosen = np.isin(image_set.splits, list(splits))
    labels = np.where(chosen, _values(rows["label"], image_set), image_set.labels)
    keep = ~(chosen & (rows["action"].to_numpy() == "drop"))
    lost = np.setdiff1d(image_set.labels[chosen & (image_set.labels >= 0)], labels[chosen & keep])
    if len(lost):
        raise DataError(
            f"cleaning leaves class '{image_set.class_names[lost[0]]}' without a labelled sample; review it, or choose another policy"
        )
    return image_set.with_labels(labels).subset(keep)


def _values(names: pd.Series, image_set: ImageSet) -> np.ndarray:
    """(N,) int64 label values of class names, -1 where null."""
    values = {name: value for value, name in enumerate(image_set.class_names)}
    strange = sorted(set(names.dropna()) - values.keys())
    if strange:
        raise UnknownNameError.of("class", strange[0], values)
    return np.array([values.get(name, -1) for name in names.astype(object)], dtype=np.int64)


@dataclass(frozen=True)
class Reviewed:
    """Verdicts by sample id, and the decisions left out of them because they judged another given label than today's."""

    verdicts: dict[str, Verdict]
    stale: list[Decision]


def clean(
    run: Run, *, policy: str = "drop", min_confidence: float | None = None, confirm: Callable[[str], None] | None = None
) -> dict[str, Any]:
    """Writes `cleaned.csv` and returns how many samples met which fate, and what of the decisions could not be applied.

    Args:
        policy: `drop`, `relabel`, `abstain` or `reviewed`.
        min_confidence: of `relabel` only; below it a flagged sample is dropped.
        confirm: called before more than a third of the samples is dropped, with how many; what it raises leaves all as it was.

    Raises:
        RunError: `find` has not been run.
        UsageError: there are no decisions for `reviewed`, or `min_confidence` is given for another policy than `relabel`.
        DataError: a decision is about an unknown sample or class.
    """
    table = load_table(run)
    review = reviewed(run, table)
    cleaned = _applied(table, review, policy, min_confidence)
    much = much_dropped(cleaned)
    if confirm is not None and much is not None:
        confirm(much)
    save_csv(run, "cleaned.csv", cleaned)
    run.update("clean", policy=policy, min_confidence=min_confidence)
    counts = cleaned["action"].value_counts()
    return {
        "run": run.name,
        "policy": policy,
        "cleaned": run.path / "cleaned.csv",
        **{f"num_{action}": int(counts.get(action, 0)) for action in ("keep", "drop", "relabel", "abstain")},
        "num_conflicts_to_adjudicate": sum(verdict.action == CONFLICT for verdict in review.verdicts.values()),
        "num_stale_decisions": len(review.stale),
        "stale_samples": sorted({decision.sample_id for decision in review.stale}),
        "note": _unsure(table, review, policy, min_confidence),
        "warning": warning(run, cleaned),
    }


def _unsure(table: pd.DataFrame, review: Reviewed, policy: str, min_confidence: float | None) -> str | None:
    """Why `relabel` drops samples instead; None where it does not."""
    confidence = MIN_CONFIDENCE if min_confidence is None else min_confidence
    open_ones = table["is_label_issue"].astype(bool) & ~table["sample_id"].isin(list(review.verdicts))
    unsure = int((open_ones & ~(table["suggested_confidence"] >= confidence)).sum())
    if policy != "relabel" or not unsure:
        return None
    return (
        f"of {unsure:,} flagged samples the suggested label is less sure than {confidence:g}, so that neither label can be trusted: "
        "they are dropped, in the test split kept as they are; --min-confidence sets that bound"
    )


def much_dropped(cleaned: pd.DataFrame) -> str | None:
    """How many samples are dropped, in words, where it is more than a third of them."""
    dropped = int((cleaned["action"] == "drop").sum())
    return f"{dropped:,} of {len(cleaned):,} samples are dropped" if dropped > MOST_DROPPED * len(cleaned) else None


def warning(run: Run, cleaned: pd.DataFrame) -> str | None:
    """Why what was cleaned should be looked at before it is used; None where nothing speaks against it."""
    much = much_dropped(cleaned)
    if much is not None:
        return f"{much}; look at some of them first"
    findings = json.loads(run.path.joinpath("findings.json").read_text()) if run.has("findings.json") else {}
    detection = findings.get("detection", {})
    if (cleaned["action"] == "drop").any() and detection.get("can_count") is False:
        return f"how many labels are wrong could not be told: {detection['reason']}"
    return None


def policy_of(run: Run, policy: str | None, min_confidence: float | None, *, otherwise: str) -> tuple[str, float | None]:
    """`policy` and its bound; without a policy as `clean` did last, `otherwise` where it did nothing yet."""
    if policy is not None:
        return policy, min_confidence
    last = run.meta.get("clean", {}) if run.has("cleaned.csv") else {}
    policy = last.get("policy", otherwise)
    if min_confidence is None and policy == "relabel":
        min_confidence = last.get("min_confidence")
    return policy, min_confidence


def cleaned_table(run: Run, *, policy: str, min_confidence: float | None = None) -> pd.DataFrame:
    """`sample_id, given_label, label, action` of every sample; decisions of the journal come first."""
    table = load_table(run)
    return _applied(table, reviewed(run, table), policy, min_confidence)


def reviewed(run: Run, table: pd.DataFrame) -> Reviewed:
    """What the run's journal says about the labels that are given now.

    Raises:
        DataError: a line of the journal is malformed.
        UnknownNameError: a new label is no class of the run.
    """
    standing = standing_decisions(read_journal(run.path / JOURNAL).decisions)
    fresh, stale = without_stale(standing, given_labels(table))
    verdicts = {sample_id: verdict_of(by_who) for sample_id, by_who in fresh.items()}
    class_names = run.meta["dataset"]["class_names"]
    for verdict in verdicts.values():
        if verdict.label is not None and verdict.label not in class_names:
            error = UnknownNameError.of("class", verdict.label, class_names)
            names = " and ".join(filter(None, verdict.who)) or "somebody without a name"
            raise UnknownNameError(f"the decision of {names} on sample '{verdict.sample_id}' names an {error}")
    return Reviewed(verdicts, stale)


def _applied(table: pd.DataFrame, review: Reviewed, policy: str, min_confidence: float | None) -> pd.DataFrame:
    if min_confidence is not None and policy in POLICIES and policy != "relabel":
        raise UsageError(
            f"--min-confidence is for the policy relabel, found {policy}; choose --policy relabel, or leave --min-confidence out"
        )
    if policy == "reviewed" and review.stale and not review.verdicts:
        raise DataError(
            f"all {len(review.stale)} decisions judged other given labels than this run's, such as that of sample "
            f"'{review.stale[0].sample_id}' ('{review.stale[0].given}' then); review them again, or choose another policy"
        )
    confidence = MIN_CONFIDENCE if min_confidence is None else min_confidence
    cleaned = apply_policy(table, policy, decisions=review.verdicts, min_confidence=confidence)
    return leave_test_labels(table, cleaned, review.verdicts)
