"""A gallery of 50,000 cards opens at once and keeps few of them in the document."""

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


def test_a_filter_of_all_cards_takes_no_rebuilding_of_the_page(page):
    seconds = page.evaluate("""() => {
        const start = performance.now();
        const search = document.querySelector('[name=q]');
        search.value = '4999';
        search.dispatchEvent(new Event('input'));
        return (performance.now() - start) / 1000;
    }""")
    assert page.locator("#shown").inner_text() == "1 of 50,000 pictures"
    assert seconds < 10  # it took minutes where every card was in the document


def test_the_heat_map_keeps_to_the_classes_of_the_most_frequent_pairs(page):
    assert page.locator("#heat tbody tr").count() == 12
    assert "12 of 100 classes" in page.inner_text("#heat-hint")
