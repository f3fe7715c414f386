import shutil

import pytest
from review_run import make_images, make_run

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture(scope="session")
def zoo(tmp_path_factory):
    """An ImageSet of photographs."""
    return make_images(tmp_path_factory.mktemp("zoo"))


@pytest.fixture
def run(zoo, tmp_path):
    return make_run(tmp_path / "runs" / "zoo", zoo)


@pytest.fixture(scope="session")
def browser():
    if CHROMIUM is None:
        pytest.skip("no chromium on the PATH; install Debian's package chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield running
        running.close()
