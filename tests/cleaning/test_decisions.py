import json
import multiprocessing
from pathlib import Path

import pytest

from curate.cleaning.decisions import ACTIONS, LABEL_ACTIONS, Decision, append_decisions, latest_decisions, read_journal
from curate.errors import DataError, StorageError, UnknownNameError

OK = Decision("mnist/test/1", "ok", who="ada", when="2025-01-01T00:00:00+00:00", note="fine: schön", run="mnist")
FIX = Decision("mnist/test/2", "relabel", "7", when="2025-01-01T00:00:01+00:00")


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "run" / "decisions.jsonl"


def test_what_is_appended_is_read_back_in_order(path):
    append_decisions(path, [OK])
    append_decisions(path, [FIX, OK])
    assert read_journal(path).decisions == (OK, FIX, OK)


def test_missing_file_is_an_empty_journal(path):
    assert read_journal(path).decisions == ()


def test_each_line_is_an_object_with_the_fields_of_the_contract(path):
    append_decisions(path, [FIX])
    assert list(json.loads(path.read_text())) == ["sample_id", "action", "label", "who", "when", "note", "run"]


def test_half_a_last_line_is_ignored_and_counted_wherever_the_crash_cut_it(path):
    append_decisions(path, [OK, FIX])
    whole = path.read_bytes()
    second = whole.index(b"\n") + 1
    for cut in range(second + 1, len(whole) - 1):
        path.write_bytes(whole[:cut])
        assert read_journal(path).decisions == (OK,) and read_journal(path).num_ignored == 1


def test_last_line_that_lacks_only_its_newline_counts(path):
    append_decisions(path, [OK, FIX])
    path.write_bytes(path.read_bytes().rstrip(b"\n"))
    assert read_journal(path).decisions == (OK, FIX)
    append_decisions(path, [OK])
    assert read_journal(path).decisions == (OK, FIX, OK)


def test_appending_after_a_crash_cuts_the_half_line_off(path):
    append_decisions(path, [OK, FIX])
    path.write_bytes(path.read_bytes()[:-9])
    append_decisions(path, [FIX])
    assert read_journal(path).decisions == (OK, FIX) and read_journal(path).num_ignored == 0


@pytest.mark.parametrize(
    "line",
    [
        b"{half",
        b"[]",
        b'{"sample_id": "a"}',
        b'{"sample_id": "a", "action": "eat", "when": ""}',
        b'{"sample_id": 1, "action": "ok", "when": ""}',
        b"\xff\xfe",
    ],
)
def test_malformed_line_elsewhere_is_named_by_its_number(path, line):
    append_decisions(path, [OK, OK])
    first, second, _ = path.read_bytes().split(b"\n")
    path.write_bytes(b"\n".join([first, line, second, b""]))
    with pytest.raises(DataError, match=r"decisions\.jsonl line 2 is not a review decision"):
        read_journal(path)


def test_last_decision_on_a_sample_wins():
    again = Decision(OK.sample_id, "drop")
    assert latest_decisions([OK, FIX, again]) == {OK.sample_id: again, FIX.sample_id: FIX}


def test_undo_takes_the_last_decision_back():
    again, undo = Decision(OK.sample_id, "drop"), Decision(OK.sample_id, "undo")
    assert latest_decisions([OK, again, undo]) == {OK.sample_id: OK}
    assert latest_decisions([OK, again, undo, undo, undo]) == {}
    assert latest_decisions([undo, OK]) == {OK.sample_id: OK}


@pytest.mark.parametrize("action", ACTIONS)
def test_exactly_the_actions_that_set_a_label_take_one(action):
    wrong = None if action in LABEL_ACTIONS else "7"
    with pytest.raises(DataError, match=f"action '{action}' on a takes"):
        Decision("a", action, wrong)


def test_unknown_action_names_the_nearest():
    with pytest.raises(UnknownNameError, match="did you mean relabel"):
        Decision("a", "relable", "7")


def test_fields_that_a_newer_version_adds_are_ignored(path):
    path.parent.mkdir()
    path.write_text('{"sample_id": "a", "action": "ok", "when": "", "mood": "good"}\n')
    assert read_journal(path).decisions[0].action == "ok"


def test_folder_that_cannot_be_made_is_a_storage_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot write"):
        append_decisions(tmp_path / "file" / "decisions.jsonl", [OK])


def _append_many(path: Path, who: str) -> None:
    for number in range(50):
        append_decisions(path, [Decision(f"{who}/{number}", "ok", who=who)] * 3)


def test_several_processes_append_at_once_without_losing_a_line(path):
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_append_many, args=(path, who)) for who in ("ada", "grace")]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    assert [writer.exitcode for writer in writers] == [0, 0]
    assert len(read_journal(path).decisions) == 300
