"""What there is to review, and in which order."""

import numpy as np
import pytest
from review_run import NUM, NUM_FLAGGED

from curate.errors import UnknownNameError
from curate.options import NUM_CHECK, Shown
from curate.publish.review_page.deck import make_deck
from curate.review import estimates


@pytest.fixture
def sure(run):
    """The run with error probabilities: 0.9 of the 40 flagged, 0.06 of the 30 after them, 0.01 of the others."""
    table = run.load_table("issues.parquet", verb="find")
    table["error_probability"] = np.repeat([0.9, 0.06, 0.01], [NUM_FLAGGED, 30, NUM - NUM_FLAGGED - 30])
    table.to_parquet(run.path / "issues.parquet")
    return run


def kinds(deck):
    return {name: deck.data["kind"].count(name) for name in dict.fromkeys(deck.data["kind"])}


def test_suspects_come_worst_first_then_the_check_then_what_is_less_suspect(sure, zoo):
    deck = make_deck(sure, zoo, Shown(check=20))
    assert list(kinds(deck)) == ["suspect", "check", "less"] and kinds(deck)["suspect"] == NUM_FLAGGED
    assert deck.rows[:NUM_FLAGGED].tolist() == list(range(NUM_FLAGGED))
    checked, less = deck.rows[NUM_FLAGGED : NUM_FLAGGED + 20].tolist(), deck.rows[NUM_FLAGGED + 20 :].tolist()
    assert less == sorted(set(range(NUM_FLAGGED, NUM_FLAGGED + 30)) - set(checked))
    assert deck.data["probability"][0] == pytest.approx(0.9) and len(deck.data["probability"]) == len(deck)


def test_a_limit_holds_for_suspects_and_less_suspect_ones_together(sure, zoo):
    assert kinds(make_deck(sure, zoo, Shown(check=0, limit=10))) == {"suspect": 10}
    assert kinds(make_deck(sure, zoo, Shown(check=0, limit=50))) == {"suspect": NUM_FLAGGED, "less": 10}
    assert kinds(make_deck(sure, zoo, Shown(only="issues"))) == {"suspect": NUM_FLAGGED}


def test_without_probabilities_there_are_suspects_and_check_and_no_estimate(run, zoo):
    deck = make_deck(run, zoo)
    assert list(kinds(deck)) == ["suspect", "check"] and deck.data["probability"] is None
    assert kinds(deck)["check"] == min(NUM_CHECK, NUM - NUM_FLAGGED)


def test_what_a_gallery_shows_and_a_review_page_does_not_is_refused(run, zoo):
    with pytest.raises(UnknownNameError, match="choice of pictures to review 'errors'"):
        make_deck(run, zoo, Shown(only="errors"))


def test_errors_among_the_suspects_are_the_sum_of_their_probabilities_until_decisions_say_otherwise():
    codes, probability = np.full(40, estimates.UNDECIDED), np.full(40, 0.9)
    before = estimates.errors_among(codes, probability)
    assert before.value == pytest.approx(36) and before.low < 36 < before.high <= 40
    codes[:20] = estimates.RIGHT
    assert estimates.errors_among(codes, probability).value < 10
    codes[:20] = estimates.WRONG
    assert 36 < estimates.errors_among(codes, probability).value <= 40
    assert estimates.errors_among(codes, np.where(np.arange(40) == 3, np.nan, 0.9)) is None
