import pytest

from curate.review.journal import Decision
from curate.review.verdicts import agreement, conflicts, standing_decisions

ACTIONS = {"r": "ok", "w": "confirm_error", "d": "drop", "a": "ambiguous"}


def standing(adjudicates=(), **judged):
    """Reviewers by name, each with one letter per sample; - where they did not decide."""
    return standing_decisions(
        Decision(str(place), ACTIONS[letter], who=who, adjudicates=who in adjudicates)
        for who, letters in judged.items()
        for place, letter in enumerate(letters)
        if letter != "-"
    )


def test_kappa_is_that_of_the_textbook():
    """20 and 15 of 50 alike, one reviewer says right 25 times and the other 30: chance agrees on half."""
    [pair] = agreement(standing(ada="r" * 20 + "r" * 5 + "w" * 10 + "w" * 15, grace="r" * 20 + "w" * 5 + "r" * 10 + "w" * 15))
    assert (pair.reviewers, pair.num_both) == (("ada", "grace"), 50)
    assert pair.observed == pytest.approx(0.7) and pair.kappa == pytest.approx((0.7 - 0.5) / 0.5)


def test_kappa_is_undefined_where_all_say_the_same():
    [pair] = agreement(standing(ada="rrr", grace="rrr"))
    assert pair.observed == 1 and pair.kappa is None


@pytest.mark.parametrize(("ada", "grace", "kappa"), [("rrr", "www", 0), ("rwa", "rwa", 1), ("rrww", "wwrr", -1), ("r", "w", 0)])
def test_kappa_of_extremes(ada, grace, kappa):
    assert agreement(standing(ada=ada, grace=grace))[0].kappa == pytest.approx(kappa)


def test_only_samples_in_common_count_and_most_in_common_come_first():
    found = agreement(standing(ada="rr--r", grace="-rwwr", alan="----w", joan="--w--"))
    assert [(pair.reviewers, pair.num_both) for pair in found] == [
        (("ada", "grace"), 2),
        (("ada", "alan"), 1),
        (("alan", "grace"), 1),
        (("grace", "joan"), 1),
    ]


def test_a_dropped_image_has_a_wrong_label():
    assert agreement(standing(ada="dr", grace="wr"))[0].observed == 1


def test_adjudications_are_no_independent_judgements():
    assert agreement(standing(ada="rr", joan="ww", adjudicates=["joan"])) == []


def test_conflicts_are_those_without_a_majority_or_an_adjudication():
    found = standing(ada="rrwr", grace="wrwr", joan="--r-")
    assert conflicts(found) == ["0"]
    assert conflicts(standing(ada="rr", grace="ww", joan="-r", adjudicates=["joan"])) == ["0"]
