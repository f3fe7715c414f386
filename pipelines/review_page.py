"""The review in Chromium: where things are on the page of FiftyOne 1.22, and how to use them."""

import contextlib
import shutil
from collections.abc import Iterator
from typing import Any

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",  # the page asks for web fonts, and nothing else of the net
]
BEFORE_LOAD = "window.IS_PLAYWRIGHT = true; localStorage.setItem('fiftyone-enterprise-tooltip-seen', 'true')"
MS = 30_000  # patience: several of these run on one busy machine
LOAD_MS = 120_000  # FiftyOne's page computes for seconds until it shows an image, on such a machine for longer than that

TILE = "[data-cy=fo-grid] [data-cy=looker]"
LOADED = 'canvas[canvas-loaded="true"]'
MODAL = "[data-cy=modal]"
OPENED = f"{MODAL} [data-cy=modal-looker-container] {LOADED}"
OPEN_ID = f"{MODAL} [data-cy=sidebar-entry-sample_id]"
RIGHT = f"{MODAL} [data-cy=nav-right-button]"
CHIP = "[data-cy=tag-review]"
COUNT = "[data-cy=entry-counts]"
PANEL = "[data-cy=panel-content-review_panel]"
ROW = "[data-itemid=grid-actions-row]"
FORM = "[data-cy=operators-prompt-modal]"
BAR, KEYS, SAID = "#curate-bar", "#curate-keys", "#curate-said"

SHOWN = """([entry, image, no]) => {
  const id = document.querySelector(entry)?.innerText.split("\\n")[0];
  return id && id !== no && document.querySelector(image) ? id : null;
}"""

PLACED = """([row, button]) => {
  const [all, one] = [row, button].map((selector) => document.querySelector(selector)?.getBoundingClientRect());
  if (!all?.width || !one?.width) return null;  // it is being drawn
  return one.right > all.right ? "menu" : "row";
}"""
RESET = """async ([modal, patches]) => {
  const run = (operator, params) => new Promise((callback) => __foo__.executeOperator(operator, params, {callback}));
  document.activeElement?.blur();
  if (document.querySelector(modal)) await run("@voxel51/operators/close_sample", {});
  await run("@voxel51/operators/clear_selected_samples", {});
  await run("@curate/review/patch_samples", {patches});
}"""
VIEW = "(url) => new URL(url).searchParams.get('view')"

WATCH = """([tiles, chip, modal, tile, text]) => {
  const since = (times) => performance.now() - times.key;
  window.curateTimes = {file: window.curateTimes?.painted ?? null, painted: window.curateTimes?.painted ?? null};
  window.curateWatched = () => document.querySelectorAll(tiles)[tile]?.querySelector(chip)?.innerText === text;
  if (window.isCurateWatching) return;
  window.isCurateWatching = true;
  addEventListener("keydown", () => {
    const times = window.curateTimes;
    if (!times.key) Object.assign(times, {key: performance.now(), at: performance.timeOrigin + performance.now()});
  }, true);
  new PerformanceObserver((list) => {
    const times = window.curateTimes;
    for (const entry of list.getEntries()) {
      const isAnswer = times.key && entry.startTime >= times.key && entry.name.endsWith("/operators/execute");
      if (isAnswer && !times.answered) times.answered = entry.responseEnd - times.key;
    }
  }).observe({type: "resource"});
  new MutationObserver(() => {
    const times = window.curateTimes;
    if (!times.key || times.repainted || !window.curateWatched()) return;
    requestAnimationFrame(() => { times.repainted ??= since(times); });
  }).observe(document.body, {childList: true, subtree: true, characterData: true});
  document.addEventListener("canvas-loaded", (event) => {
    const times = window.curateTimes;
    if (!event.target.closest(modal)) return;
    times.painted = event.detail.sampleFilepath;
    if (times.key && times.painted !== times.file) times.image ??= since(times);
  }, true);
}"""


@contextlib.contextmanager
def chromium() -> Iterator[Any]:
    """Context with a running browser, as Playwright has it."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        yield browser
        browser.close()


class ReviewPage:
    """A page of a browser that nobody has used before.

    Attributes:
        page: Playwright's.
        errors: exceptions that its scripts did not catch.
    """

    def __init__(self, browser: Any, *, width: int = 1600, height: int = 950) -> None:
        self.context = browser.new_context(viewport={"width": width, "height": height})
        self.context.add_init_script(BEFORE_LOAD)
        self.page = self.context.new_page()
        self.page.set_default_timeout(MS)
        self.errors: list[str] = []
        self.page.on("pageerror", self._note)

    def _note(self, error: Any) -> None:
        if str(error) != "entry is loading":  # FiftyOne's own router says so now and then, and goes on
            self.errors.append(str(error))

    def open(self, link: str) -> None:
        """Follows a link of `curate review`; done when the grid has images and the plugin its buttons."""
        self.page.goto(link)
        self.page.wait_for_selector(f"{TILE} {LOADED}", timeout=LOAD_MS)
        self.page.wait_for_selector('[data-item-id="@curate/review/next"]', state="attached", timeout=LOAD_MS)

    def close(self) -> None:
        """Leaves the server without an open sample and a selection, which whoever comes next would see."""
        self.page.evaluate("__foo__.executeOperator('@voxel51/operators/close_sample', {})")
        self.page.evaluate("__foo__.executeOperator('@voxel51/operators/clear_selected_samples', {})")
        self.page.locator(MODAL).wait_for(state="detached")
        self.page.locator("[data-item-id=selected]").wait_for(state="detached")
        self.context.close()

    def reset(self, link: str, patches: dict[str, None]) -> None:
        """Brings a used page back to what `open` would show, with these samples undecided; it is loaded again only for another view or
        where a form was left open, for that takes seconds.
        """
        if self.page.locator(FORM).count():
            self.open(link)
        self.page.evaluate(RESET, [MODAL, patches])
        self.page.locator(MODAL).wait_for(state="detached")
        self.page.locator("[data-item-id=selected]").wait_for(state="detached")
        if self.page.evaluate(VIEW, self.page.url) == self.page.evaluate(VIEW, link):
            self.page.wait_for_selector(CHIP, state="detached")
        else:
            self.open(link)

    def tile(self, i: int) -> Any:
        return self.page.locator(TILE).nth(i)

    def select(self, *places: int) -> None:
        """Ticks the boxes of these tiles."""
        for i in places:
            self.tile(i).click(position={"x": 10, "y": 5})
            self.page.wait_for_function(
                "([tile, i]) => document.querySelectorAll(tile)[i]?.querySelector('input[type=checkbox]')?.checked", arg=[TILE, i]
            )

    def open_sample(self, i: int) -> str:
        """Opens tile i; returns the `sample_id` of what is shown then."""
        self.tile(i).click(position={"x": 60, "y": 70})
        return self.shown()

    def shown(self, *, other_than: str = "") -> str:
        """The `sample_id` of the open sample, once its image is there and it is another than that."""
        self.page.wait_for_selector(OPENED)
        return self.page.wait_for_function(SHOWN, arg=[OPEN_ID, OPENED, other_than]).json_value()

    def press(self, key: str) -> None:
        self.page.keyboard.press(key)

    def wait_for_text(self, selector: str, text: str) -> None:
        """Waits until the first element there has `text` in it."""
        self.page.wait_for_function(
            "([selector, text]) => document.querySelector(selector)?.innerText.includes(text)", arg=[selector, text]
        )

    def wait_for_chip(self, i: int, text: str | None) -> None:
        """Waits until tile i shows that decision; None: until it shows none."""
        self.page.wait_for_function(
            "([tile, chip, i, text]) => (document.querySelectorAll(tile)[i]?.querySelector(chip)?.innerText ?? null) === text",
            arg=[TILE, CHIP, i, text],
        )

    def wait_for_notice(self, text: str) -> None:
        """Waits for a message of FiftyOne's."""
        self.page.get_by_text(text).wait_for()

    def wait_for_count(self, count: int) -> None:
        """Waits until the grid says that it has that many samples: 1, not 41."""
        self.page.wait_for_function(
            "([selector, told]) => new RegExp(told).test(document.querySelector(selector)?.innerText ?? '')",
            arg=[COUNT, f"(^|[^0-9,]){count:,} sample"],
        )

    def click(self, operator: str) -> None:
        """Clicks the button of an operator in the grid; where there is little room, it is in the menu at the end of the row."""
        button = f'[data-item-id="@curate/review/{operator}"]'
        if self.page.wait_for_function(PLACED, arg=[f"{ROW} > div", f"{ROW} {button}"]).json_value() == "menu":
            self.page.locator(f"{ROW} > div:last-child svg").last.click()
            self.page.locator(button).nth(1).click()
        else:
            self.page.locator(f"{ROW} {button}").click()

    def click_cell(self, column: int, row: int, num_classes: int) -> None:
        """Clicks a cell of the panel's heat-map, which has this many rows and columns."""
        box = self.page.locator(f"{PANEL} .nsewdrag").bounding_box()
        x, y = (
            box[start] + box[size] * (place + 0.5) / num_classes for start, size, place in (("x", "width", column), ("y", "height", row))
        )
        self.page.mouse.move(x, y)
        self.page.wait_for_timeout(300)  # Plotly takes a click where it has seen the pointer rest
        self.page.mouse.click(x, y)

    def watch(self, tile: int = 0, text: str = "") -> None:
        """Clears `times`, and waits for that text on the chip of that tile."""
        self.page.evaluate(WATCH, [TILE, CHIP, MODAL, tile, text])

    def press_until_answered(self, key: str) -> None:
        """Presses the key, again where the page did not take it yet: it takes none before an image is drawn."""
        while "answered" not in self.page.evaluate("window.curateTimes"):
            self.press(key)
            with contextlib.suppress(Exception):
                self.page.wait_for_function("() => 'answered' in window.curateTimes", timeout=100, polling=10)

    def times(self, *wanted: str) -> dict[str, float]:
        """Milliseconds from the first key since `watch`, once all of `wanted` have happened, and `at`, when that was, since 1970.

        `answered`: the operator's answer was there; `repainted`: the watched tile has its text, and the frame is drawn; `image`: the
        open sample is another one, and its image is drawn.
        """
        self.page.wait_for_function("names => names.every((name) => name in window.curateTimes)", arg=list(wanted), polling=20)
        return self.page.evaluate("window.curateTimes")
