"""A gallery of 50,000 cards opens at once and keeps few of them in the document; long names of many classes can be read."""

import shutil

import numpy as np
import pandas as pd
import pytest

from curate.data.image_set import ImageSet
from curate.publish.gallery.cards import choose_cards
from curate.publish.gallery.site import write_site

pytestmark = pytest.mark.app
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
N, K = 50_000, 100


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    generator = np.random.default_rng(0)
    labels, guessed = generator.integers(0, K, (2, N))
    names = np.array([f"class {k}" for k in range(K)], dtype=object)
    ids = np.array([f"many/train/{i}" for i in range(N)])
    images = np.broadcast_to(generator.integers(0, 256, (1, 1, 4, 4), dtype=np.uint8), (N, 1, 4, 4))
    splits = np.full(N, "train")
    table = pd.DataFrame(
        {
            "sample_id": ids,
            "split": splits,
            "index": np.arange(N),
            "given_label": names[labels],
            "predicted_label": names[guessed],
            "suggested_label": names[guessed],
            "label_quality": np.linspace(0, 0.2, N),
            "is_label_issue": True,
            "rank": 1 + np.arange(N),
        }
    )
    image_set = ImageSet("many", images, labels, ids, splits, tuple(names))
    meta = {"dataset": {"name": "many", "origin": {}}}
    return write_site(tmp_path_factory.mktemp("many") / "site", choose_cards(table, {}), image_set, table, meta).as_uri()


@pytest.fixture(scope="module")
def page(address):
    if CHROMIUM is None:
        pytest.skip("no chromium on the PATH; install Debian's package chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        opened = browser.new_page(viewport={"width": 1366, "height": 800})
        opened.goto(address)
        opened.wait_for_selector("#cards li")
        yield opened
        browser.close()


def num_cards(page):
    return page.locator("#cards li").count()


def test_few_cards_are_in_the_document_wherever_one_scrolls(page):
    for share in (0, 0.5, 1):
        page.evaluate("share => scrollTo(0, share * document.body.scrollHeight)", share)
        page.wait_for_timeout(100)
        assert 5 <= num_cards(page) <= 120


def test_the_last_card_is_reached_by_scrolling(page):
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    page.wait_for_selector("#cards li[data-id='many/train/49999']")


def test_a_filter_looks_at_all_cards(page):
    page.fill("[name=q]", "4999")
    page.wait_for_function("document.querySelector('#shown').innerText === '1 of 50,000 pictures'")
    assert num_cards(page) == 1


def test_where_the_most_frequent_pairs_hold_few_of_the_pictures_they_stand_without_a_heat_map(page):
    page.click("#reset")
    assert not page.locator("#heat").is_visible()
    assert page.locator("#pairs li:visible").count() == 24


ENDS = "washed cotton, first delivery", "heavy denim, second delivery"


@pytest.fixture(scope="module")
def long_names(tmp_path_factory):
    """400 suspects among 200 classes with long names: half of them are of one pair, the others of 200, and each pair once."""
    names = tuple(f"garments for the outdoors, no. {k:03d}, {ENDS[k % 2]}" for k in range(200))
    n = 400
    labels = np.where(np.arange(n) % 2, np.arange(n) // 2, 0)
    guessed = (labels + 1) % 200
    named = np.array(names, dtype=object)
    table = pd.DataFrame(
        {
            "sample_id": [f"long/train/{i}" for i in range(n)],
            "split": "train",
            "index": np.arange(n),
            "given_label": named[labels],
            "predicted_label": named[guessed],
            "suggested_label": named[guessed],
            "label_quality": np.linspace(0, 0.2, n),
            "is_label_issue": True,
            "rank": 1 + np.arange(n),
        }
    )
    images = np.zeros((n, 1, 4, 4), np.uint8)
    image_set = ImageSet("long", images, labels, table["sample_id"].to_numpy(), np.full(n, "train"), names)
    meta = {"dataset": {"name": "long", "origin": {}}}
    return write_site(tmp_path_factory.mktemp("long") / "site", choose_cards(table, {}), image_set, table, meta).as_uri()


@pytest.mark.parametrize("width", [390, 1366])
def test_long_names_are_read_whole_and_no_card_covers_another(page, long_names, width):
    opened = page.context.browser.new_page()
    opened.set_viewport_size({"width": width, "height": 800})
    opened.goto(long_names)
    opened.wait_for_selector("#cards li")
    cut = "all => all.filter(b => b.scrollHeight > b.clientHeight + 1 || b.scrollWidth > b.clientWidth + 1).length"
    assert opened.eval_on_selector_all("#cards li b.given, #cards li b.guessed", cut) == 0
    boxes = [card.bounding_box() for card in opened.locator("#cards li").all()]
    rows = sorted({round(box["y"]) for box in boxes})
    assert len(rows) > 1
    assert all(box["y"] + box["height"] <= min((row for row in rows if row > box["y"] + 1), default=1e9) for box in boxes)
    opened.close()


def test_the_heat_map_keeps_to_the_classes_of_the_most_frequent_pairs(page, long_names):
    opened = page.context.browser.new_page()
    opened.goto(long_names)
    opened.wait_for_selector("#cards li")
    assert opened.locator("#heat tbody tr").count() == 12
    assert "12 of 200 classes" in opened.inner_text("#heat-hint")
    opened.close()
