"""The report in a real browser, opened from disk: the filter works and nothing goes wrong."""

import shutil

import pytest
from made_up_runs import COMPARISON, made_up_run

from curate.publish.report.page import write_report

pytestmark = pytest.mark.app
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        pytest.skip("no chromium on the PATH; install Debian's package chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield running
        running.close()


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """Of the report of a made-up run."""
    return write_report(*made_up_run(tmp_path_factory.mktemp("runs") / "pets", comparison=COMPARISON)).as_uri()


@pytest.fixture
def page(browser, address):
    """The report, read from disk; at the end no error may have been logged and nothing requested."""
    errors, requests = [], []
    opened = browser.new_page(viewport={"width": 1366, "height": 768})
    opened.on("console", lambda message: errors.append(message.text) if message.type in ("error", "warning") else None)
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.on("request", lambda request: requests.append(request.url) if not request.url.startswith("data:") else None)
    opened.goto(address)
    yield opened
    opened.close()
    assert errors == []
    assert requests == [address]


def num_visible(page):
    return page.locator("#cards > figure:visible").count()


def test_class_filter_leaves_its_suspects_only(page):
    assert num_visible(page) == 6
    page.select_option("select[name=given]", "cat")
    assert num_visible(page) == 2
    assert page.locator("#shown").inner_text() == "2 of 6 pictures"


def test_show_all_brings_every_suspect_back(page):
    page.select_option("select[name=given]", "cat")
    page.click("button[type=reset]")
    page.wait_for_function("document.getElementById('shown').textContent === '6 pictures'")
    assert num_visible(page) == 6


def test_sorting_by_given_label_keeps_the_rank_inside_a_class(page):
    page.select_option("select[name=order]", "given")
    cards = page.eval_on_selector_all("#cards > figure", "all => all.map(c => c.dataset.given + c.dataset.rank)")
    assert cards == ["cat1", "cat4", "dog2", "dog5", "owl3", "owl6"]


def test_cell_of_the_heat_map_filters_the_suspects(page):
    page.click("table.heat a[data-given=dog][data-suggested=owl]")
    assert num_visible(page) == 2


def test_map_is_drawn_and_a_ring_shows_its_picture(page):
    page.locator("#plane").scroll_into_view_if_needed()
    drawn = "c => c.getContext('2d').getImageData(0, 0, c.width, c.height).data.some(v => v > 0)"
    assert page.eval_on_selector("#plane", drawn)
    ring = page.evaluate("JSON.parse(document.getElementById('map-data').textContent).rings[0]")
    box = page.locator("#plane").bounding_box()
    pad = 14
    page.mouse.move(box["x"] + pad + ring["x"] * (box["width"] - 2 * pad), box["y"] + pad + ring["y"] * (box["height"] - 2 * pad))
    assert ring["id"] in page.locator("#hover").inner_text()


@pytest.mark.parametrize("width", [768, 1366, 1440])
def test_page_does_not_scroll_sideways(page, width):
    page.set_viewport_size({"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_page_of_many_classes_with_long_names_does_not_scroll_sideways(browser, tmp_path):
    names = tuple(f"garments for the outdoors, no. {k:03d}, of washed cotton, as photographed by the supplier" for k in range(60))
    run, image_set = made_up_run(tmp_path / "pets", class_names=names, num_flagged=60)
    opened = browser.new_page(viewport={"width": 1366, "height": 768})
    opened.goto(write_report(run, image_set).as_uri())
    assert opened.locator("table.heat").count() == 0 and opened.locator("#confusion table.pairs tr").count() == 31
    assert opened.evaluate("document.documentElement.scrollWidth") <= 1366
    narrowest = opened.eval_on_selector_all(
        "#cards b.given", "all => Math.min(...all.map(b => b.clientWidth / b.closest('.card').clientWidth))"
    )
    assert narrowest > 0.9  # the name has a line of its own beside "given"
    opened.close()
