"""decisions, import-decisions and clean on a journal: what is counted, what is applied, and that nothing is half done."""

import json

import numpy as np
import pandas as pd
import pytest

from curate.errors import DataError, RunError, UnknownNameError, UsageError
from curate.find.saved_table import save_table
from curate.review.clean import clean, cleaned_table
from curate.review.decisions import decisions, import_decisions
from curate.review.journal import Decision, append_decisions, read_journal
from curate.run import Run


@pytest.fixture
def run(tmp_path):
    """Six test images, of which the first two are flagged."""
    run = Run.create(tmp_path / "pets", {"dataset": {"class_names": ["cat", "dog", "eel"]}, "config": {}})
    save_table(
        run,
        pd.DataFrame(
            {
                "sample_id": [f"pets/test/{place}" for place in range(6)],
                "split": "test",
                "index": range(6),
                "given_label": pd.Series(["cat", "dog"] * 3, dtype="str"),
                "suggested_label": pd.Series(["dog", "cat", None, None, None, None], dtype="str"),
                "suggested_confidence": np.array([0.9, 0.8, np.nan, np.nan, np.nan, np.nan], dtype=np.float32),
                "is_label_issue": [True, True, False, False, False, False],
            }
        ),
    )
    return run


@pytest.fixture
def decide(run):
    def write(place, action, label=None, who="ada", **more):
        decision = Decision(f"pets/test/{place}", action, label, who=who, **{"given": ("cat", "dog")[place % 2], **more})
        append_decisions(run.path / "decisions.jsonl", [decision])
        return decision

    return write


def test_a_run_without_a_journal_has_no_decisions(run):
    found = decisions(run)
    assert (found["num_samples"], found["num_decisions"], found["agreement"], found["conflicts"]) == (0, 0, [], [])
    assert found["verdicts"] == {} and not run.has("decisions.jsonl")


def test_standing_decisions_are_counted_by_kind_and_reviewer(run, decide):
    decide(0, "ok")
    decide(0, "relabel", "dog")
    decide(0, "accept_suggestion", "dog", who="grace")
    decide(1, "drop", who="grace")
    decide(2, "ok")
    decide(2, "undo")
    found = decisions(run)
    assert (found["num_samples"], found["num_decisions"]) == (2, 3)
    assert found["actions"] == {"accept_suggestion": 1, "drop": 1, "relabel": 1}
    assert found["reviewers"] == {"grace": 2, "ada": 1}
    assert found["verdicts"] == {"accept_suggestion": 1, "drop": 1}
    [pair] = found["agreement"]
    assert (pair["reviewers"], pair["num_both"], pair["observed"], pair["kappa"]) == (("ada", "grace"), 1, 1.0, None)


def test_conflicts_are_listed_with_what_each_said(run, decide):
    decide(0, "ok")
    decide(0, "relabel", "eel", who="grace", note="no fur")
    [conflict] = decisions(run)["conflicts"]
    assert conflict["sample_id"] == "pets/test/0"
    said = [(d["who"], d["action"], d["label"], d["note"]) for d in conflict["decisions"]]
    assert said == [("ada", "ok", None, ""), ("grace", "relabel", "eel", "no fur")]
    decide(0, "ok", who="joan", adjudicates=True)
    assert decisions(run)["conflicts"] == []


def test_what_an_audit_changed_is_told(run, decide):
    decide(0, "accept_suggestion", "eel", suggested="eel", is_label_issue=True)
    decide(2, "ok", is_label_issue=True)
    decide(3, "ok", given="cat")
    found = decisions(run)
    assert [(c["sample_id"], c["what"], c["before"], c["now"]) for c in found["changes"]] == [
        ("pets/test/0", "suggested", "eel", "dog"),
        ("pets/test/2", "is_label_issue", True, False),
        ("pets/test/3", "given", "cat", "dog"),
    ]
    assert found["num_stale_decisions"] == 1 and found["verdicts"] == {"accept_suggestion": 1, "ok": 1}


def test_half_a_line_after_a_crash_is_told_and_the_rest_is_there(run, decide):
    decide(0, "ok")
    with (run.path / "decisions.jsonl").open("a") as file:
        file.write('{"sample_id": "pe')
    found = decisions(run)
    assert (found["num_half_written_lines"], found["num_decisions"]) == (1, 1)


def test_without_an_issue_table_it_says_what_to_do(tmp_path):
    with pytest.raises(RunError, match=r"run `curate find [^`]+` first"):
        decisions(Run.create(tmp_path / "empty", {"dataset": {"class_names": []}, "config": {}}))


@pytest.fixture
def vendor(tmp_path):
    path = tmp_path / "vendor.csv"
    path.write_text("sample_id,label,given\npets/test/0,dog,cat\npets/test/1,dog,dog\npets/test/3,eel,cat\n")
    return path


def test_imported_decisions_are_in_the_journal_once_however_often_they_are_imported(run, vendor):
    first = import_decisions(run, vendor)
    assert (first["num_added"], first["num_already_there"], first["num_stale_decisions"]) == (3, 0, 1)
    assert first["actions"] == {"relabel": 2, "ok": 1} and first["reviewers"] == {"vendor": 3}
    again = import_decisions(run, vendor)
    assert (again["num_added"], again["num_already_there"]) == (0, 3)
    assert [d.action for d in read_journal(run.path / "decisions.jsonl").decisions] == ["relabel", "ok", "relabel"]


def test_a_later_decision_outlasts_another_import(run, vendor, decide):
    import_decisions(run, vendor)
    decide(0, "drop", who="vendor")
    import_decisions(run, vendor)
    assert decisions(run)["actions"] == {"drop": 1, "ok": 1, "relabel": 1}


def test_one_wrong_line_keeps_the_whole_file_out(run, vendor, decide):
    decide(0, "ok")
    before = (run.path / "decisions.jsonl").read_bytes()
    vendor.write_text(vendor.read_text() + "pets/test/9,dog,dog\n")
    with pytest.raises(DataError, match=r"line 5 of .*: there is no sample 'pets/test/9'"):
        import_decisions(run, vendor)
    assert (run.path / "decisions.jsonl").read_bytes() == before


def test_votes_go_by_the_position_in_the_test_split(run, tmp_path):
    path = tmp_path / "votes.json"
    candidate = {"given_original_label_name": "dog", "our_guessed_label_name": "eel", "mturk": {"given": 1, "guessed": 4}}
    path.write_text(json.dumps([{"id": 5, **candidate}]))
    import_decisions(run, path)
    assert {d.sample_id for d in read_journal(run.path / "decisions.jsonl").decisions} == {"pets/test/5"}
    assert clean(run, policy="reviewed")["num_relabel"] == 1


def test_clean_does_what_most_reviewers_decided_and_tells_what_waits(run, decide):
    decide(0, "relabel", "dog")
    decide(1, "ok")
    decide(1, "drop", who="grace")
    stale = decide(3, "relabel", "eel", given="cat")
    result = clean(run, policy="reviewed")
    assert (result["num_keep"], result["num_relabel"]) == (5, 1)
    assert (result["num_conflicts_to_adjudicate"], result["num_stale_decisions"]) == (1, 1)
    assert result["stale_samples"] == [stale.sample_id]
    assert cleaned_table(run, policy="reviewed")["label"].tolist() == ["dog", "dog", "cat", "dog", "cat", "dog"]


def test_a_stale_decision_does_not_stop_a_fresh_one(run, decide):
    decide(0, "ok", given="dog")
    decide(0, "relabel", "dog", who="grace")
    assert clean(run, policy="reviewed")["num_relabel"] == 1


def test_reviewed_with_stale_decisions_only_is_refused(run, decide):
    decide(3, "drop", given="cat")
    with pytest.raises(DataError, match="all 1 decisions judged other given labels than this run's, such as that of sample 'pets/test/3'"):
        clean(run, policy="reviewed")
    assert not run.has("cleaned.csv")
    assert clean(run, policy="drop")["num_stale_decisions"] == 1


def test_reviewed_without_a_journal_is_refused(run):
    with pytest.raises(UsageError, match="nobody has decided yet: see `curate review --help`"):
        clean(run, policy="reviewed")


def test_a_new_label_that_is_no_class_is_named_with_its_sample(run, decide):
    decide(0, "relabel", "dgo")
    with pytest.raises(UnknownNameError, match="decision of ada on sample 'pets/test/0' names an unknown class 'dgo'; did you mean dog"):
        clean(run, policy="drop")


def test_a_decision_without_a_name_is_told_as_one(run, decide):
    decide(0, "relabel", "dgo", who="")
    with pytest.raises(UnknownNameError, match="decision of somebody without a name on sample"):
        clean(run, policy="drop")
