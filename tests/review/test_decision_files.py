import json
from collections import Counter

import pytest

from curate.errors import DataError, UsageError
from curate.review.decision_files import read_decisions
from curate.review.verdicts import verdicts
from curate.review.votes import Known

KNOWN = Known(
    given={"p/test/0": "cat", "p/test/7": "dog", "p/train/0": None}, test_ids={0: "p/test/0", 7: "p/test/7"}, class_names=("cat", "dog")
)


@pytest.fixture
def read(tmp_path):
    def read_text(text, name="vendor.csv", **options):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_decisions(path, KNOWN, **options)

    return read_text


def told(decisions):
    return [(d.sample_id, d.action, d.label) for d in decisions]


def test_labels_alone_are_relabellings_or_agree_with_the_given_one(read):
    found = read("sample_id,label\np/test/0,dog\np/test/7,dog\np/train/0,1\n", run="pets")
    assert told(found) == [("p/test/0", "relabel", "dog"), ("p/test/7", "ok", None), ("p/train/0", "relabel", "dog")]
    assert {(d.who, d.run) for d in found} == {("vendor", "pets")} and len({d.batch for d in found}) == 1
    assert [d.given for d in found] == ["cat", "dog", None]


def test_all_columns_are_taken_over(read):
    found = read("note,sample_id,action,label,who,when,given\nfur,p/test/0,accept_suggestion,dog,ada,2025-01-01T12:00:00+02:00,dog\n")[0]
    assert (found.action, found.label, found.who, found.note, found.given) == ("accept_suggestion", "dog", "ada", "fur", "dog")
    assert found.when == "2025-01-01T10:00:00.000000+00:00"


def test_lines_without_a_name_are_by_whom_it_is_said(read):
    found = read("sample_id,action,who\np/test/0,ok,\np/test/7,drop,grace\n", who="ada")
    assert [d.who for d in found] == ["ada", "grace"]


def test_a_file_from_a_spreadsheet_is_read(read):
    text = 'sample_id,label,note\r\np/test/0,dog,"two\r\nlines\u2028of it"\r\n'
    assert read(b"\xef\xbb\xbf" + text.encode())[0].note == "two\r\nlines\u2028of it"


def test_ids_follow_from_the_content_so_that_a_grown_file_adds_only_what_is_new(read):
    first = read("sample_id,label\np/test/0,dog\n")
    grown = read("sample_id,label\np/test/0,dog\np/test/7,cat\n")
    assert grown[0].id == first[0].id and grown[1].id != first[0].id


def test_another_reviewer_is_another_decision(read):
    text = "sample_id,label\np/test/0,dog\n"
    assert read(text, who="ada")[0].id != read(text, who="grace")[0].id


def test_whoever_thinks_again_within_a_file_is_taken_by_the_last_word(read):
    found = read("sample_id,action,label\np/test/0,ok,\np/test/0,relabel,dog\np/test/0,ok,\n")
    assert len({d.id for d in found}) == 3 and verdicts(found)["p/test/0"].action == "ok"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sample_id,label\np/test/0,dog\np/test/1,dog\n", r"line 3 of .*vendor\.csv: there is no sample 'p/test/1' in this run"),
        ("sample_id,label\np/test/0,dgo\n", r"line 2 of .*: unknown class 'dgo'; did you mean dog"),
        ("sample_id,label\np/test/0,2\n", r"line 2 of .*: unknown class '2'"),
        ("sample_id,label\np/test/0," + "9" * 5000 + "\n", r"line 2 of .*: unknown class '999"),
        ("sample_id,action\np/test/0,keep\n", r"line 2 of .*: unknown action 'keep'"),
        ("sample_id,action\np/test/0,relabel\n", r"line 2 of .*: action 'relabel' on p/test/0 takes a class name"),
        ("sample_id,label\np/test/0,\n", r"line 2 of .*: sample 'p/test/0' has neither an action nor a label"),
        ("sample_id,label,when\np/test/0,dog,noon\n", r"line 2 of .*: when must be a time such as"),
        ("sample_id,label,given\np/test/0,dog,eel\n", r"line 2 of .*: unknown class 'eel'"),
        ("sample_id,label\np/test/0\n", r"line 2 of .* has 1 values, the first line 2"),
        ("sample_id,label\np/test/0,dog,cat\n", r"line 2 of .* has 3 values, the first line 2"),
        ('sample_id,label\np/test/0,"dog\n', "cannot be read as CSV"),
        ("id,label\n1,2\n", "must have the columns sample_id and label or action, found id, label"),
        ("", "found none"),
        (b"sample_id,label\n\xff", "cannot be read as CSV in UTF-8"),
    ],
)
def test_a_line_that_is_wrong_is_named(read, text, message):
    with pytest.raises(DataError, match=message):
        read(text)


@pytest.mark.parametrize("label", [{}, [], 3, 0, False, ["dog"]])
@pytest.mark.parametrize("action", ["ok", "drop", "relabel"])
def test_a_label_that_is_no_text_is_told_with_its_line(read, action, label):
    line = json.dumps({"sample_id": "p/test/0", "action": action, "label": label, "who": "ada", "when": "2026-01-31T10:00:00"})
    with pytest.raises(DataError, match=r"jsonl line 1 is not a review decision \(action '\w+' on p/test/0 takes .* as label, found "):
        read(line, name="vendor.jsonl")


def test_other_kinds_of_files_are_refused(read, tmp_path):
    with pytest.raises(DataError, match=r"found votes\.xlsx"):
        read("", "votes.xlsx")
    with pytest.raises(DataError, match="there is no file of decisions"):
        read_decisions(tmp_path, KNOWN)


def votes(**changes):
    candidate = {
        "id": 7,
        "given_original_label_name": "dog",
        "our_guessed_label_name": "cat",
        "mturk": {"given": 1, "guessed": 2, "neither": 1, "both": 1},
        **changes,
    }
    return json.dumps([{name: value for name, value in candidate.items() if value is not None}])


def actions(decisions):
    return sorted((d.action, d.label) for d in decisions)


def test_votes_are_decisions_of_five_workers(read):
    found = read(votes(), "votes.json")
    assert actions(found) == [("ambiguous", None), ("confirm_error", None), ("ok", None), ("relabel", "cat"), ("relabel", "cat")]
    assert [d.who for d in found] == [f"worker {number}" for number in range(1, 6)]
    assert {(d.sample_id, d.given, d.suggested) for d in found} == {("p/test/7", "dog", "cat")}


def test_the_same_votes_are_the_same_decisions(read):
    assert [d.id for d in read(votes(), "votes.json")] == [d.id for d in read(votes(), "again.json")]


def test_keys_that_lack_are_taken_from_others_or_count_nothing(read):
    found = read(votes(given_original_label_name=None, given_original_label=1, mturk={"given": 3}), "votes.json")
    assert actions(found) == [("ok", None)] * 3 and found[0].given == "dog"


def test_votes_for_a_suggestion_that_is_the_given_label_count_once(read):
    found = read(votes(our_guessed_label_name="dog", mturk={"given": 4, "guessed": 4, "neither": 1}), "votes.json")
    assert actions(found) == [("confirm_error", None)] + [("ok", None)] * 4


def test_who_voted_what_is_shuffled_so_that_no_worker_is_the_one_who_says_ok(tmp_path):
    ids = {position: f"p/test/{position}" for position in range(400)}
    path = tmp_path / "votes.json"
    path.write_text(json.dumps([*(json.loads(votes(id=position, mturk={"given": 1, "guessed": 4}))[0] for position in ids)]))
    found = read_decisions(path, Known(dict.fromkeys(ids.values(), "dog"), ids, ("cat", "dog")))
    counts = Counter(d.who for d in found if d.action == "ok")
    assert len(counts) == 5 and all(50 < count < 110 for count in counts.values())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (votes(id=3), r"votes\.json candidate 1: there is no test sample 3"),
        (votes(id=True), "there is no test sample True"),
        (votes(id=None), "there is no test sample None"),
        (votes(our_guessed_label_name="eel"), "candidate 1: unknown class 'eel'"),
        (votes(our_guessed_label_name=None), "expected a class under our_guessed_label_name, found None"),
        (votes(mturk=None), "mturk must hold counts of up to 5 votes"),
        (votes(mturk={"given": -1}), "mturk must hold counts"),
        (votes(mturk={"given": 1.5}), "mturk must hold counts"),
        (votes(mturk={"given": 10**9}), "mturk must hold counts"),
        (votes(mturk={"given": 3, "guessed": 3}), "mturk must hold 1 to 5 votes, found 6"),
        (votes(mturk={}), "mturk must hold 1 to 5 votes, found 0"),
        ("[1]", "candidate 1: expected an object, found 1"),
        ("{}", "must be a JSON list of candidates, found dict"),
        ("[" * 100_000, "is not readable as JSON"),
        ("", "is not readable as JSON"),
    ],
)
def test_a_candidate_that_is_wrong_is_named(read, text, message):
    with pytest.raises(DataError, match=message):
        read(text, "votes.json")


def test_votes_of_five_cannot_be_by_one(read):
    with pytest.raises(UsageError, match=r"votes\.json holds the votes of several workers"):
        read(votes(), "votes.json", who="ada")
