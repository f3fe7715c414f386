"""Decisions in journal, log and field: none is lost, none overwrites another's."""

import os
import threading

import pytest

from curate.app.dataset import build, build_dataset
from curate.app.review import panel_facts
from curate.app.review.store import LOG, ReviewStore
from curate.errors import DatabaseError
from curate.review.journal import IMPORTED, Decision, append_decisions, read_journal
from curate.run import Run

pytestmark = pytest.mark.db


@pytest.fixture
def built(undecided):
    return undecided


@pytest.fixture
def store(built):
    return ReviewStore(*built)


@pytest.fixture
def own(fo, shapes, make_run):
    """As `built`, for a test that builds again."""
    run = make_run(shapes)
    build_dataset(run, shapes)
    fo.core.odm.get_db_conn()[LOG].delete_many({})
    return fo.load_dataset("shapes"), run.path / "decisions.jsonl"


def decided(sample_id, action="ok", label=None, who="anna", **more):
    return Decision(sample_id, action, label, who=who, **more)


def reviews(dataset):
    dataset.reload()
    return {sample.sample_id: sample.review for sample in dataset.exists("review.label")}


def test_a_recorded_decision_is_in_journal_log_and_field(store, built):
    dataset, journal = built
    decision = decided("shapes/train/0", "accept_suggestion", "disc", note="clear")
    patches = store.record([decision])
    assert read_journal(journal).decisions == (decision,)
    assert store.decisions(["shapes/train/0"])["shapes/train/0"]["anna"] == decision
    review = reviews(dataset)["shapes/train/0"]
    assert (review.label, review.action, review.final, review.reviewers, review.note) == (
        "→ disc",
        "accept_suggestion",
        "disc",
        ["anna"],
        "clear",
    )
    sample = dataset.match({"sample_id": "shapes/train/0"}).first()
    assert list(patches) == [sample.id] and patches[sample.id]["label"] == "→ disc"


def test_undo_gives_the_field_back_what_stood_before(store, built):
    store.record([decided("shapes/train/1")])
    store.record([decided("shapes/train/1", "ambiguous")])
    store.record([Decision("shapes/train/1", "undo", who="anna")])
    assert reviews(built[0])["shapes/train/1"].label == "ok"
    store.record([Decision("shapes/train/1", "undo", who="anna")])
    assert reviews(built[0]) == {}


def test_two_reviewers_keep_their_decisions_and_their_conflict_shows(built):
    anna, ben = ReviewStore(*built), ReviewStore(built[0], built[1].with_name("ben.jsonl"))
    anna.record([decided("shapes/train/2")])
    ben.record([decided("shapes/train/2", "relabel", "disc", who="ben")])
    review = reviews(built[0])["shapes/train/2"]
    assert review.label == "conflict" and review.reviewers == ["anna", "ben"]
    assert set(anna.decisions(["shapes/train/2"])["shapes/train/2"]) == {"anna", "ben"}
    anna.record([decided("shapes/train/2", "relabel", "disc", adjudicates=True)])
    assert reviews(built[0])["shapes/train/2"].label == "→ disc" and reviews(built[0])["shapes/train/2"].is_adjudicated


def test_two_servers_that_decide_at_once_leave_a_field_that_knows_both(built):
    stores = {who: ReviewStore(built[0], built[1].with_name(f"{who}.jsonl")) for who in ("anna", "ben", "cleo")}
    ids = [f"shapes/train/{i}" for i in range(20)]

    def review(who):
        for sample_id in ids:
            stores[who].record([decided(sample_id, who=who)])

    threads = [threading.Thread(target=review, args=[who]) for who in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {tuple(review.reviewers) for review in reviews(built[0]).values()} == {("anna", "ben", "cleo")}
    assert len(reviews(built[0])) == 20


def test_the_database_is_made_again_from_the_journal(store, built):
    store.record([decided("shapes/train/3", "confirm_error"), decided("shapes/train/4")])
    store.samples.update_many({}, {"$unset": {"review": ""}})
    store.log.delete_many({})
    assert store.sync() == (2, 0)
    assert {sample_id: review.label for sample_id, review in reviews(built[0]).items()} == {
        "shapes/train/3": "error",
        "shapes/train/4": "ok",
    }
    assert store.sync() == (0, 0)


def test_the_journal_gets_what_another_machine_decided(store, built):
    other = ReviewStore(built[0], built[1].with_name("elsewhere.jsonl"))
    other.record([decided("shapes/train/6", who="ben")])
    store.record([decided("shapes/train/7")])
    assert store.sync() == (0, 1)
    assert {decision.who for decision in read_journal(built[1]).decisions} == {"anna", "ben"}


def test_a_journal_that_was_written_while_the_database_was_away_is_shown_at_the_next_opening(store, built):
    append_decisions(built[1], [decided("shapes/train/8")])
    store.sync()
    assert reviews(built[0])["shapes/train/8"].label == "ok"


def test_a_decision_about_a_sample_that_is_not_there_is_kept_and_shows_nowhere(store, built):
    append_decisions(built[1], [decided("shapes/train/999"), decided("shapes/train/8")])
    assert store.sync() == (2, 0)
    assert set(reviews(built[0])) == {"shapes/train/8"}
    assert [decision.sample_id for decision in read_journal(built[1]).decisions] == ["shapes/train/999", "shapes/train/8"]


def test_a_dead_database_is_told_and_the_decision_is_kept_for_later(store, built):
    from pymongo import MongoClient

    alive = store.log
    dead = MongoClient("mongodb://127.0.0.1:9", serverSelectionTimeoutMS=200)
    store.log = dead["x"]["y"]
    with pytest.raises(DatabaseError, match=r"1 decisions are safe in .*decisions\.jsonl"):
        store.record([decided("shapes/train/9")])
    dead.close()
    store.log = alive
    store.record([decided("shapes/train/10")])
    assert set(reviews(built[0])) == {"shapes/train/9", "shapes/train/10"}


def test_a_decision_about_another_given_label_leaves_the_sample_open(store, built):
    dataset, _ = built
    given = dataset.match({"sample_id": "shapes/train/1"}).first().ground_truth.label
    store.record([decided("shapes/train/1", given="another")])
    review = reviews(dataset)["shapes/train/1"]
    assert (review.label, review.action, review.final, review.reviewers) == ("label changed", "stale", None, [])
    assert review.is_changed and "shapes/train/1" in dataset.load_saved_view("changed since review").values("sample_id")
    store.record([decided("shapes/train/1", given=given, who="ben")])
    assert reviews(dataset)["shapes/train/1"].reviewers == ["ben"] and reviews(dataset)["shapes/train/1"].final == given


def test_undo_takes_back_the_whole_last_batch_of_that_reviewer_only(store):
    store.record([decided("shapes/train/11", who="ben", batch="b")])
    store.record([decided("shapes/train/12"), decided("shapes/train/13")])
    store.record([decided("shapes/train/14", batch="b"), decided("shapes/train/15", batch="b")])
    assert {one.sample_id for one in store.last_of("anna")} == {"shapes/train/14", "shapes/train/15"}
    assert {one.sample_id for one in store.last_of("anna", ["shapes/train/12"])} == {"shapes/train/12"}
    assert store.last_of("cleo") == []


def test_undo_without_a_selection_leaves_what_was_imported(store):
    store.record([decided("shapes/train/11")])
    store.record([decided("shapes/train/12", batch=f"{IMPORTED}x"), decided("shapes/train/13", batch=f"{IMPORTED}x")])
    assert [one.sample_id for one in store.last_of("anna")] == ["shapes/train/11"]
    assert [one.sample_id for one in store.last_of("anna", ["shapes/train/12"])] == ["shapes/train/12"]


def test_the_last_word_stands_where_the_clock_was_set_back(store, built):
    dataset, journal = built
    sample_id = dataset.first().sample_id
    store.record([decided(sample_id, "drop", when="2999-01-01T00:00:00+00:00")])
    store.record([decided(sample_id, "ok")])
    assert reviews(dataset)[sample_id].action == "ok"
    again = ReviewStore(dataset, journal)  # another day, the clock still wrong
    again.sync()
    again.record([decided(sample_id, "ambiguous")])
    assert reviews(dataset)[sample_id].action == "ambiguous"


def test_another_audit_keeps_decisions_and_marks_those_about_another_suggestion(own, shapes):
    dataset, journal = own
    store = ReviewStore(dataset, journal)
    run = Run.open(journal.parent)
    table = run.load_table("issues.parquet", verb="find").set_index("sample_id")
    for sample_id in ("shapes/train/0", "shapes/train/12"):
        facts = {"given": table.given_label[sample_id], "suggested": table.suggested_label[sample_id]}
        store.record([Decision(sample_id, "ok", who="anna", **facts)])
    assert not any(review.is_changed for review in reviews(dataset).values())
    table.loc["shapes/train/12", "suggested_label"] = "another"
    table.reset_index().to_parquet(run.path / "issues.parquet")
    build_dataset(run, shapes)
    assert set(reviews(dataset)) == {"shapes/train/0", "shapes/train/12"}
    assert dataset.load_saved_view("changed since review").values("sample_id") == ["shapes/train/12"]


def test_a_deleted_dataset_comes_back_with_its_decisions(own, shapes, fo):
    ReviewStore(*own).record([decided("shapes/train/3", "confirm_error")])
    own[0].delete()
    build_dataset(Run.open(own[1].parent), shapes)
    assert reviews(fo.load_dataset("shapes"))["shapes/train/3"].label == "error"


def test_missed_errors_are_counted_among_labelled_samples(own, shapes, monkeypatch):
    dataset, store = own[0], ReviewStore(*own)
    flags = dict(zip(dataset.values("sample_id"), dataset.values("is_label_issue"), strict=True))
    labelled = set(shapes.sample_ids[shapes.labels >= 0].tolist())
    assert any(not flag for sample_id, flag in flags.items() if sample_id not in labelled)  # one is not labelled, and not flagged
    counted = []
    monkeypatch.setattr(panel_facts, "missed_errors", lambda num_unflagged, *rest: counted.append(num_unflagged))
    checked = next(sample["sample_id"] for sample in store.samples.find({"check_rank": 1}))
    store.record([decided(checked, "confirm_error")])
    panel_facts.summarize(store, "anna")
    assert counted == [sum(not flag for sample_id, flag in flags.items() if sample_id in labelled)]


@pytest.mark.skipif(os.name != "posix", reason="read-only folders are POSIX's")
def test_a_run_that_cannot_be_written_is_built_and_nothing_is_noted_there(own, shapes, make_run, monkeypatch):
    _, journal = own
    run = Run.open(journal.parent)
    append_decisions(journal, [decided(shapes.sample_ids[0], "drop")])
    before = {path.name: path.stat().st_mtime_ns for path in journal.parent.iterdir()}
    monkeypatch.setattr(os, "access", lambda path, mode, **options: not mode & os.W_OK)  # root may write into any folder
    told = build(run, shapes)
    monkeypatch.undo()
    assert told["num_samples"] == len(shapes)
    assert {path.name: path.stat().st_mtime_ns for path in journal.parent.iterdir()} == before
