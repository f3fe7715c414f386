import pytest
from pets_gallery import CLASSES, OWL, decision

from curate.errors import UnknownNameError
from curate.publish.gallery.cards import AMBIGUOUS, MISPLACED, WRONG, count_opinions, opinion, state_of
from curate.review.verdicts import verdict_of


def verdict(*decisions):
    return verdict_of({d.who: d for d in decisions})


@pytest.mark.parametrize(
    ("decisions", "state"),
    [
        ([decision(0, "relabel", "dog")], "error"),
        ([decision(0, "accept_suggestion", OWL)], "error"),
        ([decision(0, "confirm_error")], "error"),
        ([decision(0, "drop")], "error"),
        ([decision(0, "ok")], "right"),
        ([decision(0, "relabel", "cat")], "right"),  # to the given label
        ([decision(0, "ambiguous")], "ambiguous"),
        ([decision(0, "ok"), decision(0, "confirm_error", who="ben")], "conflict"),
    ],
)
def test_a_verdict_is_one_of_the_states(decisions, state):
    assert state_of(verdict(*decisions), "cat") == state


def test_a_sample_that_nobody_decided_is_open():
    assert state_of(None, "cat") == "open"


def test_an_opinion_is_a_class_or_what_else_is_wrong():
    actions = [("ok", None), ("relabel", "dog"), ("confirm_error", None), ("ambiguous", None), ("drop", None)]
    assert [opinion(decision(0, *action), 0, CLASSES) for action in actions] == [0, 1, WRONG, AMBIGUOUS, MISPLACED]


def test_a_relabelling_and_an_accepted_suggestion_are_the_same_opinion():
    by_who = {
        "ann": decision(0, "relabel", "dog"),
        "ben": decision(0, "accept_suggestion", "dog", who="ben"),
        "eve": decision(0, "ok", who="eve"),
    }
    assert count_opinions(by_who, 0, CLASSES) == [(1, 2), (0, 1)]


def test_a_class_that_there_is_not_is_named():
    with pytest.raises(UnknownNameError, match="unknown class 'cow'"):
        opinion(decision(0, "relabel", "cow"), 0, CLASSES)
