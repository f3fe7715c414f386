"""The App opens on this machine only, on the label issues, and shows them in a real browser."""

import socket
from pathlib import Path

import pytest

from curate.app.mongod import free_port
from curate.app.session import open_app, reviewer_name
from curate.errors import UnknownNameError, UsageError

CHROMIUM = Path("/usr/bin/chromium")
BROWSER = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",  # the page asks for web fonts, and nothing else of the net
]
BEFORE_LOAD = "window.IS_PLAYWRIGHT = true; localStorage.setItem('fiftyone-enterprise-tooltip-seen', 'true')"
TILE = "[data-cy=looker]"
LOADED = 'canvas[canvas-loaded="true"]'
COUNT = "[data-cy=entry-counts]"


def test_port_that_is_taken_is_told_before_anything_starts():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(UsageError, match=f"port {port} is taken; close what uses it, or give another with --port"):
            open_app("any", port=port)


def test_address_of_other_machines_is_refused():
    with pytest.raises(UsageError, match="lets other machines reach the App; if that is meant, say --expose too"):
        open_app("any", address="0.0.0.0")


@pytest.mark.parametrize("address", ["192.0.2.1", "no-such-host.invalid"])
def test_address_that_this_machine_does_not_have_is_told(address):
    with pytest.raises(UsageError, match=f"cannot listen at --address {address}"):
        open_app("any", port=free_port(), address=address, expose=True)


def test_reviewer_is_who_is_named_else_who_the_environment_names_else_who_is_logged_in(monkeypatch):
    monkeypatch.setenv("CURATE_REVIEWER", "bob")
    assert (reviewer_name("ann"), reviewer_name()) == ("ann", "bob")
    monkeypatch.delenv("CURATE_REVIEWER")
    monkeypatch.setenv("LOGNAME", "carol")
    assert reviewer_name() == "carol"


def test_reviewer_without_a_name_is_refused():
    with pytest.raises(UsageError, match="give another with --reviewer"):
        reviewer_name("")


def test_user_without_a_login_name_is_told(monkeypatch):
    for name in ("CURATE_REVIEWER", "LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("os.getuid", lambda: 2**31 - 7)
    with pytest.raises(UsageError, match="say who reviews with --reviewer NAME"):
        reviewer_name()


def test_port_out_of_range_is_refused():
    with pytest.raises(UsageError, match="--port must be in"):
        open_app("any", port=70000)


@pytest.mark.db
def test_unknown_dataset_names_the_nearest(fo):
    fo.Dataset("shapes")
    with pytest.raises(UnknownNameError, match="did you mean shapes"):
        open_app("shape", port=free_port())


@pytest.mark.db
def test_unknown_view_names_the_nearest(fo):
    fo.Dataset("shapes").save_view("worst first", fo.load_dataset("shapes").limit(1))
    with pytest.raises(UnknownNameError, match="did you mean worst first"):
        open_app("shapes", port=free_port(), view="worst")


@pytest.fixture
def url(shapes_once, serve_app, tmp_path):
    """Of a server of its own: one remembers the view, the workspace and the open sample of whoever came last."""
    with serve_app(shapes_once[0].name, tmp_path) as app:
        yield app.link


@pytest.fixture(scope="module")
def browser():
    if not CHROMIUM.exists():
        pytest.skip(f"no browser at {CHROMIUM}; `apt-get install chromium` brings it")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed; `pip install 'curate[test]'`")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=BROWSER)
        yield browser
        browser.close()


@pytest.fixture
def page(browser):
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.add_init_script(BEFORE_LOAD)
    page = context.new_page()
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    # FiftyOne's router says so where two panels store their state within one load of the page, on a busy machine; it goes on.
    assert [error for error in errors if error != "entry is loading"] == []


@pytest.mark.app
def test_app_opens_at_the_label_issues_beside_the_map(page, url, tmp_path):
    page.goto(url)
    page.wait_for_selector(LOADED, timeout=60_000)
    page.wait_for_function(f"document.querySelector('{COUNT}').innerText.includes('3 samples')", timeout=30_000)
    assert page.locator("[data-cy=saved-views-selection]").inner_text().startswith("label issues")
    assert page.locator("[data-cy=panel-tab-embeddings]").is_visible()
    first = page.locator(TILE).first
    assert first.locator("[data-cy=tag-ground_truth]").count() == 1
    assert first.locator("[data-cy=tag-suggested]").count() == 1
    assert page.screenshot(path=tmp_path / "app.png")


@pytest.mark.app
def test_opened_sample_shows_its_figures_without_complaint(page, url):
    page.goto(url)
    page.wait_for_selector(LOADED, timeout=60_000)
    page.locator(TILE).first.click(position={"x": 60, "y": 60})
    page.wait_for_selector("[data-cy=modal] " + LOADED, timeout=30_000)
    page.wait_for_selector("[data-cy=sidebar-entry-label_quality]")
    page.wait_for_timeout(2000)  # a complaint comes after the sample
    assert page.get_by_text("invalid label schema").count() == 0


@pytest.mark.app
def test_whole_dataset_and_other_views_are_a_click_away(page, url):
    page.goto(f"{url.partition('?')[0]}?token={url.rpartition('token=')[2]}")
    page.wait_for_function(f"document.querySelector('{COUNT}')?.innerText.includes('36 samples')", timeout=60_000)
    page.locator("[data-cy=saved-views-selection]").click()
    page.get_by_text("near duplicates across splits").click()
    page.wait_for_function(f"document.querySelector('{COUNT}').innerText.includes('2 samples')", timeout=30_000)
