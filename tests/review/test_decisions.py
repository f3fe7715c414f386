import errno
import json
import multiprocessing
import os
import subprocess
import sys
from pathlib import Path

import pytest

from curate.errors import DataError, StorageError, UnknownNameError
from curate.review.journal import ACTIONS, LABEL_ACTIONS, Decision, append_decisions, read_journal

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
    written = json.loads(path.read_text())
    assert list(written)[:7] == ["sample_id", "action", "label", "who", "when", "note", "run"]
    assert list(written)[7:] == ["given", "suggested", "is_label_issue", "batch", "adjudicates", "id", "undoes"]


def test_lines_of_older_versions_are_read_and_keep_the_same_id(path):
    path.parent.mkdir()
    old = '{"sample_id": "a", "action": "ok", "label": null, "who": "ada", "when": "2025-01-01T00:00:00+00:00", "note": "", "run": "r"}\n'
    path.write_text(old + old.replace("ada", "grace"))
    first, second = read_journal(path).decisions
    assert (first.given, first.suggested, first.batch, first.adjudicates) == (None, None, "", False)
    assert (first, second) == read_journal(path).decisions and first.id != second.id


def test_decisions_get_ids_of_their_own():
    assert Decision("a", "ok").id != Decision("a", "ok").id


@pytest.mark.parametrize(
    "when", ["2025-01-01T12:00:00+02:00", "2025-01-01T10:00:00Z", "2025-01-01 10:00", "2025-01-01T10:00:00.000000+00:00"]
)
def test_times_are_kept_in_utc_to_the_microsecond(when):
    assert Decision("a", "ok", when=when).when == "2025-01-01T10:00:00.000000+00:00"


@pytest.mark.parametrize("when", ["", "yesterday", "2025-13-01T00:00:00", "0001-01-01T00:00:00+12:00"])
def test_time_that_is_none_is_told(when):
    with pytest.raises(DataError, match="when must be a time such as"):
        Decision("a", "ok", when=when)


@pytest.mark.parametrize(
    "fields",
    [
        {"given": 4},
        {"suggested": []},
        {"adjudicates": 1},
        {"is_label_issue": "yes"},
        {"batch": None},
        {"id": ""},
        {"id": 7},
        {"undoes": 7},
    ],
)
def test_field_of_another_type_is_told(fields):
    with pytest.raises(DataError, match=r"must be|needs an id"):
        Decision("a", "ok", **fields)


def test_only_undo_takes_something_back():
    with pytest.raises(DataError, match="action 'ok' on a takes nothing back, found undoes 'x'"):
        Decision("a", "ok", undoes="x")


def test_half_a_last_line_is_ignored_and_counted_wherever_the_crash_cut_it(path):
    append_decisions(path, [OK, FIX])
    whole = path.read_bytes()
    second = whole.index(b"\n") + 1
    for cut in range(second + 1, len(whole) - 1):
        path.write_bytes(whole[:cut])
        assert read_journal(path).decisions == (OK,) and read_journal(path).num_ignored == 1


def test_line_cut_inside_a_character_is_ignored_and_counted(path):
    append_decisions(path, [OK])
    half = json.dumps({"sample_id": "b", "action": "ok", "when": OK.when, "note": "schön"}, ensure_ascii=False).encode()
    with path.open("ab") as file:
        file.write(half[: half.index("ö".encode()) + 1])
    assert read_journal(path).decisions == (OK,) and read_journal(path).num_ignored == 1
    append_decisions(path, [FIX])
    assert read_journal(path).decisions == (OK, FIX)


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
        b'{"sample_id": "a", "action": "ok", "when": "never"}',
        b"[" * 100_000,
        b"\xff\xfe",
    ],
)
def test_malformed_line_elsewhere_is_named_by_its_number(path, line):
    append_decisions(path, [OK, OK])
    first, second, _ = path.read_bytes().split(b"\n")
    path.write_bytes(b"\n".join([first, line, second, b""]))
    with pytest.raises(DataError, match=r"decisions\.jsonl line 2 is not a review decision"):
        read_journal(path)


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
    path.write_text('{"sample_id": "a", "action": "ok", "when": "2025-01-01", "mood": "good"}\n')
    assert read_journal(path).decisions[0].action == "ok"


def test_folder_that_cannot_be_made_is_a_storage_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot write"):
        append_decisions(tmp_path / "file" / "decisions.jsonl", [OK])


def test_full_disk_adds_none_of_the_decisions(path, monkeypatch):
    append_decisions(path, [OK])
    before = path.read_bytes()
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(errno.ENOSPC, "full")))
    with pytest.raises(StorageError, match="the disk is full"):
        append_decisions(path, [FIX, FIX])
    assert path.read_bytes() == before


def test_appending_reads_no_more_than_the_last_line(path):
    """A gap of a terabyte before that line would take hours to read."""
    path.parent.mkdir()
    with path.open("wb") as file:
        file.seek(2**40)
        file.write(b"\n")
    append_decisions(path, [OK])
    with path.open("rb") as file:
        file.seek(2**40 + 1)
        assert json.loads(file.read())["id"] == OK.id


@pytest.mark.parametrize("length", [10, 4096, 9000])
def test_long_half_line_is_cut_off_whole(path, length):
    append_decisions(path, [OK])
    with path.open("ab") as file:
        file.write(b"x" * length)
    append_decisions(path, [FIX])
    assert read_journal(path).decisions == (OK, FIX)


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


ENDLESS = """
import sys
from pathlib import Path
from curate.review.journal import Decision, append_decisions
while True:
    batch = [Decision(f"sample/{number}", "ok", note="long " * 2000) for number in range(5)]
    append_decisions(Path(sys.argv[1]), batch)
    print(*(decision.id for decision in batch), flush=True)
"""


def test_a_killed_writer_loses_nothing_that_it_told(path):
    told = []
    for num_lines in (3, 10, 25):
        writer = subprocess.Popen([sys.executable, "-c", ENDLESS, path], stdout=subprocess.PIPE, text=True)
        lines = [writer.stdout.readline() for _ in range(num_lines)]
        writer.kill()
        lines += writer.communicate()[0].splitlines()
        told += [id_ for line in lines for id_ in line.split() if len(id_) == 32]
    journal = read_journal(path)
    assert len(told) >= 5 * 38 and set(told) <= {decision.id for decision in journal.decisions}
