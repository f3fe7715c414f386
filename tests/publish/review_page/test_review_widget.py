"""The review in a notebook: the widget's two halves, Python here and JavaScript in a browser, with a wire between them as Jupyter has."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from curate.publish.inline import audit_inline
from curate.review.journal import Decision, append_decisions, read_journal
from curate.verbs.audited import Audit

anywidget = pytest.importorskip("anywidget", reason="the widget needs anywidget: pip install 'curate[notebook]'")

CONNECT = """async ([esm, css, state]) => {
  document.head.append(Object.assign(document.createElement("style"), {textContent: css}));
  window.seen = [];
  document.body.addEventListener("keydown", (event) => window.seen.push(event.key));
  const listeners = [];
  const bytes = (text) => new DataView(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer);
  const model = {
    get: (name) => state[name],
    on: (event, listener) => listeners.push(listener),
    send: async (content) => {
      for (const [message, buffers] of await toPython(content)) for (const listener of listeners) listener(message, buffers.map(bytes));
    },
  };
  const module = await import(URL.createObjectURL(new Blob([esm], {type: "text/javascript"})));
  module.default.render({model, el: document.getElementById("cell")});
}"""


@pytest.fixture
def audit(run, zoo):
    return Audit(run, zoo)


def answers(widget, content):
    """What the widget sends back when the browser sends `content`."""
    sent = []
    widget.send = lambda message, buffers=(): sent.append([message, [base64.b64encode(buffer).decode() for buffer in buffers]])
    widget._handle_custom_msg(content, [])
    return sent


@pytest.fixture
def notebook(browser):
    """Shows a widget in a page; the page must not fail."""
    errors, contexts = [], []

    def show(widget):
        contexts.append(browser.new_context(viewport={"width": 900, "height": 1000}))
        tab = contexts[-1].new_page()
        tab.on("pageerror", lambda error: errors.append(str(error)))
        tab.expose_function("toPython", lambda content: answers(widget, content))
        tab.set_content("<html lang=en><body><div id=cell></div></body></html>")
        tab.evaluate(CONNECT, [widget._esm, widget._css, {"deck": widget.deck, "entries": widget.entries}])
        tab.wait_for_selector(".desk .frame img")
        return tab

    yield show
    for context in contexts:
        context.close()
    assert errors == []


@pytest.mark.app
def test_keys_in_the_notebook_write_the_journal_and_stay_out_of_the_notebook(audit, notebook):
    tab = notebook(audit.review_inline("anna", limit=5, check=3))
    tab.wait_for_function("() => document.querySelector('.frame img').naturalWidth === 400")
    tab.focus(".desk")
    for key in ("k", "a", "d", "u"):
        tab.keyboard.press(key)
    tab.locator("[data-is=place]", has_text="3 of 5").wait_for()
    tab.wait_for_timeout(200)
    made = read_journal(audit.run.path / "decisions.jsonl").decisions
    assert [(one.action, one.label, one.who) for one in made] == [
        ("ok", None, "anna"),
        ("accept_suggestion", "cow", "anna"),
        ("drop", None, "anna"),
        ("undo", None, "anna"),
    ]
    assert tab.evaluate("window.seen") == []
    again = notebook(audit.review_inline("anna", limit=5, check=3))
    assert again.inner_text("[data-is=done]") == "2 of 5"
    again.focus(".desk")
    again.keyboard.press("u")
    again.locator("[data-is=place]", has_text="2 of 5").wait_for()


@pytest.mark.app
def test_a_decision_that_cannot_be_kept_is_told_and_its_picture_comes_back(audit, notebook, monkeypatch):
    def full(path, decisions):
        from curate.errors import StorageError

        raise StorageError("the disk is full")

    monkeypatch.setattr("curate.publish.review_page.widget.append_decisions", full)
    tab = notebook(audit.review_inline("anna", limit=5, check=0))
    tab.focus(".desk")
    tab.keyboard.press("k")
    tab.locator("[data-is=said]", has_text="Not kept: the disk is full").wait_for()
    assert tab.inner_text("[data-is=place]").startswith("1 of 5")


def test_what_the_reviewer_decided_elsewhere_is_there_already(audit):
    sample_id = str(audit.image_set.sample_ids[0])
    append_decisions(
        audit.run.path / "decisions.jsonl", [Decision(sample_id, "ok", who="anna", given="ant"), Decision(sample_id, "drop", who="ben")]
    )
    assert [one["action"] for one in audit.review_inline("anna").entries] == ["ok"]
    blind = audit.review_inline("anna", blind=True)
    assert [(one["action"], one["label"], one["given"]) for one in blind.entries] == [("relabel", "ant", None)]
    entry = {**blind.entries[0], "id": "0" * 32, "label": "bee", "content": "", "page": ""}
    assert answers(blind, {"kind": "decision", "entry": entry}) == [[{"kind": "kept", "id": "0" * 32}, []]]
    last = read_journal(audit.run.path / "decisions.jsonl").decisions[-1]
    assert (last.sample_id, last.action, last.label, last.given) == (sample_id, "relabel", "bee", "ant")


def test_the_review_is_a_widget_when_it_is_asked_for(audit):
    assert isinstance(audit.review("anna", inline=True), anywidget.AnyWidget)


def test_an_audit_says_in_a_line_what_it_found(audit):
    (audit.run.path / "findings.json").write_text('{"counts": {"label_issues": 40}}')
    assert repr(audit) == "<Audit 'zoo': 40 label issues in 130 samples>"
    assert "zoo: 40 of 130 labels (30.8\u00a0%) are probably wrong; here are the worst." in audit._repr_html_()


def test_an_audit_shows_itself_with_pictures_and_a_map(audit, zoo):
    for name, values in (
        ("labels", zoo.labels),
        ("sample_ids", zoo.sample_ids),
        ("projection", np.random.default_rng(0).normal(size=(len(zoo), 2))),
    ):
        audit.run.save_array(f"{name}.npy", values)
    shown = audit_inline(audit.run, audit.issues, {"counts": {"outliers": 3}}, zoo)
    assert (
        "zoo: 40 of 130 labels (30.8\u00a0%) are probably wrong; here are the worst." in shown
        and shown.count("data:image/jpeg") == 12
        and "<script" not in shown
    )
    [drawn] = [part for part in shown.split('"') if part.startswith("data:image/png")]
    assert np.asarray(Image.open(io.BytesIO(base64.b64decode(drawn.split(",")[1]))).convert("L")).std() > 5
    assert "given <b>ant</b>" in audit_inline(audit.run, audit.issues, {"counts": {}}, None)
