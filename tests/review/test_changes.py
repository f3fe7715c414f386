import numpy as np
import pandas as pd
import pytest

from curate.review.journal import Decision
from curate.review.verdicts import changed_since, without_stale


@pytest.fixture
def table():
    return pd.DataFrame(
        {
            "sample_id": list("abc"),
            "given_label": pd.Series(["cat", "dog", None], dtype="str"),
            "suggested_label": pd.Series(["dog", None, None], dtype="str"),
            "is_label_issue": np.array([True, False, False]),
        }
    )


@pytest.mark.parametrize(
    ("decision", "changes"),
    [
        (Decision("a", "ok", given="cat", suggested="dog", is_label_issue=True), []),
        (Decision("a", "ok"), []),
        (Decision("a", "ok", given="eel"), [("given", "eel", "cat")]),
        (Decision("c", "ok", given="eel"), [("given", "eel", None)]),
        (Decision("b", "ok", suggested="cat", is_label_issue=True), [("suggested", "cat", None), ("is_label_issue", True, False)]),
        (Decision("z", "ok", given="cat"), [("sample_id", "z", None)]),
    ],
)
def test_what_reviewers_saw_is_compared_with_the_table(table, decision, changes):
    found = changed_since([decision], table)
    assert [(change.what, change.before, change.now) for change in found] == changes
    assert all(change.decision is decision for change in found)


def test_decisions_about_another_given_label_are_set_aside():
    old, new, unknown = Decision("a", "ok", given="dog"), Decision("a", "ok", given="cat"), Decision("a", "drop")
    standing = {"a": {"ada": old, "grace": new, "alan": unknown}, "b": {"ada": Decision("b", "ok", given="dog")}, "z": {"ada": old}}
    fresh, stale = without_stale(standing, {"a": "cat", "b": None})
    assert fresh == {"a": {"grace": new, "alan": unknown}, "z": {"ada": old}}
    assert stale == [old, standing["b"]["ada"]]
