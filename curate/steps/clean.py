"""clean: what becomes of every sample, by a policy."""

from typing import Any

import pandas as pd

from curate.cleaning.decisions import latest_decisions, read_journal
from curate.cleaning.policies import MIN_CONFIDENCE, apply_policy
from curate.run import Run
from curate.steps.find import load_table, save_csv


def clean(run: Run, *, policy: str = "drop", min_confidence: float | None = None) -> dict[str, Any]:
    """Writes `cleaned.csv` and returns how many samples met which fate.

    Args:
        policy: `drop`, `relabel`, `abstain` or `reviewed`.
        min_confidence: of `relabel`; below it a flagged sample is dropped.

    Raises:
        RunError: `find` has not been run.
        UsageError: there are no decisions for `reviewed`.
    """
    cleaned = cleaned_table(run, policy=policy, min_confidence=min_confidence)
    save_csv(run, "cleaned.csv", cleaned)
    run.update("clean", policy=policy, min_confidence=min_confidence)
    counts = cleaned["action"].value_counts()
    return {
        "run": run.name,
        "policy": policy,
        "cleaned": run.path / "cleaned.csv",
        **{f"num_{action}": int(counts.get(action, 0)) for action in ("keep", "drop", "relabel", "abstain")},
    }


def cleaned_table(run: Run, *, policy: str, min_confidence: float | None = None) -> pd.DataFrame:
    """`sample_id, given_label, label, action` of every sample; decisions of the journal come first."""
    journal = run.path / "decisions.jsonl"
    decisions = latest_decisions(read_journal(journal).decisions) if journal.exists() else {}
    return apply_policy(
        load_table(run), policy, decisions=decisions, min_confidence=MIN_CONFIDENCE if min_confidence is None else min_confidence
    )
