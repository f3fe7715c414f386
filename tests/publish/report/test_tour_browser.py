"""The tour in a real browser, opened from disk: nothing is requested, nothing goes wrong, nothing is wider than a phone."""

import shutil

import pytest

pytestmark = pytest.mark.app
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture(scope="module")
def address(tour_page):
    if CHROMIUM is None:
        pytest.skip("no chromium on the PATH; install Debian's package chromium")
    return tour_page.as_uri()


@pytest.fixture(scope="module")
def browser(address):
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield running
        running.close()


@pytest.fixture
def open_page(browser, address):
    """Opens the tour; at the end no error may have been logged and nothing requested."""
    errors, requests, pages = [], [], []

    def open_with(width, scheme="light"):
        page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
        page.on("console", lambda message: errors.append(message.text) if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("request", lambda request: requests.append(request.url) if not request.url.startswith("data:") else None)
        page.goto(address)
        pages.append(page)
        return page

    yield open_with
    for page in pages:
        page.close()
    assert errors == []
    assert requests == [address] * len(pages)


@pytest.mark.parametrize("width", [390, 820, 1366])
def test_page_is_never_wider_than_the_screen(open_page, width):
    page = open_page(width)
    assert page.evaluate("document.documentElement.scrollWidth") == width


def test_every_image_is_shown(open_page):
    page = open_page(1366)
    loaded = "all => all.every(i => i.complete && i.naturalWidth >= 10)"
    assert page.eval_on_selector_all("main img", loaded)
    sizes = page.eval_on_selector_all("main svg image", "all => all.map(i => i.getBoundingClientRect().width)")
    assert len(sizes) > 150 and min(sizes) > 8


def test_letters_of_figures_can_be_told_from_the_page_in_light_and_dark(open_page):
    for scheme in ("light", "dark"):
        page = open_page(1366, scheme)
        contrasts = page.evaluate(
            """() => {
              const light = (css) => css.match(/[\\d.]+/g).slice(0, 3).map(v => v / 255)
                .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
                .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
              const ground = light(getComputedStyle(document.body).backgroundColor);
              return [...document.querySelectorAll("main svg text")]
                .filter(t => !/fill: (#|var\\(--c1)/.test(t.getAttribute("style") || ""))  // those stand on pictures
                .map(t => light(getComputedStyle(t).fill))
                .map(l => (Math.max(l, ground) + 0.05) / (Math.min(l, ground) + 0.05));
            }"""
        )
        assert len(contrasts) > 200 and min(contrasts) > 4.5
