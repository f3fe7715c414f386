import numpy as np
import pandas as pd
import pytest

from curate.errors import DataError, UnknownNameError, UsageError
from curate.review.journal import Decision
from curate.review.policies import COLUMNS, apply_policy
from curate.review.verdicts import verdicts


@pytest.fixture
def table():
    """a is fine, b flagged and sure, c flagged and unsure, d unlabelled, e disagrees without being flagged."""
    return pd.DataFrame(
        {
            "sample_id": list("abcde"),
            "given_label": pd.Series(["cat", "cat", "dog", None, "dog"], dtype="str"),
            "is_label_issue": [False, True, True, False, False],
            "suggested_label": pd.Series([None, "dog", "cat", None, "cat"], dtype="str"),
            "suggested_confidence": np.array([np.nan, 0.9, 0.4, np.nan, 0.6], dtype=np.float32),
        }
    )


def outcome(cleaned):
    labels = [None if pd.isna(label) else label for label in cleaned["label"]]
    return list(zip(cleaned["action"], labels, strict=True))


KEPT = [("keep", "cat"), ("keep", "cat"), ("keep", "dog"), ("keep", None), ("keep", "dog")]


def changed(**places):
    return [places.get(name, kept) for name, kept in zip("abcde", KEPT, strict=True)]


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("drop", changed(b=("drop", None), c=("drop", None))),
        ("abstain", changed(b=("abstain", None), c=("abstain", None))),
        ("relabel", changed(b=("relabel", "dog"), c=("drop", None))),
    ],
)
def test_policy_does_to_flagged_samples_what_it_says_and_nothing_to_others(table, policy, expected):
    cleaned = apply_policy(table, policy)
    assert outcome(cleaned) == expected
    assert cleaned.columns.tolist() == COLUMNS and cleaned["sample_id"].tolist() == list("abcde")


def test_relabel_trusts_the_suggestion_from_the_given_confidence_on(table):
    assert outcome(apply_policy(table, "relabel", min_confidence=0.4)) == changed(b=("relabel", "dog"), c=("relabel", "cat"))


@pytest.mark.parametrize(
    ("action", "label", "expected"),
    [
        ("ok", None, ("keep", "cat")),
        ("confirm_error", None, ("drop", None)),
        ("drop", None, ("drop", None)),
        ("ambiguous", None, ("abstain", None)),
        ("relabel", "eel", ("relabel", "eel")),
        ("accept_suggestion", "dog", ("relabel", "dog")),
        ("relabel", "cat", ("keep", "cat")),
    ],
)
def test_reviewed_does_what_was_decided_and_nothing_else(table, action, label, expected):
    assert outcome(apply_policy(table, "reviewed", decisions=verdicts([Decision("b", action, label)]))) == changed(b=expected)


def test_decision_outranks_the_flag(table):
    cleaned = apply_policy(table, "drop", decisions=verdicts([Decision("b", "ok"), Decision("d", "relabel", "cat")]))
    assert outcome(cleaned) == changed(c=("drop", None), d=("relabel", "cat"))


@pytest.mark.parametrize("policy", ["drop", "relabel", "abstain", "reviewed"])
def test_conflict_leaves_the_given_label_even_where_it_is_flagged(table, policy):
    undecided = verdicts([Decision("b", "relabel", "dog", who="ada"), Decision("b", "ok", who="grace")])
    assert outcome(apply_policy(table, policy, decisions=undecided))[1] == ("keep", "cat")


def test_given_labels_are_left_in_the_table(table):
    before = table.copy()
    cleaned = apply_policy(table, "relabel")
    pd.testing.assert_frame_equal(table, before)
    pd.testing.assert_series_equal(cleaned["given_label"], before["given_label"])


def test_cleaned_table_survives_csv(table, tmp_path):
    cleaned = apply_policy(table, "relabel")
    cleaned.to_csv(tmp_path / "cleaned.csv", index=False)
    assert outcome(pd.read_csv(tmp_path / "cleaned.csv", dtype="str")) == outcome(cleaned)


def test_unknown_policy_names_the_nearest(table):
    with pytest.raises(UnknownNameError, match="did you mean relabel"):
        apply_policy(table, "relable")


def test_reviewed_without_decisions_is_refused(table):
    with pytest.raises(UsageError, match="nobody has decided yet: see `curate review --help`"):
        apply_policy(table, "reviewed")


def test_confidence_out_of_range_is_refused(table):
    with pytest.raises(UsageError, match=r"min_confidence must be between 0 and 1, found 1\.5"):
        apply_policy(table, "relabel", min_confidence=1.5)


def test_decision_about_a_sample_of_another_run_is_named(table):
    with pytest.raises(DataError, match="sample 'z', which is not among the 5"):
        apply_policy(table, "reviewed", decisions=verdicts([Decision("z", "drop")]))
