"""Files that come back: journals of pages and runs, tables and corrected labels of exports, what spreadsheets make of them."""

import json
import tempfile
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.data.content import by_sample
from curate.errors import DataError
from curate.publish.export.corrected import corrections_of, write_corrections
from curate.publish.export.sample_table import export_table, write_table
from curate.review.decision_files import read_file
from curate.review.decisions import import_decisions
from curate.review.journal import Decision, append_decisions, read_journal
from curate.review.policies import apply_policy
from curate.review.pseudonyms import pseudonym
from curate.review.verdicts import standing_decisions, verdict_of
from curate.review.votes import Known
from curate.run import Run

CLASSES = ("cat", "dog", "owl")
GIVEN = {f"pets/train/{i}": CLASSES[i % 3] for i in range(6)}
KNOWN = Known(given=GIVEN, test_ids={}, class_names=CLASSES)
ID = "pets/train/0"


def decided(number, action, label=None, who="ann", **more):
    sample_id = f"pets/train/{number}"
    return Decision(sample_id, action, label, who=who, when="2026-01-01T10:00:00+00:00", given=GIVEN.get(sample_id), **more)


@pytest.fixture
def write(tmp_path):
    def journal(*entries, name="back.jsonl"):
        path = tmp_path / name
        path.write_text("".join(json.dumps(asdict(one) if isinstance(one, Decision) else one) + "\n" for one in entries))
        return path

    return journal


@pytest.fixture
def table():
    """The issue table of six pets, the first two flagged."""
    return pd.DataFrame(
        {
            "sample_id": list(GIVEN),
            "split": "train",
            "index": range(6),
            "given_label": list(GIVEN.values()),
            "suggested_label": ["dog", "owl", None, None, None, None],
            "suggested_confidence": [0.9, 0.8, None, None, None, None],
            "label_quality": [0.1, 0.2, 0.9, 0.9, 0.9, 0.9],
            "is_label_issue": [True, True, False, False, False, False],
            "rank": range(1, 7),
        }
    )


@pytest.fixture
def run(tmp_path, table):
    meta = {"dataset": {"name": "pets", "class_names": list(CLASSES)}, "config": {}}
    run = Run.create(tmp_path / "runs" / "pets", meta)
    table.to_parquet(run.path / "issues.parquet")
    return run


def told(reading):
    return sorted((one.sample_id[-1], one.action, one.label, one.who) for one in reading.decisions)


def test_a_journal_keeps_what_it_tells_and_names_who_is_not_named(write):
    path = write(decided(0, "relabel", "dog", note="ears", who=""), decided(1, "ok", who="ben"))
    first, second = read_file(path, KNOWN, who="ann", run="pets").decisions
    assert (first.who, first.note, first.when, first.given, second.who) == ("ann", "ears", "2026-01-01T10:00:00.000000+00:00", "cat", "ben")
    assert first.id != second.id and read_file(path, KNOWN).decisions[0].who == "back"


def test_a_broken_line_and_an_unknown_class_are_told_with_their_line(write, tmp_path):
    path = write(decided(0, "ok"))
    path.write_text(path.read_text() + "half a li")
    with pytest.raises(DataError, match=r"back\.jsonl line 2 is not a review decision"):
        read_file(path, KNOWN)
    with pytest.raises(DataError, match="line 1: unknown class 'yak'"):
        read_file(write(decided(0, "relabel", "yak")), KNOWN)


def test_pictures_that_are_not_there_are_left_out_and_counted_unless_all_are(write):
    reading = read_file(write(decided(0, "ok"), decided(77, "drop"), decided(77, "ok")), KNOWN)
    assert told(reading) == [("0", "ok", None, "ann")] and reading.unknown == ("pets/train/77",)
    with pytest.raises(DataError, match=r"other pictures: none of its 1 .*'pets/train/77' of run 'farm'; nothing was changed"):
        read_file(write(decided(77, "ok", run="farm")), KNOWN, run="pets")


def test_a_decision_follows_its_picture_to_another_id(write):
    moved = {**asdict(decided(0, "drop")), "sample_id": "old/5", "content": "abc"}
    reading = read_file(write(moved, decided(1, "ok")), KNOWN, contents=lambda: {"pets/train/4": "abc", "pets/train/5": "abd"})
    assert told(reading) == [("1", "ok", None, "ann"), ("4", "drop", None, "ann")] and reading.num_moved == 1


def test_pictures_are_only_looked_at_where_a_file_says_what_it_judged(write):
    def never():
        raise AssertionError("asked")

    assert len(read_file(write(decided(0, "ok")), KNOWN, contents=never).decisions) == 1


def test_hidden_labels_are_judged_by_todays(write):
    hidden = [Decision(pseudonym(f"pets/train/{i}"), "relabel", "cat", who="eve") for i in (0, 1)]
    assert told(read_file(write(*hidden), KNOWN)) == [("0", "ok", None, "eve"), ("1", "relabel", "cat", "eve")]


def test_twice_adds_nothing_and_an_edited_line_is_a_later_decision(run, write):
    path = write(decided(0, "ok"), decided(1, "ok"))
    assert import_decisions(run, path)["num_added"] == 2
    assert import_decisions(run, path)["num_added"] == 0
    path.write_text(path.read_text().replace('"ok"', '"drop"', 1))
    again = import_decisions(run, path)
    assert (again["num_added"], again["num_already_there"]) == (1, 1)
    standing = standing_decisions(read_journal(run.path / "decisions.jsonl").decisions)
    assert standing[ID]["ann"].action == "drop"
    assert import_decisions(run, path)["num_added"] == 0


def test_decisions_on_other_given_labels_are_kept_and_counted(run, write):
    old = Decision(ID, "ok", who="ann", given="owl")
    assert import_decisions(run, write(old))["num_stale_decisions"] == 1


def test_an_exported_table_gives_back_what_people_decided(table, tmp_path):
    made = [decided(0, "accept_suggestion", "dog"), decided(0, "relabel", "dog", who="ben"), decided(2, "ok"), decided(3, "drop")]
    verdicts = {sample_id: verdict_of(by_who) for sample_id, by_who in standing_decisions(made).items()}
    exported = export_table(table, apply_policy(table, "drop", decisions=verdicts), verdicts)
    for name in ("table.csv", "table.parquet"):
        write_table(exported, tmp_path / name)
        found = told(read_file(tmp_path / name, KNOWN))
        assert [(number, who) for number, _, _, who in found] == [("0", "ann"), ("0", "ben"), ("2", "ann"), ("3", "ann")]
        assert {label for number, _, label, _ in found if number == "0"} == {"dog"}
    write_table(export_table(table, apply_policy(table, "drop"), {}), tmp_path / "policy.csv")
    with pytest.raises(DataError, match="no decisions of people, only what a policy did"):
        read_file(tmp_path / "policy.csv", KNOWN)


def test_corrected_labels_give_back_the_votes(table, tmp_path):
    made = [decided(0, "relabel", "dog"), decided(0, "relabel", "dog", who="ben"), decided(0, "ok", who="eve"), decided(3, "ambiguous")]
    standing = standing_decisions(made)
    verdicts = {sample_id: verdict_of(by_who) for sample_id, by_who in standing.items()}
    corrections = corrections_of(export_table(table, apply_policy(table, "drop", decisions=verdicts), verdicts), standing)
    for name in ("fixed.csv", "fixed.json"):
        write_corrections(corrections, tmp_path / name, labels_sha256="0", about={"dataset": "pets"})
        assert told(read_file(tmp_path / name, KNOWN, who="team")) == [
            ("0", "ok", None, "team 3"),
            ("0", "relabel", "dog", "team 1"),
            ("0", "relabel", "dog", "team 2"),
            ("3", "ambiguous", None, "team"),
        ]


def test_what_only_a_policy_did_is_refused(tmp_path):
    (tmp_path / "cleaned.csv").write_text(f"sample_id,given_label,label,action\n{ID},cat,,drop\n")
    with pytest.raises(DataError, match="says what a policy did, not what people decided"):
        read_file(tmp_path / "cleaned.csv", KNOWN)


@pytest.mark.parametrize(
    "content",
    [
        f"sample_id;label\n{ID};dog\n".encode(),
        b"\xef\xbb\xbf" + f"sample_id;label\r\n{ID};dog\r\n".encode(),
        f"sep=;\r\nsample_id;label\r\n{ID};dog\r\n".encode(),
        f"sample_id\tlabel\r\n{ID}\tdog\r\n".encode("utf-16"),
        f'"sample_id", "label"\n"{ID}", "dog"\n'.replace(", ", ",").encode(),
    ],
)
def test_what_spreadsheets_save_is_read(tmp_path, content):
    (tmp_path / "sheet.csv").write_bytes(content)
    assert told(read_file(tmp_path / "sheet.csv", KNOWN)) == [("0", "relabel", "dog", "sheet")]


def test_a_broken_row_of_a_spreadsheet_is_told_with_its_line(tmp_path):
    (tmp_path / "sheet.csv").write_bytes(f"sep=;\r\nsample_id;label\r\n{ID};dog\r\n{ID};dog;3\r\n".encode())
    with pytest.raises(DataError, match=r"line 4 of .*sheet\.csv has 3 values, the first line 2"):
        read_file(tmp_path / "sheet.csv", KNOWN)


def test_decisions_of_another_run_are_those_of_its_journal(run, tmp_path):
    append_decisions(tmp_path / "other" / "decisions.jsonl", [decided(0, "ok"), decided(1, "drop")])
    assert import_decisions(run, tmp_path / "other" / "decisions.jsonl")["actions"] == {"drop": 1, "ok": 1}


def test_a_decision_without_a_time_is_the_last_word_also_where_the_clock_was_set_back(run, write, tmp_path):
    import_decisions(run, write(replace(decided(0, "ok"), when="2999-01-01T00:00:00+00:00")))
    later = tmp_path / "later.csv"
    later.write_text(f"sample_id,action,who\n{ID},drop,ann\n")
    import_decisions(run, later)
    assert standing_decisions(read_journal(run.path / "decisions.jsonl").decisions)[ID]["ann"].action == "drop"


@pytest.fixture
def old_run(tmp_path):
    """A run whose six pictures were called otherwise: `a` is in the first, and so on; its journal decides the first three."""
    folder = tmp_path / "runs" / "old"
    folder.mkdir(parents=True)
    np.save(folder / "sample_ids.npy", np.array([f"pets/train/{(i + 1) % 6}" for i in range(6)]))
    np.save(folder / "contents.npy", digests("abcdef"))
    append_decisions(
        folder / "decisions.jsonl", [decided(i, "drop", note=f"picture {letter}") for i, letter in ((1, "a"), (2, "b"), (3, "c"))]
    )
    return folder / "decisions.jsonl"


def digests(letters):
    return np.array([[ord(letter)] * 16 for letter in letters], dtype=np.uint8)


def here(letters):
    return lambda: by_sample(np.array([f"pets/train/{i}" for i in range(6)]), digests(letters))


def test_decisions_follow_pictures_that_have_other_ids_by_what_is_in_them(old_run):
    reading = read_file(old_run, KNOWN, contents=here("abcdef"))
    assert {(one.sample_id, one.note) for one in reading.decisions} == {(f"pets/train/{i}", f"picture {'abc'[i]}") for i in range(3)}
    assert reading.num_moved == 3


def test_no_decision_goes_to_another_picture_that_has_its_id_now(old_run):
    reading = read_file(old_run, KNOWN, contents=here("axyzef"))
    assert [one.sample_id for one in reading.decisions] == ["pets/train/0"] and len(reading.unknown) == 2


def test_of_two_copies_nobody_says_which_is_meant_but_the_id_does(old_run):
    reading = read_file(old_run, KNOWN, contents=here("xaabcy"))
    assert {one.sample_id: one.note for one in reading.decisions} == {
        "pets/train/1": "picture a",
        "pets/train/3": "picture b",
        "pets/train/4": "picture c",
    }


@given(order=st.permutations("abcdef"))
def test_whatever_the_order_of_ids_every_decision_stays_with_its_picture(order):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        np.save(path / "sample_ids.npy", np.array(list(GIVEN)))
        np.save(path / "contents.npy", digests("abcdef"))
        append_decisions(path / "decisions.jsonl", [decided(i, "drop", note="abcdef"[i]) for i in range(6)])
        reading = read_file(path / "decisions.jsonl", KNOWN, contents=here("".join(order)))
    assert all(order[int(one.sample_id[-1])] == one.note for one in reading.decisions) and len(reading.decisions) == 6
