"""The page of a model, from made-up facts: what it says, and that it needs nothing but itself."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from made_up_facts import latency, made_up_facts

from curate.lab.figure import PALETTE, new_figure
from curate.lab.metrics import class_qualities
from curate.lab.model_page.model_page import class_floor, class_rows, mistakes, model_page
from curate.lab.model_page.model_wording import how_sure, milliseconds, short
from curate.lab.themed import VARIABLES, themed_svg

VOID = {"meta", "link", "br", "img", "hr", "input"}


def text_of(page):
    """What a reader sees, in one line."""
    inside = re.sub(r"<(style|title|svg).*?</\1>", " ", page, flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", inside)).replace("&nbsp;", " ").replace("&#39;", "'")


@pytest.fixture(scope="module")
def facts():
    return made_up_facts()


@pytest.fixture(scope="module")
def page(facts):
    return model_page(facts, "pets")


def test_the_page_is_well_formed_and_asks_for_nothing(page):
    class Check(HTMLParser):
        def __init__(self):
            super().__init__()
            self.open, self.asked = [], []

        def handle_starttag(self, tag, attributes):
            if tag not in VOID:
                self.open.append(tag)
            self.asked += [value for name, value in attributes if name in ("src", "href") and not value.startswith(("#", "data:"))]

        def handle_endtag(self, tag):
            assert self.open.pop() == tag

    check = Check()
    check.feed(page)
    assert check.open == [] and check.asked == []
    assert "@import" not in page and "url(http" not in page


def test_ids_are_unique_but_for_equal_definitions(page):
    outside = re.sub(r"<defs>.*?</defs>", "", page, flags=re.DOTALL)
    ids = re.findall(r'\bid="([^"]+)"', outside)
    assert len(ids) == len(set(ids))


def test_it_begins_with_what_the_model_is_and_how_good(facts, page):
    text, accuracy = text_of(page), facts.accuracy
    assert (
        "lenet5 (LeNet-5) is a net of 61,706 parameters that tells the 3 classes of pets apart on colour images of 32 × 32 pixels." in text
    )
    assert f"{100 * accuracy.value:.2f} % get from it the label that they have" in text.replace("\u00a0", " ")
    assert f"{100 * accuracy.low:.2f} to {100 * accuracy.high:.2f}" in text


def test_it_says_what_the_figures_were_judged_and_chosen_on_and_that_labels_err(page):
    text = text_of(page)
    assert "5 nets of this kind were trained by cross-validation" in text
    assert "the recipe is the preset default" in text and "chosen on other datasets" in text
    assert "the audit doubts 40 of them, 30 among the" in text


def test_for_the_data_that_presets_were_chosen_on_it_says_so(facts):
    on_mnist = replace(facts, meta={**facts.meta, "dataset": {**facts.meta["dataset"], "name": "mnist"}})
    assert "chosen on 10,000 training images of mnist, never on test images" in text_of(model_page(on_mnist, "mnist"))


def test_an_alternative_says_how_it_was_trained_and_how_far_it_is_off(page):
    text = text_of(page).replace("\u00a0", " ")
    assert "+1.20 (−0.40 to +2.80)" in text
    assert "preset quick: 3 epochs, 2 nets, 41 s in all, for this page" in text
    assert "not on these images" in text and "curate explain model pets --train-alternatives" in text


def test_without_alternatives_there_is_no_such_section(facts):
    assert "other nets" not in text_of(model_page(replace(facts, others=()), "pets")).lower()


def test_a_disturbed_measurement_is_told(facts, page):
    assert "Other programs had" not in page
    disturbed = replace(facts, latencies=(latency(1, 0.0003, undisturbed=0.6),))
    assert "Other programs had up to 40 % of the processor's time" in text_of(model_page(disturbed, "pets")).replace("\u00a0", " ")


def test_names_of_classes_are_escaped():
    page = model_page(made_up_facts(("<script>alert(1)</script>", "a & b", "c")), "pets")
    assert "<script" not in page and "a &amp; b" in page


def test_of_many_classes_the_most_confused_are_shown():
    text = text_of(model_page(made_up_facts(tuple(f"class {i}" for i in range(40)), num=800), "pets"))
    assert "Of 40 classes the 15 with the most mistakes are shown" in text


def test_a_class_without_samples_has_dashes_and_comes_last():
    names = ("cat", "dog", "owl")
    matrix = np.array([[9, 1, 0], [2, 8, 0], [0, 0, 0]])
    facts = made_up_facts(matrix=matrix, classes=tuple(class_qualities(matrix, names)))
    assert [row["quality"].class_name for row in class_rows(facts)] == ["dog", "cat", "owl"]
    assert class_rows(facts)[-1]["recall"] is None
    model_page(facts, "pets")


def test_a_model_without_mistakes_has_no_table_of_them():
    matrix = np.diag([5, 5, 5])
    facts = made_up_facts(matrix=matrix, classes=tuple(class_qualities(matrix, ("cat", "dog", "owl"))))
    assert "It gives every image the label of the dataset." in model_page(facts, "pets")


def test_mistakes_are_the_matrix_without_its_diagonal(facts):
    table = mistakes(facts)
    assert table["num_samples"].sum() == facts.matrix.sum() - np.trace(facts.matrix)
    assert (table["given_label"] != table["suggested_label"]).all()
    assert table["num_samples"].is_monotonic_decreasing


def test_intervals_of_classes_are_drawn_inside_their_scale(facts):
    assert class_floor(facts) < min(each.recall.low for each in facts.classes)
    for row in class_rows(facts):
        for drawn in (row["recall"], row["precision"]):
            assert 0 <= drawn["left"] <= drawn["middle"] <= drawn["left"] + drawn["width"] + 0.01 <= 100.02


def test_the_calibration_is_put_into_words():
    modest, sure, right = (how_sure(made_up_facts(sharpness=sharpness, num=3000)) for sharpness in (0.5, 2.0, 1.0))
    assert "less sure than it is right" in modest and "label smoothing" in modest and "Dividing its logits by 0." in modest
    assert "surer than it is right" in sure and "label smoothing" not in sure
    assert "taken at their word" in right


def test_figures_take_the_colours_of_the_page():
    figure, axes = new_figure()
    for i, colour in enumerate(PALETTE):
        axes[0, 0].plot([0, 1], [i, i], color=colour)
    svg = themed_svg(figure, 'a "title"')
    assert re.findall("#[0-9a-fA-F]{6}", svg) == []
    assert all(f"var({VARIABLES[colour]})" in svg for colour in PALETTE)
    assert 'aria-label="a &#34;title&#34;"' in svg and "DejaVu" not in svg


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.000321, "0.321 ms"), (0.00421, "4.21 ms"), (0.0421, "42.1 ms"), (0.421, "421 ms"), (1.2, "1.20 s")]
)
def test_times_have_three_digits(seconds, text):
    assert milliseconds(seconds) == text.replace(" ", "\u00a0")


@pytest.mark.parametrize(("number", "text"), [(61_706, "61.7 k"), (999, "999"), (4_210_000, "4.21 M"), (8.2e9, "8.20 G")])
def test_large_numbers_have_three_digits_and_a_prefix(number, text):
    assert short(number) == text.replace(" ", "\u00a0")
