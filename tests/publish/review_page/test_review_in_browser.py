"""The review page in a real browser, opened from the disk and without a network; what it saves goes back into the run."""

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
from review_run import NUM, NUM_FLAGGED, make_images, make_run

from curate.errors import DataError
from curate.options import Shown
from curate.publish.review_page.deck import statistics
from curate.publish.review_page.send_away import read, review_page
from curate.review import estimates
from curate.review.decisions import decisions, import_decisions
from curate.review.journal import Decision, append_decisions, read_journal

pytestmark = pytest.mark.app
AXE = """async (tags) => (await axe.run(document, {runOnly: {type: "tag", values: tags}})).violations
  .map((one) => `${one.id}: ${one.nodes.map((node) => node.target.join(" ")).join(", ")}`)"""
FOCUSED = """(() => {
  const active = document.activeElement, style = getComputedStyle(active);
  return [active.tagName, style.outlineStyle, style.outlineWidth];
})()"""
FORBIDDEN = "Object.defineProperty(window, 'localStorage', {get() { throw new DOMException('no', 'SecurityError') }})"
FULL = "Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError') }"


@pytest.fixture
def opened(browser):
    """Opens a page as one reviewer's browser has it; at the end nothing may have failed, and nothing been asked for elsewhere."""
    errors, requests, contexts = [], [], []

    def open_at(page, *, script=None, context=None, **options):
        if context is None:
            context = browser.new_context(offline=True, accept_downloads=True, **{"viewport": {"width": 1366, "height": 800}, **options})
            contexts.append(context)
        tab = context.new_page()
        if script:
            tab.add_init_script(script)
        tab.on("console", lambda message: errors.append(message.text) if message.type in ("error", "warning") else None)
        tab.on("pageerror", lambda error: errors.append(str(error)))
        tab.on("request", lambda request: requests.append(request.url))
        tab.goto(Path(page).as_uri())
        tab.wait_for_selector(".desk .frame img, .desk .end")
        return tab

    yield open_at
    for context in contexts:
        context.close()
    assert (errors, [url for url in requests if not url.startswith(("file:", "data:", "blob:"))]) == ([], [])


@pytest.fixture
def page(run, zoo, tmp_path):
    return review_page(run, zoo, Shown(check=30), to=tmp_path / "zoo.html")["page"]


def place(tab):
    return int(tab.inner_text("[data-is=place]").split(" of ")[0])


def wait(tab, part, text):
    tab.locator(f"[data-is={part}]").filter(has_text=text).wait_for(state="attached")


def press(tab, *keys):
    for key in keys:
        tab.keyboard.press(key)


def name(tab, who):
    tab.fill("[data-is=who]", who)
    tab.keyboard.press("Enter")


def saved(tab, to, kind="lines"):
    """The file that the page saves."""
    tab.click("[data-is=save]")
    with tab.expect_download() as download:
        tab.click(f"[data-is=save-{kind}]")
    path = to / download.value.suggested_filename
    download.value.save_as(path)
    return path


def kept(run):
    return [
        (one.sample_id.rsplit("/", 1)[-1][:3], one.action, one.label, one.who)
        for one in read_journal(run.path / "decisions.jsonl").decisions
    ]


def test_keys_decide_move_on_and_come_back_into_the_run(opened, page, run, tmp_path):
    tab = opened(page)
    name(tab, "Anna")
    press(tab, "k", "a", "e", "q", "d", "4")
    press(tab, "l")
    tab.keyboard.type("co")
    tab.fill("[data-is=note]", "horns")
    press(tab, "Enter")
    assert place(tab) == 8
    press(tab, "g")
    assert place(tab) == 9
    press(tab, "ArrowLeft", "ArrowLeft")
    assert (place(tab), tab.inner_text("[data-is=decided]")) == (7, "You decided: it is cow (horns).")
    path = saved(tab, tmp_path)
    assert path.name == "zoo-Anna-decisions.jsonl"
    told = import_decisions(run, path)
    assert (told["num_added"], told["reviewers"]) == (7, {"Anna": 7})
    assert kept(run) == [
        ("000", "ok", None, "Anna"),
        ("001", "accept_suggestion", "cow", "Anna"),
        ("002", "confirm_error", None, "Anna"),
        ("003", "ambiguous", None, "Anna"),
        ("004", "drop", None, "Anna"),
        ("005", "relabel", "eel", "Anna"),
        ("006", "relabel", "cow", "Anna"),
    ]
    last = read_journal(run.path / "decisions.jsonl").decisions[-1]
    assert (last.note, last.given, last.suggested, last.is_label_issue) == ("horns", "bee", "cow", True)
    again = import_decisions(run, path)
    assert (again["num_added"], again["num_already_there"]) == (0, 7)


def test_keys_with_a_modifier_or_typed_into_a_field_decide_nothing(opened, page):
    tab = opened(page)
    press(tab, "Control+k", "Alt+e")
    tab.click("[data-is=who]")
    tab.keyboard.type("kaeqd")
    assert place(tab) == 1


def test_undo_takes_back_and_returns_and_the_file_says_so(opened, page, run, tmp_path):
    tab = opened(page)
    press(tab, "k", "e", "u")
    assert place(tab) == 2
    press(tab, "u", "u")
    assert place(tab) == 1 and "no decision of yours" in tab.inner_text("[data-is=said]")
    press(tab, "a")
    import_decisions(run, saved(tab, tmp_path), who="ben")
    assert [action for _, action, _, _ in kept(run)] == ["ok", "confirm_error", "undo", "undo", "accept_suggestion"]
    told = decisions(run)
    assert (told["num_decisions"], told["actions"], told["reviewers"]) == (1, {"accept_suggestion": 1}, {"ben": 1})


def test_decisions_survive_closing_and_each_reviewer_has_their_own(opened, page):
    tab = opened(page)
    press(tab, "k", "a")
    name(tab, "Anna")
    press(tab, "e")
    context = tab.context
    tab.close()
    tab = opened(page, context=context)
    assert (place(tab), tab.input_value("[data-is=who]"), tab.inner_text("[data-is=done]")) == (4, "Anna", "3 of 40")
    name(tab, "Ben")
    assert place(tab) == 1 and "3 decisions of Anna stay in this browser" in tab.inner_text("[data-is=said]")
    name(tab, "Anna")
    assert place(tab) == 4


def test_two_tabs_of_one_page_lose_nothing(opened, page):
    first = opened(page)
    second = opened(page, context=first.context)
    press(first, "k")
    press(second, "ArrowRight", "e")
    wait(first, "done", "2 of 40")


@pytest.mark.parametrize(("script", "told"), [(FORBIDDEN, "does not let the page keep anything"), (FULL, "storage is full")])
def test_where_nothing_can_be_kept_the_page_says_so_and_saves_a_file_all_the_same(opened, page, run, tmp_path, script, told):
    tab = opened(page, script=script)
    press(tab, "k", "a")
    tab.wait_for_selector("[data-is=trouble]:not([hidden])")
    assert told in tab.inner_text("[data-is=trouble]")
    assert import_decisions(run, saved(tab, tmp_path))["num_added"] == 2


def test_a_saved_file_goes_on_in_another_browser(opened, page, tmp_path):
    tab = opened(page)
    name(tab, "Anna")
    press(tab, "k", "a", "e")
    path = saved(tab, tmp_path)
    other = opened(page)
    other.click("[data-is=save]")
    other.set_input_files("[data-is=load]", path)
    wait(other, "done", "3 of 40")
    assert other.input_value("[data-is=who]") == "Anna"
    (tmp_path / "poem.jsonl").write_text("roses are red\n")
    other.click("[data-is=save]")
    other.set_input_files("[data-is=load]", tmp_path / "poem.jsonl")
    wait(other, "said", "poem.jsonl is not a file of decisions")


def test_a_table_that_excel_saved_again_is_read(opened, page, run, tmp_path):
    tab = opened(page)
    name(tab, "Anna")
    press(tab, "a", "l")
    tab.fill("[data-is=note]", "=SUM(1); “odd”")
    tab.click("[data-is=others] button:has-text('wrong')")
    path = saved(tab, tmp_path, "csv")
    rows = list(csv.reader(io.StringIO(path.read_text(encoding="utf-8-sig"))))
    excel = io.StringIO()
    csv.writer(excel, delimiter=";").writerows(rows)
    path.write_bytes(b"\xef\xbb\xbf" + excel.getvalue().encode())
    assert import_decisions(run, path)["num_added"] == 2
    assert kept(run)[0] == ("000", "accept_suggestion", "bee", "Anna")
    assert read_journal(run.path / "decisions.jsonl").decisions[1].note == "=SUM(1); “odd”"


def test_two_reviewers_agree_differ_and_a_third_settles_it(opened, page, run, zoo, tmp_path):
    for who, keys in (("Anna", "kk"), ("Ben", "ka")):
        tab = opened(page)
        name(tab, who)
        press(tab, *keys)
        import_decisions(run, saved(tab, tmp_path))
    told = decisions(run)
    assert (told["num_conflicts"], told["agreement"][0]["observed"]) == (1, 0.5)
    tab = opened(review_page(run, zoo, Shown(only="conflicts"), to=tmp_path / "conflicts.html")["page"])
    assert tab.inner_text("[data-is=decided]") == "Reviewers said: Anna: right; Ben: cow."
    name(tab, "Eve")
    press(tab, "a")
    import_decisions(run, saved(tab, tmp_path))
    assert decisions(run)["num_conflicts"] == 0 and read_journal(run.path / "decisions.jsonl").decisions[-1].adjudicates


def test_a_blind_page_holds_no_label_and_no_id_and_still_finds_back(opened, run, zoo, tmp_path):
    page = review_page(run, zoo, Shown(check=30, blind=True), to=tmp_path / "blind.html")["page"]
    text = page.read_text(encoding="utf-8")
    data = json.loads(text.split('id="data">')[1].split("</script>")[0])
    assert not {"given", "suggested", "top", "opinions"} & data.keys() and "zoo/train" not in text and set(data["kind"]) == {"blind"}
    tab = opened(page)
    assert not tab.is_visible("[data-is=given-box]") and tab.locator("button.ok").count() == 0
    press(tab, "k")
    assert "Labels are hidden" in tab.inner_text("[data-is=said]")
    press(tab, "0", "0", "0", "d")
    told = import_decisions(run, saved(tab, tmp_path), who="eve")
    made = read_journal(run.path / "decisions.jsonl").decisions
    assert told["num_added"] == 4 and {one.sample_id for one in made} <= set(zoo.sample_ids.tolist())
    for one in made[:3]:
        assert (one.action, one.label) == (("ok", None) if one.given == "ant" else ("relabel", "ant"))
    assert import_decisions(run, saved(tab, tmp_path, "csv"), who="eve")["num_added"] == 0


def test_300_classes_are_found_by_typing(opened, tmp_path):
    images = make_images(tmp_path / "many", 300)
    run = make_run(tmp_path / "runs" / "many", images)
    tab = opened(review_page(run, images, Shown(check=0), to=tmp_path / "many.html")["page"])
    press(tab, "l")
    assert tab.locator("[role=option]").count() == 300
    tab.keyboard.type("27")
    assert tab.locator("[role=option]").all_inner_texts()[0].startswith("class <027>")
    press(tab, "ArrowDown", "Enter")
    assert import_decisions(run, saved(tab, tmp_path))["num_added"] == 1
    assert kept(run)[0][1:3] == ("relabel", "class <127>")


def test_on_a_phone_a_thumb_decides_and_nothing_is_cut(opened, page):
    tab = opened(page, viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
    tab.tap("button.accept_suggestion")
    tab.tap("button.ok")
    assert place(tab) == 3
    assert tab.evaluate("document.documentElement.scrollWidth") <= 360
    box = tab.locator("button.ok").bounding_box()
    assert box["height"] >= 44 and box["y"] + box["height"] <= 740


def test_a_folder_does_what_the_file_does_and_says_what_is_missing_inside_a_zip(opened, browser, run, zoo, tmp_path):
    index = review_page(run, zoo, Shown(check=5), to=tmp_path / "site")["page"]
    tab = opened(index)
    press(tab, "k")
    assert place(tab) == 2
    assert tab.evaluate("[...document.querySelectorAll('.frame img')].every((image) => image.naturalWidth > 0)")
    (tmp_path / "alone").mkdir()
    (tmp_path / "alone" / "index.html").write_bytes(index.read_bytes())
    alone = browser.new_page()
    alone.goto((tmp_path / "alone" / "index.html").as_uri())
    assert "Unpack the zip, then open index.html" in alone.inner_text("#desk")
    alone.close()


def test_pictures_have_their_shape_and_the_queue_ends_with_the_random_check(opened, page):
    tab = opened(page)
    width, height = tab.evaluate("(() => { const i = document.querySelector('.frame img'); return [i.naturalWidth, i.naturalHeight] })()")
    assert (width, height) == (400, 267)
    press(tab, *"k" * NUM_FLAGGED)
    assert "All 40 pictures of this queue are decided." in tab.inner_text(".end")
    tab.click(".end button")
    assert (place(tab), tab.inner_text("[data-is=suggested-word]")) == (1, "the model agrees")
    press(tab, "k", "e")
    wait(tab, "figures", "by 2 of the random check")


def test_a_page_is_usable_without_a_mouse_and_passes_axe(opened, page, run, zoo, tmp_path):
    axe = pytest.importorskip("axe_playwright_python.base", reason="axe-core comes with axe-playwright-python")
    source = Path(axe.__file__).with_name("axe.min.js").read_text(encoding="utf-8")
    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    for scheme in ("light", "dark"):
        tab = opened(page, script=source, color_scheme=scheme)
        press(tab, "k", "a", "w")
        tab.wait_for_timeout(400)
        assert tab.evaluate(AXE, tags) == []
        press(tab, "s")
        assert tab.evaluate(AXE, tags) == []
        for key in ("l", "h", "z"):
            press(tab, key)
            assert tab.evaluate(AXE, tags) == []
            press(tab, "Escape")
        tab.click("[data-is=save]")
        assert tab.evaluate(AXE, tags) == []
        press(tab, "Escape")
        press(tab, *"k" * NUM_FLAGGED)
        assert tab.evaluate(AXE, tags) == []
    press(tab, "Tab")
    seen = set()
    for _ in range(40):
        press(tab, "Tab")
        focused = tab.evaluate(FOCUSED)
        seen.add(focused[0])
        assert focused[0] == "BODY" or (focused[1], focused[2]) == ("solid", "3px")
    assert {"INPUT", "BUTTON"} <= seen


def test_page_and_python_compute_the_same(browser):
    tab = browser.new_page()
    tab.evaluate(f"() => {{ {read('statistics.js')}; window.all = {{expectedErrorsInNext, missedErrors, errorsAmong, paceOf, advice}} }}")
    generator, told = np.random.default_rng(0), statistics()
    for case in range(25):
        num = int(generator.integers(30, 600))
        chance = generator.random() * np.exp(-np.arange(num) / generator.integers(20, 600))
        codes = np.where(generator.random(num) < chance, estimates.WRONG, estimates.RIGHT)
        codes[int(generator.integers(10, num)) :] = estimates.UNDECIDED
        codes[generator.random(num) < 0.1] = (estimates.UNDECIDED, estimates.AMBIGUOUS)[case % 2]
        own = estimates.expected_errors_in_next(codes, estimates.NUM_NEXT)
        theirs = tab.evaluate("([S, codes, n]) => all.expectedErrorsInNext(S, codes, n)", [told, codes.tolist(), estimates.NUM_NEXT])
        decided = int((codes != estimates.UNDECIDED).sum())
        if own is None:
            assert theirs is None
        else:
            assert theirs["value"] == pytest.approx(own.num_errors.value, rel=1e-9)
            assert (theirs["low"], theirs["high"], theirs["num_next"], theirs["num_used"]) == (
                own.num_errors.low,
                own.num_errors.high,
                own.num_next,
                own.num_used,
            )
        counts = {"numDecided": decided, "numLeft": num - decided, "secondsEach": [None, 4.5][case % 2]}
        words = estimates.advice(own, num_decided=decided, num_left=num - decided, seconds_each=counts["secondsEach"])
        assert tab.evaluate("([S, p, c]) => all.advice(S, p, c)", [told, theirs, counts]) == words
        probability = generator.random(num)
        among = estimates.errors_among(codes, probability)
        theirs = tab.evaluate("([S, codes, p]) => all.errorsAmong(S, codes, p)", [told, codes.tolist(), probability.tolist()])
        assert [theirs[name] for name in ("value", "low", "high")] == pytest.approx([among.value, among.low, among.high], rel=1e-9)
        sampled = int(generator.integers(1, 100))
        wrong = int(generator.integers(0, sampled + 1))
        missed = estimates.missed_errors(3000, sampled, wrong)
        theirs = tab.evaluate("([n, s, w]) => all.missedErrors(n, s, w)", [3000, sampled, wrong])
        assert (theirs["value"], theirs["low"], theirs["high"]) == (pytest.approx(missed.value), missed.low, missed.high)
        times = np.cumsum(generator.exponential(20, 30)).tolist()
        pace = estimates.pace(times, 9)
        theirs = tab.evaluate("([S, t]) => all.paceOf(S, t, 9)", [told, times])
        assert (theirs["perMinute"], theirs["secondsLeft"]) == (pytest.approx(pace.per_minute), pytest.approx(pace.seconds_left))
    tab.close()


def test_the_file_of_another_page_changes_nothing_and_one_of_a_larger_set_gives_what_fits(opened, page, run, tmp_path):
    tab = opened(page)
    press(tab, "k", "a")
    path = saved(tab, tmp_path)
    extra = Decision("farm/train/9", "ok", run="farm")
    other = tmp_path / "other.jsonl"
    append_decisions(other, [extra])
    with pytest.raises(DataError, match=r"about other pictures: none of its 1 decisions .* of run 'farm'; nothing was changed"):
        import_decisions(run, other)
    append_decisions(path, [extra])
    told = import_decisions(run, path)
    assert (told["num_added"], told["num_of_other_pictures"]) == (2, 1) and told["num_added"] < NUM
