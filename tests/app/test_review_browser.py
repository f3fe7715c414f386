"""The review as a reviewer has it: the App in Chromium, keys and buttons, with a database and a journal that are looked into."""

import pytest
from review_browser import Kept, audit_digits, write_digits
from review_driver import Mongod, ReviewServer, wait_until
from review_page import BAR, CHIP, CHROMIUM, COUNT, FORM, KEYS, MODAL, PANEL, SAID, ReviewPage, chromium

pytestmark = pytest.mark.app


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def mongod(home):
    mongod = Mongod(home / "mongo")
    yield mongod
    mongod.stop()


@pytest.fixture(scope="module")
def run(home):
    return audit_digits(write_digits(home / "digits"), home / "data" / "runs" / "digits")


@pytest.fixture(scope="module")
def served(home, mongod, run):
    server = ReviewServer(run.path, mongod, home, "anna")
    yield server
    server.kill()


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        pytest.skip("no chromium on the PATH; install Debian's package chromium")
    with chromium() as running:
        yield running


@pytest.fixture
def kept(mongod, run, served):
    """Without any decision."""
    kept = Kept(mongod.uri, run)
    kept.forget()
    yield kept
    kept.client.close()


@pytest.fixture
def open_page(browser, served, kept):
    """Opens links in browsers that nobody used before; by default that to all label issues, decided or not, worst first."""
    pages = []

    def open_at(link=None, **size):
        pages.append(ReviewPage(browser, **size))
        pages[-1].open(link or served.link_to("label-issues"))
        return pages[-1]

    yield open_at
    for page in reversed(pages):
        page.close()
    assert [error for page in pages for error in page.errors] == []


@pytest.fixture
def page(open_page):
    return open_page()


def test_keys_decide_on_selected_tiles_in_database_journal_and_page(page, kept):
    given, suggested = kept.labels["given_label"], kept.labels["suggested_label"]
    cases = [("k", "ok", None, "ok"), ("e", "confirm_error", None, "error"), ("q", "ambiguous", None, "ambiguous"), ("d", "drop", None, "drop")]
    accepted = suggested[kept.suspects[4]]
    other = next(name for name in "0123456789" if name not in (given[kept.suspects[5]], suggested[kept.suspects[5]]))
    cases += [("a", "accept_suggestion", accepted, f"→ {accepted}"), (other, "relabel", other, f"→ {other}")]
    for i, (key, action, label, shown) in enumerate(cases):
        page.select(i)
        page.press(key)
        page.wait_for_chip(i, shown)
        assert kept.shown()[kept.suspects[i]] == shown
        assert kept.told()[i:] == [(kept.suspects[i], action, label)]
    page.select(6, 7)
    page.press("k")
    for i in (6, 7):
        page.wait_for_chip(i, "ok")
    last = kept.journal()[-2:]
    assert {decision.sample_id for decision in last} == set(kept.suspects[6:8])
    assert last[0].batch == last[1].batch != "" and {decision.who for decision in last} == {"anna"}


def test_what_is_decided_leaves_the_queue(open_page, served, kept):
    page = open_page(served.link)
    page.wait_for_count(len(kept.suspects))
    page.select(0)
    page.press("k")
    page.wait_for_count(len(kept.suspects) - 1)
    assert page.open_sample(0) == kept.suspects[1]


def test_undo_takes_the_last_decision_back_everywhere(page, kept):
    page.select(1)
    page.press("e")
    page.wait_for_chip(1, "error")
    page.press("u")
    page.wait_for_chip(1, None)
    assert kept.shown() == {} and [action for _, action, _ in kept.told()] == ["confirm_error", "undo"]
    page.press("u")
    page.wait_for_notice("there is no decision of yours to take back")
    assert len(kept.told()) == 2


def test_keys_typed_into_a_field_or_with_a_modifier_decide_nothing(page, kept):
    page.select(0)
    field = page.page.locator("[data-cy=view-bar] input").last
    field.click()
    field.press_sequentially("kaeqd3u")
    page.page.locator("body").press("Control+k")
    page.page.locator("body").press("Alt+e")
    page.page.wait_for_timeout(1000)  # a decision would be there by then
    assert kept.told() == [] and kept.shown() == {}


def test_help_lists_the_keys_and_meanwhile_they_decide_nothing(page, kept):
    page.open_sample(0)
    page.press("h")
    page.wait_for_text(KEYS, "accept the suggested label")
    listed = page.page.locator(f"{KEYS} kbd").all_inner_texts()
    assert {"k", "a", "e", "q", "d", "l", "u", "s", "g", "h"} <= set(listed)
    page.press("k")
    page.press("Escape")
    page.page.locator(KEYS).wait_for(state="hidden")
    assert page.page.locator(MODAL).is_visible()
    assert kept.told() == []


@pytest.mark.parametrize("width", [1600, 3200])
def test_buttons_of_the_grid_decide_whether_or_not_there_is_room_for_them(open_page, kept, width):
    page = open_page(width=width)
    page.select(0)
    page.click("confirm_error")
    page.wait_for_chip(0, "error")
    assert kept.shown() == {kept.suspects[0]: "error"}


def test_bar_and_toolbar_of_the_open_sample_decide_and_move_on(page, kept):
    first = page.open_sample(0)
    page.wait_for_text(BAR, "suggested")
    page.page.locator(f"{BAR} button", has_text="ambiguous").click()
    second = page.shown(other_than=first)
    page.page.locator(f"{MODAL} .material-icons", has_text="cancel").click()
    third = page.shown(other_than=second)
    assert [first, second, third] == kept.suspects[:3]
    assert kept.told() == [(first, "ambiguous", None), (second, "confirm_error", None)]


def test_open_sample_moves_on_to_the_next_undecided_and_undo_comes_back(page, kept):
    page.select(1)
    page.press("k")
    page.wait_for_chip(1, "ok")
    assert page.open_sample(0) == kept.suspects[0]
    page.press("a")
    assert page.shown(other_than=kept.suspects[0]) == kept.suspects[2]
    page.press("n")
    assert page.shown(other_than=kept.suspects[2]) == kept.suspects[3]
    page.press("u")
    assert page.shown(other_than=kept.suspects[3]) == kept.suspects[0]
    assert kept.shown() == {kept.suspects[1]: "ok"}


NOTE_PAINTED = """() => {
  window.painted = new Set(); window.asked = [];
  document.addEventListener("canvas-loaded", (event) => {
    if (event.target.closest("[data-cy=modal]")) window.painted.add(event.detail.sampleFilepath);
  });
  const fetched = window.fetch;
  window.fetch = (url, options) => {
    if (String(url.url ?? url).endsWith("/operators/execute") && options?.body?.includes?.("@curate/review/ambiguous"))
      window.asked.push([JSON.parse(options.body).current_sample, [...window.painted]]);
    return fetched(url, options);
  };
}"""


def test_no_key_decides_on_an_image_that_was_not_painted_before(page, kept):
    page.page.evaluate(NOTE_PAINTED)
    page.press("g")
    while len(kept.told()) < 5:
        page.press("q")
        page.page.wait_for_timeout(30)
    asked = page.page.evaluate("window.asked")
    files = {str(sample["_id"]): sample["filepath"] for sample in kept.samples.find({}, {"filepath": 1})}
    assert len(asked) >= 5
    assert [identity for identity, painted in asked if files.get(identity) not in painted] == []
    assert [sample_id for sample_id, _, _ in kept.told()] == kept.suspects[: len(kept.told())]


def test_form_relabels_with_a_note(page, kept):
    first = page.open_sample(0)
    page.press("l")
    form = page.page.locator(FORM)
    form.get_by_role("combobox").fill("8")
    page.page.get_by_role("option", name="8", exact=True).click()
    form.locator("input[type=string]").fill("quake")
    form.get_by_role("button", name="Execute").click()
    assert page.shown(other_than=first) == kept.suspects[1]
    assert kept.told() == [(first, "relabel", "8")] and kept.journal()[0].note == "quake"


def test_many_are_accepted_once_counted_and_ticked_and_one_undo_takes_all_back(page, kept):
    page.click("accept_all")
    form = page.page.locator(FORM)
    slider = form.locator("input[type=range]")
    slider.focus()
    for _ in range(3):
        slider.press("PageDown")
    sure = [sample["sample_id"] for sample in kept.samples.find({"is_label_issue": True, "suggested.confidence": {"$gte": 0.6}})]
    form.get_by_text(f"{len(sure)} of the {len(kept.suspects)} samples of this view").wait_for()
    accept = form.get_by_role("button", name="Accept")
    assert accept.is_disabled()
    form.locator("input[type=checkbox]").click()
    accept.click()
    page.wait_for_text(SAID, f"{len(sure)} suggestions accepted")
    assert set(kept.shown()) == set(sure)
    page.press("u")
    wait_until(lambda: kept.shown() == {}, "all of it is taken back")


def test_more_like_this_fills_the_grid_with_the_nearest(page, kept):
    page.select(0)
    page.press("s")
    page.wait_for_count(48)
    assert page.open_sample(0) == kept.suspects[0]


def test_heat_map_filters_the_grid_and_queues_bring_their_samples(page, kept):
    pairs = [tuple(kept.labels.loc[sample_id]) for sample_id in kept.suspects]
    given, suggested = most = max(set(pairs), key=pairs.count)
    page.click_cell(int(suggested), int(given), 10)
    page.wait_for_count(pairs.count(most))
    panel = page.page.locator(PANEL)
    panel.get_by_role("button", name="Random check").click()
    page.wait_for_count(200)
    panel.get_by_role("button", name="My queue").click()
    page.wait_for_count(len(kept.suspects))


def test_panel_counts_what_was_just_decided(page, kept):
    page.wait_for_text(PANEL, f"0 of {len(kept.suspects)} suspects decided")
    page.select(0)
    page.press("e")
    page.wait_for_text(PANEL, f"1 of {len(kept.suspects)} suspects decided")
    page.wait_for_text(PANEL, "label is wrong: 1")
