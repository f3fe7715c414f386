"""The gallery in a real browser, opened from its folder and without a network."""

import csv
import io
import shutil

import numpy as np
import pytest
from pets_gallery import CLASSES, DECISIONS, NUM_FLAGGED, OWL, make_pets, make_run
from PIL import Image

from curate.data.corrections import read_corrections
from curate.publish.gallery.site import gallery
from curate.review.journal import append_decisions

pytestmark = pytest.mark.app
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ALL = NUM_FLAGGED + 1


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
def pets():
    return make_pets(shape=(3, 8, 8))


@pytest.fixture(scope="module")
def pictures(pets):
    """(N, 3, 8, 8) in the order of the cards."""
    return pets[0].images


@pytest.fixture(scope="module")
def address(pets, tmp_path_factory):
    """Of a gallery with decisions of every kind."""
    image_set, table = pets
    run = make_run(tmp_path_factory.mktemp("runs") / "pets", image_set, table)
    append_decisions(run.path / "decisions.jsonl", DECISIONS)
    return gallery(run, image_set)["gallery"].as_uri()


@pytest.fixture
def open_page(browser, address):
    """Opens the gallery at a hash; at the end nothing may have been logged, and nothing asked for but the files of the site."""
    errors, requests = [], []
    context = browser.new_context(offline=True, viewport={"width": 1366, "height": 800}, accept_downloads=True)

    def open_at(hash_="", **viewport):
        page = context.new_page()
        if viewport:
            page.set_viewport_size(viewport)
        page.on("console", lambda message: errors.append(message.text) if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("request", lambda request: requests.append(request.url))
        page.goto(address + hash_)
        page.wait_for_selector("#cards li, #nothing:not([hidden])", state="attached")
        return page

    yield open_at
    context.close()
    folder = address.removesuffix("index.html")
    foreign = [url for url in requests if not url.startswith((folder, "data:", "blob:"))]
    assert (errors, foreign) == ([], [])


@pytest.fixture
def page(open_page):
    return open_page()


def ids(page):
    return page.eval_on_selector_all("#cards li", "all => all.map(item => item.dataset.id.replace('pets/', ''))")


def test_all_cards_are_there_worst_first(page):
    assert ids(page) == [*(f"train/{i}" for i in range(NUM_FLAGGED)), "test/35"]
    assert page.inner_text("#shown") == f"{ALL} pictures"


def test_a_card_shows_given_guessed_consensus_votes_and_id(page):
    words = page.locator("#cards li").first.inner_text().split("\n")
    assert words == ["given", "cat", "guessed", "dog", "consensus", "×", "dog", "train/0", "4 of 5"]


@pytest.mark.parametrize("number", [0, 8])
def test_a_picture_is_shown_pixel_by_pixel(page, pictures, number):
    page.wait_for_timeout(200)  # for the sheet
    shot = np.asarray(Image.open(io.BytesIO(page.locator("#cards canvas").nth(number).screenshot())).convert("RGB"))
    centres = np.round((np.arange(8) + 0.5) * len(shot) / 8).astype(int)
    assert np.array_equal(shot[np.ix_(centres, centres)], pictures[number].transpose(1, 2, 0))


def test_given_and_guessed_class_filter(page):
    page.select_option("select[name=given]", "dog")
    assert ids(page) == ["train/1", "train/4", "train/7"]
    page.select_option("select[name=guessed]", "cat")
    assert ids(page) == [] and page.is_visible("#nothing")


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("error", ["train/0", "train/4"]),
        ("right", ["train/1", "test/35"]),
        ("ambiguous", ["train/2"]),
        ("conflict", ["train/3"]),
        ("open", ["train/5", "train/6", "train/7", "train/8"]),
    ],
)
def test_consensus_filters(page, state, expected):
    page.click(f"#states button.{state}")
    assert ids(page) == expected
    assert page.inner_text("#shown") == f"{len(expected)} of {ALL} pictures"


def test_the_chosen_filter_looks_the_same_under_the_pointer(page):
    colours = "button => [getComputedStyle(button).color, getComputedStyle(button).backgroundColor]"
    page.click("#states button.right")
    under_the_pointer = page.eval_on_selector("#states button.right", colours)
    page.mouse.move(0, 0)
    assert page.eval_on_selector("#states button.right", colours) == under_the_pointer


def test_counts_follow_the_other_filters(page):
    page.select_option("select[name=given]", "cat")
    assert page.eval_on_selector_all("#states button", "all => all.map(b => b.lastChild.textContent)") == ["3", "1", "0", "0", "1", "1"]


@pytest.mark.parametrize("query", ["3", "train/3", "pets/train/3", "PETS/TRAIN/3 "])
def test_a_whole_id_is_found_alone(page, query):
    page.fill("input[name=q]", query)
    assert ids(page) == ["train/3"]


def test_a_part_of_an_id_finds_all_that_have_it(page):
    page.fill("input[name=q]", "test")
    assert ids(page) == ["test/35"]
    page.fill("input[name=q]", "train/")
    assert len(ids(page)) == NUM_FLAGGED


def test_a_cell_of_the_heat_map_filters_and_lets_go_again(page):
    cell = page.locator("#heat button[aria-label='given dog, guessed owl, \"barn\" <b>: 3']")
    cell.click()
    assert ids(page) == ["train/1", "train/4", "train/7"]
    assert cell.get_attribute("aria-pressed") == "true"
    cell.click()
    assert len(ids(page)) == ALL


def test_a_frequent_pair_filters(page):
    page.locator("#pairs button").first.click()
    assert len(ids(page)) == 3


def test_show_all_ends_every_filter(page):
    page.select_option("select[name=split]", "test")
    page.click("#states button.right")
    assert ids(page) == ["test/35"]
    page.click("#reset")
    assert len(ids(page)) == ALL


def test_a_link_holds_the_filters(page, open_page):
    page.select_option("select[name=given]", OWL)
    page.click("#states button.open")
    page.select_option("select[name=sort]", "id")
    link = page.url
    again = open_page("#" + link.split("#")[1])
    assert ids(again) == ids(page) == ["train/5", "train/8"]
    assert again.input_value("select[name=given]") == OWL and again.input_value("select[name=sort]") == "id"


@pytest.mark.parametrize("hash_", ["#card=pets/train/4", "#card=train/4", "#pets/train/4", "#train/4"])
def test_a_link_to_a_card_opens_it(open_page, hash_):
    page = open_page(hash_)
    assert page.inner_text("#detail-id") == "pets/train/4"
    assert "1 of 1 reviewer: label is wrong." in page.inner_text("#detail-facts")


def test_a_link_to_a_card_that_is_gone_says_so(open_page):
    page = open_page("#card=pets/train/999")
    assert "There is no picture pets/train/999" in page.inner_text("#nothing")


def test_an_opened_card_tells_every_vote(page):
    page.locator("#cards .card").first.click()
    said = page.inner_text("#detail-facts").split("\n")
    for words in (
        "4 of 5 reviewers: label is wrong.",
        "3 say that it is dog",
        "1 says that the label is right",
        "1 says that the label is wrong",
    ):
        assert words in said


def test_an_opened_card_leads_to_the_next_and_closing_it_leads_back(page):
    page.locator("#cards .card").first.click()
    assert page.url.endswith("#card=pets/train/0")
    page.keyboard.press("ArrowRight")
    assert page.inner_text("#detail-id") == "pets/train/1" and page.url.endswith("#card=pets/train/1")
    page.keyboard.press("Escape")
    page.wait_for_selector("#detail", state="hidden")
    assert page.evaluate("document.activeElement.closest('li').dataset.id") == "pets/train/1"


def test_the_way_back_closes_an_opened_card(page):
    page.locator("#cards .card").nth(2).click()
    page.go_back()
    page.wait_for_selector("#detail", state="hidden")
    assert "card=" not in page.url


def test_cards_are_reached_and_opened_by_keyboard(page):
    page.focus("select[name=sort]")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.wait_for_selector("#detail[open]")
    assert page.inner_text("#detail-id") == "pets/train/2"


def test_the_heat_map_is_walked_by_arrow_keys(page):
    page.focus("#heat button[tabindex='0']")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.getAttribute('aria-pressed')") == "true"


def test_corrected_labels_are_downloaded_as_curate_reads_them(page, tmp_path):
    with page.expect_download() as download:
        page.click("#download")
    file = tmp_path / download.value.suggested_filename
    download.value.save_as(file)
    assert file.name == "pets-corrected-labels.csv"
    with open(file, newline="") as lines:
        assert list(csv.reader(lines)) == [["sample_id", "given", "corrected"], ["pets/train/0", "cat", "dog"], ["pets/train/4", "dog", ""]]
    assert [c.sample_id for c in read_corrections(file)] == ["pets/train/0", "pets/train/4"]


def test_names_of_classes_are_text_and_not_markup(page):
    assert page.locator("#cards li").nth(2).locator("b.given").inner_text() == CLASSES[2]
    assert page.locator("main b b").count() == 0


@pytest.mark.parametrize("width", [320, 390, 768, 1366])
def test_nothing_is_wider_than_the_window(open_page, width):
    page = open_page(width=width, height=800)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.locator("#cards .card").first.click()
    assert page.locator("#detail").bounding_box()["width"] <= width


def test_every_control_has_a_name(page):
    names = page.eval_on_selector_all(
        "button, select, input, a, canvas",
        """all => all.filter((e) => e.checkVisibility())
                     .map((e) => (e.getAttribute('aria-label') || e.textContent || e.labels?.[0]?.textContent || '').trim())""",
    )
    assert len(names) > ALL and all(names)


def test_a_missing_data_file_is_told(browser, address, tmp_path):
    folder = tmp_path / "half"
    shutil.copytree(address.removeprefix("file://").removesuffix("/index.html"), folder)
    (folder / "data.js").unlink()
    page = browser.new_page()
    page.goto((folder / "index.html").as_uri())
    assert "data.js is missing" in page.inner_text("#app")
    page.close()
