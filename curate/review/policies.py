"""Policies: what becomes of the samples whose label is believed wrong."""

from collections.abc import Collection, Mapping

import numpy as np
import pandas as pd

from curate.errors import DataError, UnknownNameError, UsageError
from curate.review.verdicts import CONFLICT, Verdict

POLICIES = ("drop", "relabel", "abstain", "reviewed")
MIN_CONFIDENCE = 0.5  # MNIST, 10 % flips: above it 99 % of the suggestions are right, below it 2 of 3 given labels are wrong
COLUMNS = ["sample_id", "given_label", "label", "action"]


def apply_policy(
    table: pd.DataFrame, policy: str, *, decisions: Mapping[str, Verdict] | None = None, min_confidence: float = MIN_CONFIDENCE
) -> pd.DataFrame:
    """The cleaned dataset: what to do with every sample of the issue table.

    `drop` removes flagged samples. `relabel` gives them the suggested label where the model is sure of it and drops the rest:
    there neither label can be trusted. `abstain` keeps flagged images but takes their label away, so that training ignores
    them while they stay in the dataset. `reviewed` ignores flags and does what reviewers decided, nothing else.

    The reviewers' verdict outranks the flag in every policy: `ok` keeps the given label, `relabel` and `accept_suggestion` set
    the label, `confirm_error` and `drop` remove the sample, `ambiguous` abstains. Where they are in conflict, the given label
    stays as it is, flagged or not, until somebody adjudicates.

    Args:
        table: the issue table; `sample_id`, `given_label`, `is_label_issue`, `suggested_label` and `suggested_confidence` are read.
        policy: one of `POLICIES`.
        decisions: the verdict per sample id, from `verdicts`.
        min_confidence: in [0, 1], the least `suggested_confidence` at which `relabel` trusts the suggestion.

    Returns:
        `sample_id`, `given_label`, `label` (null where dropped, abstained or unlabelled) and `action` (`keep`, `drop`, `relabel`
        or `abstain`), one row per sample in the order of the table.

    Raises:
        UnknownNameError: no such policy.
        UsageError: `min_confidence` is outside [0, 1], or `reviewed` has no decisions.
        DataError: a decision is about a sample that is not in the table.
    """
    if policy not in POLICIES:
        raise UnknownNameError.of("policy", policy, POLICIES)
    if not 0 <= min_confidence <= 1:
        raise UsageError(f"min_confidence must be between 0 and 1, found {min_confidence}")
    if policy == "reviewed" and not decisions:
        raise UsageError(
            "the policy reviewed applies decisions, and nobody has decided yet: see `curate review --help` and `curate gallery --help`, "
            "or choose drop, relabel or abstain"
        )
    action = np.full(len(table), "keep", dtype=object)
    label = table["given_label"].astype(object).to_numpy(copy=True)
    flagged = table["is_label_issue"].to_numpy()
    if policy in ("drop", "abstain"):
        action[flagged] = policy
    elif policy == "relabel":
        sure = flagged & (table["suggested_confidence"].to_numpy() >= min_confidence)
        action[flagged] = np.where(sure[flagged], "relabel", "drop")
        label[sure] = table["suggested_label"].astype(object).to_numpy()[sure]
    _decide(table, decisions or {}, action, label)
    label[np.isin(action, ["drop", "abstain"])] = None
    return pd.DataFrame(
        {
            "sample_id": table["sample_id"].to_numpy(),
            "given_label": table["given_label"].to_numpy(),
            "label": pd.Series(label, dtype="str"),
            "action": pd.Series(action, dtype="str"),
        }
    )


def leave_test_labels(table: pd.DataFrame, cleaned: pd.DataFrame, decided: Collection[str]) -> pd.DataFrame:
    """`cleaned` without changes of test samples by flags alone, where they stand beside training data.

    A test set without the samples that a model doubts would flatter every model like it. What reviewers decided holds in every split.

    Args:
        table: the issue table.
        cleaned: from `apply_policy`, in the same order.
        decided: the samples that reviewers decided on.
    """
    in_test = (table["split"] == "test").to_numpy()
    if in_test.all():
        return cleaned
    stays = in_test & ~table["sample_id"].isin(list(decided)).to_numpy()
    cleaned = cleaned.copy()
    cleaned.loc[stays, "action"] = "keep"
    cleaned.loc[stays, "label"] = cleaned["given_label"][stays]
    return cleaned


def _decide(table: pd.DataFrame, decisions: Mapping[str, Verdict], action: np.ndarray, label: np.ndarray) -> None:
    """Overwrites `action` and `label` where reviewers decided."""
    place = {sample_id: row for row, sample_id in enumerate(table["sample_id"])}
    given = table["given_label"].astype(object).to_numpy()
    for sample_id, verdict in decisions.items():
        if sample_id not in place:
            raise DataError(
                f"a decision is about sample '{sample_id}', which is not among the {len(table)} of this run; is the journal another run's?"
            )
        row = place[sample_id]
        if verdict.action in ("confirm_error", "drop"):
            action[row] = "drop"
        elif verdict.action == "ambiguous":
            action[row] = "abstain"
        elif verdict.action in ("ok", CONFLICT) or verdict.label == given[row]:
            action[row], label[row] = "keep", given[row]
        else:
            action[row], label[row] = "relabel", verdict.label
