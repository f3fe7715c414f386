"""The App opens on this machine only, on the label issues, and shows them in a real browser."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from curate.app.dataset import build_dataset
from curate.app.mongod import answers, free_port
from curate.app.session import close_app, open_app
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
            open_app("any", port=port, wait=False)


def test_address_of_other_machines_is_refused():
    with pytest.raises(UsageError, match="has no login"):
        open_app("any", address="0.0.0.0", wait=False)


def test_port_out_of_range_is_refused():
    with pytest.raises(UsageError, match="--port must be in"):
        open_app("any", port=70000, wait=False)


@pytest.mark.db
def test_unknown_dataset_names_the_nearest(fo):
    fo.Dataset("shapes")
    with pytest.raises(UnknownNameError, match="did you mean shapes"):
        open_app("shape", port=free_port(), wait=False)


@pytest.fixture
def page():
    if not CHROMIUM.exists():
        pytest.skip(f"no browser at {CHROMIUM}; `apt-get install chromium` brings it")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed; `pip install 'curate[test]'`")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=BROWSER)
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        context.add_init_script(BEFORE_LOAD)
        page = context.new_page()
        errors = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        yield page
        browser.close()
    assert errors == []


@pytest.fixture
def url(fo, shapes, make_run, monkeypatch, tmp_path):
    for screen in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(screen, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))  # the App's server is a process of its own
    name = build_dataset(make_run(shapes), shapes).name
    yield open_app(name, port=free_port(), wait=False)
    close_app()


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
    page.goto(url.split("?")[0])
    page.wait_for_function(f"document.querySelector('{COUNT}')?.innerText.includes('36 samples')", timeout=60_000)
    page.locator("[data-cy=saved-views-selection]").click()
    page.get_by_text("near duplicates across splits").click()
    page.wait_for_function(f"document.querySelector('{COUNT}').innerText.includes('2 samples')", timeout=30_000)


@pytest.mark.app
def test_ctrl_c_ends_the_app(fo, shapes, make_run, tmp_path):
    build_dataset(make_run(shapes), shapes)
    port = free_port()
    code = "from curate.app.session import open_app\nfrom functools import partial\n"
    code += f"print(open_app('shapes', port={port}, wait=True, on_ready=partial(print, flush=True)))"
    with subprocess.Popen(
        [sys.executable, "-c", code], env={**os.environ, "HOME": str(tmp_path)}, stdout=subprocess.PIPE, text=True
    ) as process:
        ready = process.stdout.readline()
        try:
            assert ready.startswith(f"http://127.0.0.1:{port}/datasets/shapes")
            assert answers("127.0.0.1", port)
            process.send_signal(signal.SIGINT)
            rest, _ = process.communicate(timeout=60)
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
    assert (process.returncode, rest) == (0, ready)
    assert not answers("127.0.0.1", port)
