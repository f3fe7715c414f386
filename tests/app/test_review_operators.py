"""The plugin's operators, run by FiftyOne itself on a real database, without a browser."""

import json
from pathlib import Path

import numpy as np
import pymongo
import pytest
import yaml
from bson import json_util

import curate.app
from curate.app.mongod import free_port
from curate.app.review.context import PATIENCE_SECONDS, is_ours_by_name
from curate.app.review.queues import check_reviewer, prepare_review
from curate.errors import UsageError
from curate.review.journal import read_journal

pytestmark = pytest.mark.db


@pytest.fixture
def fo(shapes_once):
    """The module fiftyone; what these tests make in it, `undecided` takes away."""
    import fiftyone

    return fiftyone


def test_every_operator_is_listed_for_fiftyone(review):
    import fiftyone.operators as foo

    from curate.app.review.operators import OPERATORS, in_open_sample

    listed = yaml.safe_load((Path(curate.app.__file__).parent / "plugin" / "fiftyone.yml").read_text())["operators"]
    ours = {operator.name for operator in OPERATORS} | {in_open_sample(operator).name for operator in OPERATORS if operator.in_sample}
    assert set(listed) == ours
    assert {f"@curate/review/{name}" for name in ours} <= {operator.uri for operator in foo.list_operators()}


def test_a_decision_on_selected_samples_reaches_all_of_them_and_the_journal(review):
    chosen = review.ids(review.dataset.exists("suggested").limit(2))
    requests = review.press("confirm_error", selected=chosen)
    assert set(review.labels().values()) == {"error"} and len(review.labels()) == 2
    assert [action for _, action, _ in review.journalled] == ["confirm_error"] * 2
    patches = dict(requests)["patch_samples"]["patches"]
    assert set(patches) == set(chosen) and "clear_selected_samples" in dict(requests)


def test_a_decision_in_an_open_sample_opens_the_next_undecided_of_the_view(review):
    view = review.dataset.match({"is_label_issue": True}).sort_by("rank")
    first, second, third = review.ids(view)[:3]
    assert dict(review.press("ok", opened=second, view=view))["open_sample"]["id"] == third
    assert dict(review.press("ok", opened=first, view=view))["open_sample"]["id"] == third


def test_after_the_last_undecided_sample_the_grid_comes_back(review):
    view = review.dataset.match({"is_label_issue": True}).sort_by("rank")
    *others, last = review.ids(view)
    review.press("ok", selected=others, view=view)
    requests = dict(review.press("ok", opened=last, view=view))
    assert "close_sample" in requests and "open_sample" not in requests


def test_accepting_takes_each_sample_s_own_suggestion(review):
    view = review.dataset.match({"is_label_issue": True})
    review.press("accept", selected=review.ids(view))
    suggestions = dict(zip(view.values("sample_id"), view.values("suggested.label"), strict=True))
    assert review.labels() == {sample_id: f"→ {label}" for sample_id, label in suggestions.items()}


def test_accepting_where_nothing_is_suggested_decides_nothing(review):
    chosen = review.ids(review.dataset.exists("suggested", False).limit(1)) + review.ids(review.dataset.exists("suggested").limit(1))
    requests = dict(review.press("accept", selected=chosen))
    assert "the model suggests no other label" in requests["notify"]["message"]
    assert review.labels() == {} and review.journalled == []


def test_a_key_decides_on_the_sample_that_was_seen_and_leaves_the_one_that_is_open_now(review):
    suspects = review.dataset.load_saved_view("label issues")
    seen, opened, *_ = review.ids(suspects)
    requests = dict(review.press("confirm_error", opened=opened, selected=[opened], view=suspects, seen=seen))
    assert review.labels() == {review.dataset[seen].sample_id: "error"}
    assert set(requests["patch_samples"]["patches"]) == {seen}
    assert not {"open_sample", "close_sample", "clear_selected_samples"} & requests.keys()  # the reviewer went on alone
    review.press("undo", opened=opened, view=suspects, seen=opened)
    assert review.labels() == {}


def test_a_key_in_an_open_sample_that_is_closed_by_now_decides_on_that_one_alone(review):
    seen, *others = review.ids()[:3]
    requests = dict(review.press("ok", selected=others, seen=seen))
    assert review.labels() == {review.dataset[seen].sample_id: "ok"}
    assert not {"open_sample", "close_sample", "clear_selected_samples"} & requests.keys()


@pytest.mark.parametrize("operator", ["ok", "accept", "confirm_error", "ambiguous", "drop", "similar"])
def test_a_key_in_the_grid_where_a_sample_was_opened_meanwhile_does_nothing(review, operator):
    opened, *selected = review.ids()[:3]
    requests = dict(review.press(operator, opened=opened, selected=selected, seen=None))
    assert list(requests) == ["notify"] and "a sample was opened meanwhile" in requests["notify"]["message"]
    assert review.labels() == {} and review.journalled == []


def test_relabelling_by_number_names_the_class_and_to_the_given_label_says_that_it_is_right(review):
    sample = review.dataset.match({"ground_truth.label": "square"}).first()
    review.press("relabel_to_number", selected=[sample.id], class_index=2)
    assert review.labels() == {sample.sample_id: "→ cross"}
    review.press("relabel", selected=[sample.id], label="square", note="sure")
    assert review.labels() == {sample.sample_id: "ok"} and read_journal(review.journal).decisions[-1].note == "sure"


def test_any_decision_can_carry_a_note(review):
    sample = review.dataset.first()
    review.press("relabel", selected=[sample.id], action="ambiguous", note="a disc and a cross")
    decision = read_journal(review.journal).decisions[-1]
    assert (decision.action, decision.label, decision.note) == ("ambiguous", None, "a disc and a cross")
    assert review.dataset.reload() or review.dataset[sample.id].review.note == "a disc and a cross"


def test_relabelling_to_no_class_decides_nothing(review):
    requests = dict(review.press("relabel_to_number", selected=review.ids()[:1], class_index=7))
    assert "no class number 7" in requests["notify"]["message"] and review.labels() == {}
    with pytest.raises(Exception, match="Invalid enum value"):  # FiftyOne's own check of the form
        review.press("relabel", selected=review.ids()[:1], label="squares")
    assert review.labels() == {}


def test_nothing_selected_is_told(review):
    assert "select samples first" in dict(review.press("ok"))["notify"]["message"]


def test_a_sample_that_the_user_added_takes_no_decision(review, fo):
    added = review.dataset.add_sample(fo.Sample(filepath="x.png"))
    assert "none of these samples is part of the audit" in dict(review.press("ok", selected=[added]))["notify"]["message"]
    assert review.labels() == {} and review.journalled == []


def test_undo_takes_the_last_decision_back_and_opens_its_sample(review):
    first, second = review.ids()[:2]
    review.press("ok", opened=first)
    requests = dict(review.press("undo", opened=second))
    assert review.labels() == {} and requests["open_sample"]["id"] == first
    assert requests["patch_samples"]["patches"] == {first: None}
    decision, undo = read_journal(review.journal).decisions
    assert undo.undoes == decision.id
    assert "no decision of yours" in dict(review.press("undo"))["notify"]["message"]


def test_undo_of_selected_samples_leaves_the_others(review):
    first, second = review.ids()[:2]
    review.press("ok", selected=[first])
    review.press("ok", selected=[second])
    review.press("undo", selected=[first])
    assert len(review.labels()) == 1


def test_accepting_many_asks_first_counts_and_is_one_undo(review):
    view = review.dataset.match({"is_label_issue": True})
    with pytest.raises(Exception, match="Validation error"):  # the box is not ticked
        review.press("accept_all", view=view, min_confidence=0.0)
    assert review.labels() == {}
    sure = sorted(view.values("suggested.confidence"))[1]
    num_sure = sum(confidence >= sure for confidence in view.values("suggested.confidence"))
    requests = dict(review.press("accept_all", view=view, min_confidence=sure, is_meant=True))
    assert len(review.labels()) == num_sure == len(view) - 1 and f"{num_sure} suggestions" in requests["patch_samples"]["message"]
    review.press("undo")
    assert review.labels() == {}


def test_what_is_decided_already_is_not_accepted_in_bulk(review):
    view = review.dataset.match({"is_label_issue": True})
    decided = view.first()
    review.press("ok", selected=[decided.id])
    review.press("accept_all", view=view, min_confidence=0.0, is_meant=True)
    assert review.labels()[decided.sample_id] == "ok" and len(review.labels()) == len(view)


def test_more_like_this_shows_the_nearest_by_embedding_itself_first(review, fo):
    sample = review.dataset.first()
    requests = dict(review.press("similar", opened=sample.id))
    stages = json_util.loads(json.dumps(requests["set_view"]["view"]))
    shown = fo.DatasetView._build(review.dataset, stages)
    embeddings = dict(zip(*review.dataset.values(["id", "embedding"]), strict=True))
    unit = {identity: vector / np.linalg.norm(vector) for identity, vector in embeddings.items()}
    nearest = sorted(unit, key=lambda identity: -(unit[identity] @ unit[sample.id]))
    assert shown.values("id")[:5] == nearest[:5] and nearest[0] == sample.id
    assert "close_sample" in requests


def test_the_queue_of_a_reviewer_holds_what_that_one_has_not_decided(review, monkeypatch):
    suspects = review.dataset.load_saved_view("label issues")
    review.press("ok", selected=[suspects.first().id])
    anna = review.dataset.load_saved_view(prepare_review(review.dataset, "anna"))
    ben = review.dataset.load_saved_view(prepare_review(review.dataset, "ben"))
    flagged, queued = suspects.values("rank"), ben.values("rank")
    assert queued == sorted(queued) and queued[: len(flagged)] == flagged  # and below the flags as far as looking pays
    assert anna.values("rank") == [rank for rank in queued if rank != suspects.first().rank]


def test_a_second_opinion_makes_a_conflict_and_a_third_look_settles_it(review, monkeypatch):
    sample = review.dataset.load_saved_view("label issues").first()
    review.press("ok", selected=[sample.id])
    monkeypatch.setenv("CURATE_REVIEWER", "ben")
    review.press("confirm_error", selected=[sample.id])
    assert review.labels() == {sample.sample_id: "conflict"}
    assert review.dataset.load_saved_view("conflicts").values("id") == [sample.id]
    review.press("ok", selected=[sample.id])
    assert review.labels() == {sample.sample_id: "ok"} and read_journal(review.journal).decisions[-1].adjudicates


@pytest.fixture
def conflict(review, monkeypatch):
    """A sample that anna and ben do not agree about, while cleo reviews."""
    sample = review.dataset.load_saved_view("label issues").first()
    review.press("ok", selected=[sample.id])
    monkeypatch.setenv("CURATE_REVIEWER", "ben")
    review.press("confirm_error", selected=[sample.id])
    monkeypatch.setenv("CURATE_REVIEWER", "cleo")
    return sample


def test_a_third_reviewers_first_decision_is_one_more_vote(review, conflict):
    review.press("ambiguous", selected=[conflict.id])
    assert review.labels() == {conflict.sample_id: "conflict"} and not read_journal(review.journal).decisions[-1].adjudicates


def test_whoever_decides_in_the_queue_of_conflicts_settles_them(review, conflict):
    review.press("ambiguous", selected=[conflict.id], view=review.dataset.load_saved_view("conflicts"))
    assert review.labels() == {conflict.sample_id: "ambiguous"} and read_journal(review.journal).decisions[-1].adjudicates


def test_the_queue_of_conflicts_goes_on_to_the_next_also_for_those_who_made_them(review, monkeypatch):
    first, second = review.ids(review.dataset.load_saved_view("label issues").limit(2))
    for who, action in (("anna", "ok"), ("ben", "confirm_error")):
        monkeypatch.setenv("CURATE_REVIEWER", who)
        review.press(action, selected=[first, second])
    queue = review.dataset.load_saved_view("conflicts")
    assert dict(review.press("next", view=queue))["open_sample"]["id"] == first
    assert dict(review.press("ok", opened=first, view=queue))["open_sample"]["id"] == second
    assert "close_sample" in dict(review.press("ok", opened=second, view=queue))


def test_conflicts_are_not_settled_in_bulk(review, conflict):
    view = review.dataset.load_saved_view("label issues")
    review.press("accept_all", view=view, min_confidence=0.0, is_meant=True)
    assert review.labels()[conflict.sample_id] == "conflict" and len(review.labels()) == len(view)


def test_a_dataset_that_curate_did_not_make_has_no_buttons_and_takes_no_decision(review, pressing, fo):
    from curate.app.review.operators import OPERATORS

    dataset = fo.Dataset("foreign")
    dataset.add_sample(fo.Sample(filepath="x.png"))
    foreign = pressing(dataset, review.journal)
    assert "not made by curate" in dict(foreign.press("ok", selected=foreign.ids()))["notify"]["message"]
    assert num_buttons(dataset) == 0 and num_buttons(review.dataset) == sum(one.in_grid + one.in_sample for one in OPERATORS)


def num_buttons(dataset):
    """How many of the operators FiftyOne's server gives a button, in the grid or in the open sample."""
    import fiftyone.operators as foo
    from fiftyone.operators.executor import resolve_placement

    asked = {"dataset_name": dataset.name, "dataset_id": str(dataset._doc.id)}
    ours = [operator for operator in foo.list_operators() if operator.uri.startswith("@curate/review/")]
    return sum(resolve_placement(operator, asked) is not None for operator in ours)


def test_a_dataset_is_ours_by_its_mark_alone(review, fo):
    fo.Dataset("foreign")
    marked = fo.Dataset("half-marked")
    marked.info = {"curate": "no"}
    marked.save()
    assert is_ours_by_name("shapes")
    assert not any(map(is_ours_by_name, ["foreign", "half-marked", "not there"]))


def test_a_page_without_a_dataset_yet_gets_the_buttons(review):
    assert is_ours_by_name(None)


def test_a_page_that_asks_while_the_database_is_away_gets_the_buttons_after_one_short_wait(review, monkeypatch):
    import fiftyone.core.odm as odm

    asked = []

    nobody = pymongo.MongoClient("127.0.0.1", free_port(), serverSelectionTimeoutMS=20_000)
    dataset = review.dataset
    everything = num_buttons(dataset)
    monkeypatch.setattr(odm, "get_db_conn", lambda: asked.append(True) or nobody["fiftyone"])
    assert num_buttons(dataset) == everything > 10
    assert len(asked) == 1 and PATIENCE_SECONDS <= 2  # not once for each operator
    nobody.close()


def test_two_reviewers_whose_queues_fiftyone_cannot_tell_apart_are_told(review):
    prepare_review(review.dataset, "ben")
    with pytest.raises(UsageError, match=r"already, which FiftyOne does not tell from 'to review \(Ben\)'"):
        prepare_review(review.dataset, "Ben")
    assert prepare_review(review.dataset, "ben") == "to review (ben)"


@pytest.mark.parametrize("name", ["", "a" * 41, "<b>", "../x", " anna"])
def test_a_name_that_cannot_be_shown_is_refused(name):
    with pytest.raises(UsageError, match="a reviewer's name has"):
        check_reviewer(name)
