"""The review as a reviewer has it: the App in Chromium, keys and buttons, with a database and a journal that are looked into."""

import http.server
import os
import subprocess
import sys
import threading
from functools import partial

import pytest
from review_browser import Kept, audit_digits, audit_many, write_digits, write_many
from review_driver import Mongod, ReviewServer, wait_until
from review_page import BAR, CHROMIUM, FORM, KEYS, MODAL, OPEN_ID, OPENED, PANEL, RIGHT, SAID, ReviewPage, chromium

pytestmark = pytest.mark.app


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def mongod(home):
    with Mongod(home / "mongo") as mongod:
        yield mongod


@pytest.fixture(scope="module")
def run(home):
    return audit_digits(write_digits(home / "digits"), home / "data" / "runs" / "digits")


@pytest.fixture(scope="module")
def served(home, mongod, run):
    with ReviewServer(run.path, mongod, home, "anna") as server:
        yield server


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        pytest.skip("no chromium on the PATH; install Debian's package chromium")
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def store(mongod, run, served):
    store = Kept(mongod.uri, run)
    yield store
    store.client.close()


@pytest.fixture(scope="module")
def tabs():
    """The page that one test leaves to the next, if there is one."""
    return []


@pytest.fixture
def kept(store, served, tabs):
    """Without any decision, neither in the database and the journal nor on the page."""
    decided = store.forget()
    if tabs:
        tab = tabs.pop()  # a page that cannot be brought back is not the next test's
        tab.reset(served.link_to("label-issues"), dict.fromkeys(decided))
        tabs.append(tab)
    return store


@pytest.fixture
def page(browser, served, tabs, kept):
    """All label issues, decided or not, worst first."""
    if not tabs:
        tabs.append(ReviewPage(browser))
        tabs[0].open(served.link_to("label-issues"))
    page = tabs[0]
    yield page
    assert page.errors == []


def test_keys_decide_on_selected_tiles_in_database_journal_and_page(page, kept):
    given, suggested = kept.labels["given_label"], kept.labels["suggested_label"]
    cases = [
        ("k", "ok", None, "ok"),
        ("e", "confirm_error", None, "error"),
        ("q", "ambiguous", None, "ambiguous"),
        ("d", "drop", None, "drop"),
    ]
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


def test_what_is_decided_leaves_the_queue(page, kept):
    page.select(0)
    page.press("k")
    page.wait_for_chip(0, "ok")
    page.page.locator(PANEL).get_by_role("button", name="My queue").click()
    page.wait_for_count(len(kept.queue) - 1)
    page.press("g")
    assert page.shown() == kept.suspects[1]
    page.press("k")
    assert page.shown(other_than=kept.suspects[1]) == kept.suspects[2]
    page.press("Escape")
    page.wait_for_count(len(kept.queue) - 2)


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
    field.press("Escape")
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
def test_buttons_of_the_grid_decide_whether_or_not_there_is_room_for_them(page, kept, width):
    page.page.set_viewport_size({"width": width, "height": 950})
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
      window.asked.push([JSON.parse(options.body), [...window.painted]]);
    return fetched(url, options);
  };
}"""


def test_no_key_decides_on_an_image_that_was_not_painted_before(page, kept):
    page.page.evaluate(NOTE_PAINTED)
    page.press("g")
    while len(kept.told()) < 4:
        page.press("q")
        page.page.wait_for_timeout(30)
    decided = [sample_id for sample_id, _, _ in kept.told()]
    page.shown(other_than=decided[-1])
    files = {str(sample["_id"]): sample["filepath"] for sample in kept.samples.find({}, {"filepath": 1})}
    asked = [(body["current_sample"], body["params"]["seen"], painted) for body, painted in page.page.evaluate("window.asked")]
    taken = [(identity, painted) for identity, seen, painted in asked if identity is not None and identity == seen]
    assert len(taken) >= 4  # all others are refused by the operator
    assert [identity for identity, painted in taken if files[identity] not in painted] == []
    assert decided == kept.suspects[: len(decided)]


class Held:
    """Answers to the decision `operator` that wait on the way to the server until they are let go."""

    def __init__(self, page, operator):
        self.page, self.name, self.waiting = page, f'"@curate/review/{operator}"', []
        page.route(EXECUTE, self._take)

    def _take(self, route):
        if self.name in (route.request.post_data or ""):
            self.waiting.append(route)
        else:
            route.continue_()

    def press(self, key):
        """Presses the key, and comes back once its request waits."""
        self.page.keyboard.press(key)
        wait_in(self.page, lambda: self.waiting, "the server is asked")

    def let_go(self):
        for route in self.waiting:
            route.continue_()
        self.page.unroute(EXECUTE)


EXECUTE = "**/operators/execute"


def wait_in(page, is_so, what):
    """As `wait_until`; meanwhile the browser goes on."""
    wait_until(lambda: page.wait_for_timeout(30) or is_so(), what)


def wait_for_told(page, kept, num):
    wait_in(page.page, lambda: len(kept.told()) >= num, f"{num} decisions are told")
    page.page.wait_for_timeout(500)  # one too many would be there by then
    return kept.told()


def opened(page):
    """The `sample_id` of the first sample, which is open and takes keys."""
    first = page.open_sample(0)
    page.page.locator(BAR).wait_for()
    return first


def waiting_keys(page):
    """The first two suspects: on the first a key is on its way to the server, on the second one waits behind it."""
    first = opened(page)
    held = Held(page.page, "ok")
    held.press("k")
    page.page.locator(RIGHT).click()
    second = page.shown(other_than=first)
    page.press("e")
    return held, first, second


def test_keys_wait_for_the_answer_and_each_decides_on_the_image_that_was_shown_when_it_was_pressed(page, kept):
    held, first, second = waiting_keys(page)
    page.page.locator(RIGHT).click()
    third = page.shown(other_than=second)
    page.press("q")
    assert kept.told() == []
    held.let_go()
    assert wait_for_told(page, kept, 3) == [(first, "ok", None), (second, "confirm_error", None), (third, "ambiguous", None)]
    assert [first, second, third] == kept.suspects[:3]
    assert kept.shown() == {first: "ok", second: "error", third: "ambiguous"}


def test_a_mind_that_is_changed_before_the_answer_changes_the_decision_on_the_same_image_alone(page, kept):
    first = opened(page)
    held = Held(page.page, "ok")
    held.press("k")
    for key in "kkeel":  # once more is not twice; the form is for what is open
        page.press(key)
    held.let_go()
    assert wait_for_told(page, kept, 2) == [(first, "ok", None), (first, "confirm_error", None)]
    assert page.shown(other_than=first) == kept.suspects[1]
    page.wait_for_text(SAID, "not taken: another sample is open now; press the key again")
    assert page.page.locator(FORM).count() == 0 and kept.shown() == {first: "error"}


def test_undo_before_the_answer_takes_that_decision_back_and_its_sample_opens_again(page, kept):
    first = opened(page)
    held = Held(page.page, "ok")
    held.press("k")
    page.press("u")
    held.let_go()
    assert [action for _, action, _ in wait_for_told(page, kept, 2)] == ["ok", "undo"]
    page.page.wait_for_function("([entry, id]) => document.querySelector(entry)?.innerText.startsWith(id)", arg=[OPEN_ID, first])
    assert kept.shown() == {}


def test_a_key_on_selected_tiles_before_the_answer_is_not_taken_and_says_so(page, kept):
    page.select(0)
    held = Held(page.page, "ok")
    held.press("k")
    page.press("e")
    page.wait_for_text(SAID, "not taken: the key before is not done yet; press it again")
    held.let_go()
    page.wait_for_chip(0, "ok")
    page.select(1)
    page.press("e")
    page.wait_for_chip(1, "error")
    assert kept.told() == [(kept.suspects[0], "ok", None), (kept.suspects[1], "confirm_error", None)]


def test_a_page_that_is_left_while_keys_wait_asks_first_and_stays_with_them(page, kept):
    held, first, second = waiting_keys(page)
    asked = []
    page.page.once("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))
    page.page.evaluate("() => void setTimeout(() => location.reload())")
    wait_in(page.page, lambda: asked, "the browser asks")
    assert asked == ["beforeunload"] and kept.told() == []
    held.let_go()
    assert wait_for_told(page, kept, 2) == [(first, "ok", None), (second, "confirm_error", None)]
    page.page.wait_for_function("([entry, id]) => document.querySelector(entry)?.innerText.startsWith(id)", arg=[OPEN_ID, kept.suspects[2]])


def test_keys_that_waited_when_the_page_was_left_all_the_same_are_told_on_the_next_and_can_be_given_again(page, kept, served):
    _, first, second = waiting_keys(page)
    page.page.once("dialog", lambda dialog: dialog.accept())
    page.page.reload()
    page.page.unroute(EXECUTE)
    page.wait_for_text(SAID, "2 keys had no answer when the page was left")
    assert kept.told() == []
    page.open(served.link_to("label-issues"))
    page.wait_for_text(PANEL, f"0 of {len(kept.suspects)} suspects decided")
    assert not page.page.locator(SAID).evaluate("said => said.classList.contains('shown')")  # it is told once
    page.reset(served.link_to("label-issues"), {})  # FiftyOne's server knows of the sample that was open
    assert opened(page) == first
    page.press("k")
    assert page.shown(other_than=first) == second
    page.press("e")
    assert wait_for_told(page, kept, 2) == [(first, "ok", None), (second, "confirm_error", None)]


HOLD_PAINT = """() => {
  window.heldPaint = [];
  window.addEventListener("canvas-loaded", (event) => {
    if (!window.heldPaint || !event.target.closest("[data-cy=modal]")) return;
    window.heldPaint.push([event.target, event.detail]);
    event.stopImmediatePropagation();
  }, true);
}"""
PAINT = """() => {
  const held = window.heldPaint;
  window.heldPaint = null;
  for (const [target, detail] of held) target.dispatchEvent(new CustomEvent("canvas-loaded", {detail, bubbles: true}));
}"""


def test_a_key_pressed_while_one_image_takes_the_place_of_another_is_not_taken_and_says_so(page, kept):
    first = opened(page)
    page.page.evaluate(HOLD_PAINT)
    page.press("k")
    page.page.wait_for_function("() => window.heldPaint.length > 0")
    second = page.shown(other_than=first)
    page.press("e")
    page.wait_for_text(SAID, "not taken: the image was just changing; press the key again")
    page.page.evaluate(PAINT)
    page.press("q")
    assert wait_for_told(page, kept, 2) == [(first, "ok", None), (second, "ambiguous", None)]


LATE_ADDRESS = """() => {
  const push = history.pushState.bind(history), replace = history.replaceState.bind(history);
  window.heldAddresses = [];
  history.pushState = (...given) => void window.heldAddresses.push(() => push(...given));
  history.replaceState = (...given) => void window.heldAddresses.push(() => replace(...given));
  window.tellAddress = () => {
    Object.assign(history, {pushState: push, replaceState: replace});
    for (const tell of window.heldAddresses) tell();
  };
}"""


def test_the_first_key_is_taken_where_the_image_was_there_before_the_address_of_its_sample(page, kept):
    page.page.evaluate(LATE_ADDRESS)
    page.tile(0).click(position={"x": 60, "y": 70})
    page.page.wait_for_selector(OPENED)
    page.page.wait_for_function("() => window.heldAddresses.length > 0")
    page.page.evaluate("() => window.tellAddress()")
    page.page.locator(BAR).wait_for()
    page.press("k")
    assert page.shown(other_than=kept.suspects[0]) == kept.suspects[1]
    assert kept.told() == [(kept.suspects[0], "ok", None)]


def test_form_relabels_with_a_note(page, kept):
    first = page.open_sample(0)
    page.press("l")
    form = page.page.locator(FORM)
    form.get_by_placeholder("Type or select a value").fill("8")
    page.page.get_by_role("option", name="8", exact=True).click()
    form.locator("input[type=string]").fill("quake")
    form.get_by_role("button", name="Decide").click()
    assert page.shown(other_than=first) == kept.suspects[1]
    assert kept.told() == [(first, "relabel", "8")] and kept.journal()[0].note == "quake"


def test_the_form_leaves_the_focus_where_the_reviewer_puts_it(page):
    page.open_sample(0)
    page.press("l")
    note = page.page.locator(f"{FORM} input[type=string]")
    note.click()
    page.page.wait_for_timeout(1000)  # longer than the form keeps the focus on the class
    page.page.keyboard.type("quake")
    assert note.input_value() == "quake"
    page.press("Escape")
    page.page.locator(FORM).wait_for(state="detached")


def test_many_are_accepted_once_counted_and_ticked_and_one_undo_takes_all_back(page, kept):
    page.click("accept_all")
    form, num = page.page.locator(FORM), len(kept.suspects)
    sure = kept.samples.count_documents({"is_label_issue": True, "suggested.confidence": {"$gte": 0.9}})
    form.get_by_text(f"{sure} of the {num} samples of this view").wait_for()
    form.locator("input[type=range]").press("PageDown")  # FiftyOne's slider goes to its end
    form.get_by_text(f"{num} of the {num} samples of this view").wait_for()
    accept = form.get_by_role("button", name="Accept")
    assert accept.is_disabled()
    form.locator("input[type=checkbox]").click()
    accept.click()
    page.wait_for_text(SAID, f"{num} suggestions accepted")
    assert set(kept.shown()) == set(kept.suspects) and 0 < sure < num
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
    page.wait_for_count(len(kept.queue))


def test_among_300_classes_a_few_letters_relabel_and_the_panel_lists_what_is_mixed_up(browser, mongod, home):
    run = audit_many(write_many(home / "many"), home / "data" / "runs" / "many")
    with ReviewServer(run.path, mongod, home, "anna") as server:
        page, kept = ReviewPage(browser), Kept(mongod.uri, run)
        page.open(server.link)
        page.press("g")
        first = page.shown()
        page.press("l")
        page.page.locator(f"{FORM} input[role=combobox]:focus").wait_for()
        page.page.wait_for_timeout(1000)  # the dialog has come in, and the focus is still there
        page.page.keyboard.type("sort 27 of 4")
        assert page.page.get_by_role("option").all_inner_texts() == ["sort 27 of 4"]
        page.press("Enter")
        page.press("Control+Enter")
        second = page.shown(other_than=first)
        assert kept.told() == [(first, "relabel", "sort 27 of 4")] and second == kept.suspects[1]
        page.press("Escape")  # the pointer has never been over the picture
        page.page.locator(MODAL).wait_for(state="detached")
        given = kept.labels.loc[kept.suspects, "given_label"]
        most, num = given.value_counts().index[0], int(given.value_counts().iloc[0])
        panel = page.page.locator(PANEL)
        assert panel.locator(".nsewdrag").count() == 0
        panel.get_by_role("button", name=f"{most} ({num})", exact=True).click()
        page.wait_for_count(num)
        assert page.errors == []
        page.context.close()
        kept.client.close()


def test_panel_counts_what_was_just_decided(page, kept):
    page.wait_for_text(PANEL, f"0 of {len(kept.suspects)} suspects decided")
    page.select(0)
    page.press("e")
    page.wait_for_text(PANEL, f"1 of {len(kept.suspects)} suspects decided")
    page.wait_for_text(PANEL, "label is wrong: 1")


def test_on_a_first_visit_no_advertisement_covers_the_panel(browser, served, kept):
    context = browser.new_context(viewport={"width": 1600, "height": 950})
    tab = context.new_page()
    tab.goto(served.link_to("label-issues"))
    tab.locator(PANEL).get_by_text("What the audit expects").wait_for(timeout=120_000)
    tab.wait_for_timeout(1000)
    assert tab.get_by_text("Accelerate your workflow").count() == 0
    context.close()


def test_two_reviewers_make_a_conflict_that_is_settled_in_its_queue(page, kept, served, home, mongod, run):
    page.select(0)
    page.press("k")
    page.wait_for_chip(0, "ok")
    with ReviewServer(run.path, mongod, home, "ben") as ben, ben.client() as client:
        decided = kept.samples.find_one({"sample_id": kept.suspects[0]})
        assert ben.decide(client, run.name, "confirm_error", [decided["_id"]])
    page.open(served.link_to("label-issues"))
    page.wait_for_chip(0, "conflict")
    page.page.locator(PANEL).get_by_role("button", name="Conflicts (1)").click()
    page.wait_for_count(1)
    page.press("g")
    assert page.shown() == kept.suspects[0]
    page.press("a")
    page.wait_for_notice("Everything in this view is decided")
    assert kept.shown() == {kept.suspects[0]: f"→ {kept.labels['suggested_label'][kept.suspects[0]]}"}
    last = kept.journal()[-1]
    assert (last.who, last.adjudicates) == ("anna", True) and {decision.who for decision in kept.journal()} == {"anna", "ben"}


@pytest.fixture
def foreign(kept, home, mongod):
    """The name of a dataset that curate did not make, of one of the images."""
    code = "import sys, fiftyone as fo\nfo.Dataset('foreign', persistent=True).add_sample(fo.Sample(filepath=sys.argv[1]))"
    environment = os.environ | {"FIFTYONE_DATABASE_URI": mongod.uri, "HOME": str(home)}
    subprocess.run([sys.executable, "-c", code, kept.samples.find_one()["filepath"]], env=environment, check=True)
    return "foreign"


def test_a_dataset_that_curate_did_not_make_has_no_buttons_no_bar_and_takes_no_decision(page, tabs, kept, served, foreign):
    tabs.clear()
    with page.page.expect_response(lambda response: "resolve-placements" in response.url):
        page.page.goto(f"{served.address}/datasets/{foreign}")
    page.tile(0).click(position={"x": 60, "y": 70})
    page.page.wait_for_selector(OPENED)
    assert page.page.locator('[data-item-id^="@curate/review/"]').count() == 0
    assert not page.page.locator(BAR).is_visible()
    page.press("k")
    page.wait_for_notice("the dataset 'foreign' was not made by curate")
    assert kept.told() == [] and kept.shown() == {}
    page.close()


def test_without_its_token_the_app_tells_where_to_find_the_link(browser, served):
    context = browser.new_context()
    page = context.new_page()
    response = page.goto(served.address)
    assert response.status == 403
    assert "Open the link that curate printed when it started" in page.inner_text("body")
    context.close()


DECIDE = """async ([address, id]) => {
  const body = JSON.stringify({operator_uri: "@curate/review/ok", dataset_name: "digits", selected: [id], params: {}});
  const options = {method: "POST", mode: "no-cors", credentials: "include", headers: {"content-type": "text/plain"}, body};
  try { return String((await fetch(address + "/operators/execute", options)).status) } catch (error) { return String(error) }
}"""


def test_another_page_in_the_same_browser_decides_nothing_and_no_other_file_is_given_out(page, served, kept, foreign_page):
    sample = kept.samples.find_one({"is_label_issue": True})
    arguments = [served.address, str(sample["_id"])]
    stranger = page.context.new_page()
    stranger.goto(foreign_page)
    refused = []
    stranger.on("response", lambda response: refused.append(response.status) if "/operators/execute" in response.url else None)
    stranger.evaluate(DECIDE, arguments)
    stranger.wait_for_timeout(500)
    assert refused == [403] and kept.told() == []
    statuses = page.page.evaluate(
        "paths => Promise.all(paths.map(async path => (await fetch('/media?filepath=' + encodeURIComponent(path))).status))",
        [sample["filepath"], "/etc/passwd", str(kept.journal_file.parent / "run.json")],
    )
    assert statuses == [200, 403, 403]
    assert page.page.evaluate(DECIDE, arguments) == "200"
    assert kept.told() == [(sample["sample_id"], "ok", None)]


@pytest.fixture
def foreign_page(tmp_path):
    """The address of a page that another server has."""
    (tmp_path / "index.html").write_text("<title>foreign</title>")
    handler = partial(QuietHandler, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


def test_lost_database_is_told_in_the_app_and_the_review_goes_on_when_it_is_back(page, kept, mongod, served):
    mongod.kill()
    with page.page.expect_request("**/resolve-placements"):  # the page asks which buttons there are, and nobody knows
        page.select(0)
    page.press("k")
    page.wait_for_text(SAID, "no answer yet: is the database running?")
    page.wait_for_notice("the database does not answer")
    assert kept.told() == []
    mongod.start()
    page.press("k")
    page.wait_for_chip(0, "ok")
    assert kept.shown() == {kept.suspects[0]: "ok"}
    assert kept.told() == [(kept.suspects[0], "ok", None)]


def test_a_grid_that_was_given_up_while_the_database_was_away_is_loaded_again_with_the_next_decision(page, kept, mongod, served):
    page.select(0)
    mongod.kill()
    page.page.evaluate("() => void window.__foo__.executeOperator('@voxel51/operators/reload_samples', {})")
    page.page.wait_for_selector("[data-cy=error-boundary]")
    mongod.start()
    page.press("k")
    page.wait_for_chip(0, "ok")
    assert kept.told() == [(kept.suspects[0], "ok", None)]
