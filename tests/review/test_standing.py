from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.errors import DataError
from curate.review.journal import ACTIONS, LABEL_ACTIONS, Decision
from curate.review.verdicts import judgement, standing_decisions, verdict_of, verdicts


def at(second, sample_id="a", action="ok", label=None, who="ada", **more):
    return Decision(sample_id, action, label, who=who, when=f"2025-01-01T00:00:{second:02}+00:00", given="cat", **more)


def verdict(*decisions):
    found = verdicts(decisions)["a"]
    return found.action, found.label


@st.composite
def journals(draw):
    """Decisions of three reviewers on three samples; no reviewer decides twice at once."""
    journal = []
    for second in draw(st.permutations(range(draw(st.integers(0, 25))))):
        action = draw(st.sampled_from(ACTIONS))
        label = draw(st.sampled_from(["cat", "dog"])) if action in LABEL_ACTIONS else None
        who, sample_id = draw(st.sampled_from(["ada", "grace", "alan"])), draw(st.sampled_from("abc"))
        journal.append(at(second, sample_id, action, label, who, adjudicates=draw(st.booleans())))
    return journal


@given(journals(), st.integers(0, 25))
def test_journals_can_be_put_together_in_any_order(journal, cut):
    first, second = journal[:cut], journal[cut:]
    assert standing_decisions(first + second) == standing_decisions(second + first)
    assert verdicts(first + second) == verdicts(second + first)


@given(journals(), st.data())
def test_decisions_that_come_twice_count_once(journal, data):
    again = data.draw(st.lists(st.sampled_from(journal))) if journal else []
    assert standing_decisions(journal + again) == standing_decisions(journal)


@given(journals(), st.sampled_from([action for action in ACTIONS if action != "undo"]), st.sampled_from(["ada", "new"]))
def test_undo_restores_the_state_before(journal, action, who):
    label = "dog" if action in LABEL_ACTIONS else None
    decided = at(58, "a", action, label, who)
    assert standing_decisions([*journal, decided])["a"][who] == decided
    assert standing_decisions([*journal, decided, at(59, "a", "undo", who=who)]) == standing_decisions(journal)


@given(journals())
def test_one_reviewer_never_changes_anothers_decision(journal):
    together = standing_decisions(journal)
    for who in ("ada", "grace", "alan"):
        alone = standing_decisions([d for d in journal if d.who == who])
        assert {s: by[who] for s, by in together.items() if who in by} == {s: by[who] for s, by in alone.items()}


@given(journals())
@settings(max_examples=50)
def test_samples_and_reviewers_are_those_of_the_standing_decisions(journal):
    standing = standing_decisions(journal)
    for sample_id, found in verdicts(journal).items():
        by_who = standing[sample_id]
        assert found.num_reviewers == len(by_who) > 0 and set(found.who) <= by_who.keys()
        assert found.is_adjudicated == any(d.adjudicates for d in by_who.values())
        assert found.action in {d.action for d in by_who.values()} | {"conflict", "ok"} - {"undo"}


def test_the_last_decision_of_a_reviewer_counts():
    assert verdict(at(1), at(2, action="drop")) == ("drop", None)
    assert verdict(at(2, action="drop"), at(1)) == ("drop", None)


def test_decisions_at_the_same_time_count_in_the_order_of_the_journal():
    assert verdict(at(1), at(1, action="drop")) == ("drop", None)
    assert verdict(at(1, action="drop"), at(1)) == ("ok", None)


def test_undo_of_everything_leaves_nothing():
    assert verdicts([at(0, action="undo"), at(1), at(2, action="undo"), at(3, action="undo")]) == {}


def test_undo_that_names_its_decision_holds_though_a_clock_was_set_back_between_them():
    first, second = at(3), at(9, action="drop")
    undo = at(5, action="undo", undoes=second.id)
    assert standing_decisions([first, second, undo]) == {"a": {"ada": first}}
    assert standing_decisions([first, second, at(1, action="undo", undoes=first.id)]) == {"a": {"ada": second}}


def test_undo_that_names_anothers_decision_takes_nothing_back():
    decided = at(1)
    assert standing_decisions([decided, at(2, who="grace", action="undo", undoes=decided.id)]) == {"a": {"ada": decided}}
    assert standing_decisions([decided, at(2, "b", action="undo", undoes=decided.id)]) == {"a": {"ada": decided}}


def test_undo_takes_back_only_ones_own_decision():
    decided = at(1)
    assert standing_decisions([decided, at(2, who="grace", action="undo")]) == {"a": {"ada": decided}}


A_CAT, A_DOG = at(1), at(1, action="relabel", label="dog")
G_CAT, G_DOG = at(2, who="grace"), at(2, action="accept_suggestion", label="dog", who="grace")
L_CAT, L_ERROR = at(3, who="alan", action="relabel", label="cat"), at(3, who="alan", action="confirm_error")


@pytest.mark.parametrize(
    ("decisions", "expected", "who"),
    [
        ([A_DOG], ("relabel", "dog"), ("ada",)),
        ([A_DOG, G_DOG], ("accept_suggestion", "dog"), ("ada", "grace")),
        ([A_CAT, G_DOG], ("conflict", None), ("ada", "grace")),
        ([A_DOG, G_DOG, L_CAT], ("accept_suggestion", "dog"), ("ada", "grace")),
        ([A_CAT, G_CAT, L_CAT], ("ok", None), ("ada", "alan", "grace")),
        ([A_CAT, G_DOG, L_CAT], ("ok", None), ("ada", "alan")),
        ([A_CAT, G_DOG, L_ERROR], ("conflict", None), ("ada", "alan", "grace")),
        ([A_CAT, G_CAT, L_ERROR, at(4, who="joan", action="drop")], ("conflict", None), ("ada", "alan", "grace", "joan")),
    ],
)
def test_more_than_half_decide_and_less_is_a_conflict(decisions, expected, who):
    found = verdicts(decisions)["a"]
    assert (found.action, found.label, found.who) == (*expected, who)
    assert found.num_reviewers == len(decisions) and not found.is_adjudicated


def test_adjudication_settles_a_conflict_whoever_decides_later():
    settled = at(3, who="joan", action="relabel", label="eel", adjudicates=True, note="fins")
    found = verdicts([A_CAT, G_DOG, settled, at(9, who="alan"), at(9, who="carl")])["a"]
    assert (found.action, found.label, found.who, found.note) == ("relabel", "eel", ("joan",), "fins")
    assert found.is_adjudicated and found.num_reviewers == 5


def test_the_last_standing_adjudication_wins():
    first, second = at(3, adjudicates=True), at(4, who="grace", action="drop", adjudicates=True)
    assert verdict(second, first) == ("drop", None)
    assert verdict(first, second, at(5, who="grace", action="undo")) == ("ok", None)


def test_relabelling_to_the_given_label_says_that_it_is_right():
    assert verdict(at(1, action="relabel", label="cat")) == ("ok", None)
    assert verdict(replace(at(1, action="relabel", label="cat"), given=None)) == ("relabel", "cat")


@pytest.mark.parametrize(
    ("action", "label", "expected"),
    [
        ("ok", None, "right"),
        ("relabel", "cat", "right"),
        ("relabel", "dog", "wrong"),
        ("confirm_error", None, "wrong"),
        ("drop", None, "wrong"),
        ("ambiguous", None, "ambiguous"),
    ],
)
def test_judgement_is_about_the_given_label(action, label, expected):
    assert judgement(at(1, action=action, label=label)) == expected


def test_no_decision_is_no_verdict():
    with pytest.raises(DataError, match="at least one standing decision"):
        verdict_of({})
