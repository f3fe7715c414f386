"""The page of a model in a real browser, opened from disk: nothing is asked for, nothing goes wrong, and it fits."""

import shutil

import pytest
from made_up_facts import made_up_facts

from curate.lab.model_page.model_page import model_page

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
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "model.html"
    path.write_text(model_page(made_up_facts(), "pets"))
    return path


@pytest.fixture(params=["light", "dark"])
def page(browser, file, request):
    errors, requests = [], []
    opened = browser.new_page(viewport={"width": 1366, "height": 768}, color_scheme=request.param)
    opened.on("console", lambda message: errors.append(message.text))
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.on("request", lambda asked: requests.append(asked.url) if not asked.url.startswith("data:") else None)
    opened.goto(file.as_uri())
    yield opened
    opened.close()
    assert (errors, requests) == ([], [file.as_uri()])


@pytest.mark.parametrize("width", [390, 768, 1366])
def test_it_does_not_scroll_sideways(page, width):
    page.set_viewport_size({"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_figures_stand_out_from_the_page_in_light_and_dark(page):
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    inks = page.eval_on_selector_all(".drawn text", "all => all.map(text => getComputedStyle(text).fill)")
    assert len(inks) > 20
    assert all(abs(brightness(ink) - brightness(paper)) > 60 for ink in inks)


def brightness(colour):
    red, green, blue = (float(part) for part in colour.removeprefix("rgb(").rstrip(")").split(",")[:3])
    return 0.299 * red + 0.587 * green + 0.114 * blue
