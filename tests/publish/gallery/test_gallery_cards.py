import json

import pytest
from pets_gallery import CLASSES, DECISIONS, NUM, NUM_FLAGGED, OWL, decision, make_pets, pet_id

from curate.errors import DataError, UnknownNameError, UsageError
from curate.publish.gallery.cards import as_script, card_data, choose_cards
from curate.review.verdicts import standing_decisions

STANDING = standing_decisions(DECISIONS)


def numbers(cards):
    return cards.table["index"].tolist()


def data_of(table, standing=STANDING, **options):
    cards = choose_cards(table, standing)
    data = card_data(cards, "pets", CLASSES, **options)
    return {sample_id: i for i, sample_id in enumerate(data["id"])}, data


def test_flagged_and_reviewed_samples_are_shown_worst_first(pets):
    shuffled = pets[1].sample(frac=1, random_state=0)
    assert numbers(choose_cards(shuffled, STANDING)) == [*range(NUM_FLAGGED), 35]


@pytest.mark.parametrize(("only", "expected"), [("issues", [*range(NUM_FLAGGED)]), ("reviewed", [0, 1, 2, 3, 4, 35]), ("errors", [0, 4])])
def test_only_some_are_shown_if_wanted(pets, only, expected):
    assert numbers(choose_cards(pets[1], STANDING, only=only)) == expected


def test_a_limit_leaves_the_worst_and_tells_how_many_there_were(pets):
    cards = choose_cards(pets[1], STANDING, limit=3)
    assert numbers(cards) == [0, 1, 2]
    assert cards.num_found == NUM_FLAGGED + 1


def test_cards_know_the_place_of_their_picture(pets):
    cards = choose_cards(pets[1], STANDING)
    assert [pets[0].sample_ids[row] for row in cards.table.index] == cards.table["sample_id"].tolist()


def test_unlabelled_samples_are_no_cards():
    _, table = make_pets(num_unlabelled=NUM - 5)
    assert numbers(choose_cards(table, STANDING)) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("only", "reason"), [("errors", "no reviewer confirmed"), ("reviewed", "nobody decided"), (None, "nothing to show")]
)
def test_nothing_to_show_is_an_error(pets, only, reason):
    with pytest.raises(UsageError, match=reason):
        choose_cards(pets[1].assign(is_label_issue=False), {}, only=only)


def test_a_decision_on_a_sample_of_another_run_is_an_error(pets):
    with pytest.raises(DataError, match="'pets/train/999'"):
        choose_cards(pets[1], {"pets/train/999": {"ann": decision(999, "ok")}})


def test_an_unknown_choice_names_those_there_are(pets):
    with pytest.raises(UnknownNameError, match="issues, reviewed, errors"):
        choose_cards(pets[1], STANDING, only="all of them, please")


def test_data_hold_labels_state_and_correction_of_each_card(pets):
    at, data = data_of(pets[1])
    found = {
        number: (
            CLASSES[data["given"][i]],
            CLASSES[data["guessed"][i]],
            data["states"][data["state"][i]],
            CLASSES[data["corrected"][i]] if data["corrected"][i] >= 0 else None,
        )
        for number in (0, 1, 2, 3, 4, 8, 35)
        for i in [at[pet_id(number).removeprefix("pets/")]]
    }
    assert found == {
        0: ("cat", "dog", "error", "dog"),
        1: ("dog", OWL, "right", None),
        2: (OWL, "cat", "ambiguous", None),
        3: ("cat", "dog", "conflict", None),
        4: ("dog", OWL, "error", None),
        8: (OWL, "cat", "open", None),
        35: (OWL, OWL, "right", None),
    }


def test_data_count_the_reviewers_of_each_opinion(pets):
    _, data = data_of(pets[1])
    assert data["opinions"][0] == [(1, 3), (0, 1), (-1, 1)]


def test_reviewers_are_not_named(pets):
    _, data = data_of(pets[1])
    assert not any(who in as_script(data) for who in ("ann", "ben", "eve", "joe", "kim"))


def test_reviewers_are_named_if_wanted(pets):
    _, data = data_of(pets[1], with_names=True)
    assert data["reviewers"][0] == {"ann": 1, "ben": 1, "eve": 1, "joe": 0, "kim": -1}


def test_an_adjudicated_card_is_marked(pets):
    settled = standing_decisions([*DECISIONS, decision(3, "ok", who="judge", adjudicates=True)])
    at, data = data_of(pets[1], settled)
    assert data["adjudicated"] == [at["train/3"]]
    assert data["states"][data["state"][at["train/3"]]] == "right"


def test_ids_of_another_form_are_kept_whole(pets):
    table = pets[1].assign(sample_id=[f"{i:03}.png" for i in range(NUM)])
    data = card_data(choose_cards(table, {}), "pets", CLASSES)
    assert data["prefix"] == "" and data["id"][0] == "000.png"


def test_the_script_is_one_object_and_plain_ascii(pets):
    _, data = data_of(pets[1])
    script = as_script({**data, "name": "größe \u2028 </script>"})
    assert script.isascii()
    assert json.loads(script.removeprefix("window.GALLERY = ").removesuffix(";\n"))["name"] == "größe \u2028 </script>"
