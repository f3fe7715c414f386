// The browser's half of the plugin: keys, their help, repainting of decided samples, and the line that says what was done.
// No build step: FiftyOne puts its packages on window before it loads this file. What is internal to FiftyOne is guarded.
(function () {
  "use strict";
  const foo = window.__foo__, fos = window.__fos__;
  if (!foo || !fos || !foo.Operator) return;
  const PLUGIN = "@curate/review";
  // FiftyOne's advertisement would open over the review panel on the first visit. This file is loaded before the page is drawn.
  try { localStorage.setItem("fiftyone-enterprise-tooltip-seen", "true"); } catch (error) { /* then it is dismissed by hand */ }
  const WATCH_MS = 25;
  const SAID_MS = 2600, READ_MS = 70; // a line stays that long at least, and so long for each character
  const LATE = "no answer yet: is the database running?";
  const CHANGING = "not taken: the image was just changing; press the key again";
  const GRID_WAITS = "not taken: the key before is not done yet; press it again";
  const GONE = "not taken: another sample is open now; press the key again";
  const LEFT = "curate-left"; // where a page leaves word to the next one in its tab
  const MODAL = "[data-cy=modal]";
  const SHOWN_IMAGE = `${MODAL} [data-cy=modal-looker-container] canvas`;
  const FORM = "[data-cy=operators-prompt-modal]";
  const DIALOG = `${FORM}, [role=listbox]`;
  const CLASS_FIELD = `${FORM} input[role=combobox]`;
  const FORM_FIELD = `${FORM} :is(input, textarea, button, [role=combobox])`;
  const GAVE_UP = "[data-cy=error-boundary]"; // in place of a grid whose request failed
  const LEFT_MS = 60000; // that the word of the page before is shown: this one is drawn meanwhile
  const PATIENCE_MS = 5000; // until it is told that a key is not answered
  const SETTLED_MS = 600; // that the focus has stayed in the form: it stays there
  const CLOSED_MS = 200; // within which FiftyOne closes a sample, where it does
  const REDRAW_MS = 700; // that keys and pointer rest, so that grid and panel delay neither
  const LONGEST_MS = 30000; // so long a key waits for the one before: there are images that cannot be shown, and machines that are slow

  const KEYS = [
    { key: "g", operator: "next", says: "open the first undecided sample; in a sample: skip to the next", also: "n" },
    { key: "k", operator: "ok", says: "the given label is right: keep it" },
    { key: "a", operator: "accept", says: "accept the suggested label" },
    { key: "0 … 9", operator: "relabel_to_number", says: "relabel to class number 0 … 9" },
    { key: "l", operator: "relabel", says: "relabel to any class, or decide with a note", form: true },
    { key: "e", operator: "confirm_error", says: "the label is wrong, the right one is not known" },
    { key: "q", operator: "ambiguous", says: "ambiguous: no single label is right" },
    { key: "d", operator: "drop", says: "drop: the image does not belong in the dataset" },
    { key: "u", operator: "undo", says: "undo the last decision, or the last batch" },
    { key: "s", operator: "similar", says: "more like this" },
    { key: "w", operator: "why", says: "why does the net believe another label? what speaks for each, in the open sample" },
    { key: "h", says: "show or hide these keys" },
  ];

  // ---------------------------------------------------------------------------------------------------------------- the page
  const style = document.createElement("style");
  style.textContent = `
    #curate-said, #curate-bar, #curate-keys section { font: 500 14px/1.4 Palanquin, system-ui, sans-serif; color: #eef2f6; background: #17212bf5;
      border: 1px solid #ffffff2e; box-shadow: 0 6px 24px #0008; }
    #curate-said { position: fixed; left: 50%; bottom: 22px; transform: translate(-50%, 8px); z-index: 100000; opacity: 0; pointer-events: none;
      transition: opacity .12s, transform .12s; border-radius: 999px; padding: 7px 18px; white-space: nowrap; }
    #curate-said.shown { opacity: 1; transform: translate(-50%, 0); }
    #curate-said.above { bottom: 84px; }
    #curate-bar { position: fixed; left: 2vw; right: 2vw; bottom: 20px; width: max-content; max-width: 96vw; margin: 0 auto; z-index: 99999; display: none;
      gap: 6px; align-items: center; justify-content: center; flex-wrap: wrap; border-radius: 14px; padding: 7px; box-sizing: border-box; }
    #curate-bar.shown { display: flex; }
    #curate-bar button { font: inherit; color: inherit; background: #ffffff14; border: 1px solid transparent; border-radius: 9px; padding: 6px 10px; cursor: pointer; }
    #curate-bar button:hover, #curate-bar button:focus-visible { background: #ffffff2b; border-color: #ffffff4d; outline: none; }
    #curate-bar button:disabled { opacity: .4; cursor: default; }
    #curate-bar b { font-weight: 700; border-radius: 5px; padding: 1px 7px; margin: 0 2px; color: #fff; }
    #curate-bar .given b { background: #4a7fe8; } #curate-bar .suggested b { background: #e06000; } #curate-bar .decided { padding: 0 8px; color: #a9b6c2; }
    #curate-bar kbd, #curate-keys kbd { font: 600 12px/1 ui-monospace, monospace; background: #ffffff1f; border: 1px solid #ffffff3d; border-radius: 5px;
      padding: 2px 6px; color: #fff; }
    #curate-keys { position: fixed; inset: 0; z-index: 100001; display: none; align-items: center; justify-content: center; background: #0009; }
    #curate-keys.shown, #curate-picture.shown { display: flex; }
    #curate-picture { position: fixed; inset: 0; z-index: 100001; display: none; align-items: center; justify-content: center; background: #000b; }
    #curate-wait { position: fixed; left: 50%; top: 40%; transform: translate(-50%, -50%); z-index: 100001; display: none; gap: 14px; align-items: center;
      font: 500 15px/1.4 Palanquin, system-ui, sans-serif; color: #eef2f6; background: #17212bf5; border: 1px solid #ffffff4d; border-radius: 12px; padding: 16px 24px; }
    #curate-wait.shown { display: flex; }
    #curate-wait i { width: 22px; height: 22px; border: 3px solid #ffffff40; border-top-color: #fff; border-radius: 50%; animation: curate-turn 0.9s linear infinite; }
    @keyframes curate-turn { to { transform: rotate(1turn); } }
    @media (prefers-reduced-motion: reduce) { #curate-wait i { animation-duration: 4s; } }
    #curate-picture img { max-width: 92vw; max-height: 88vh; border-radius: 12px; background: #fff; box-shadow: 0 18px 60px #000a; }
    #curate-keys section { font-size: 15px; font-weight: 400; border-radius: 14px; padding: 24px 32px 20px; max-width: 92vw; }
    #curate-keys h2 { font-size: 18px; font-weight: 600; margin: 0 0 14px; }
    #curate-keys table { border-spacing: 0 7px; } #curate-keys td { padding: 0; vertical-align: baseline; }
    #curate-keys td:first-child { padding-right: 22px; white-space: nowrap; }
    #curate-keys p { margin: 14px 0 0; color: #a9b6c2; font-size: 13px; }`;
  const element = (tag, attributes, ...children) => {
    const made = Object.assign(document.createElement(tag), attributes);
    made.append(...children);
    return made;
  };
  const said = element("div", { id: "curate-said", role: "status" });
  const bar = element("div", { id: "curate-bar", role: "toolbar", ariaLabel: "Decide on this sample" });
  const rows = element("tbody", {});
  for (const entry of KEYS) {
    const keys = [entry.key, entry.also].filter(Boolean).flatMap((key) => [element("kbd", { textContent: key }), " "]);
    rows.append(element("tr", {}, element("td", {}, ...keys), element("td", { textContent: entry.says })));
  }
  const help = element("div", { id: "curate-keys", role: "dialog", ariaLabel: "Keys of the label review" },
    element("section", {}, element("h2", { textContent: "Label review" }), element("table", {}, rows), element("p", {
      textContent: "They act on the open sample, or on those selected in the grid. A decision in an open sample opens the next undecided one." })));
  const image = element("img", {});
  const picture = element("div", { id: "curate-picture", role: "dialog", ariaLabel: "Explanation; any key closes it" }, image);
  const waitWords = element("span", {});
  const waiting = element("div", { id: "curate-wait", role: "status" }, element("i", { ariaHidden: "true" }), waitWords);
  for (const layer of [help, picture]) layer.addEventListener("click", () => layer.classList.remove("shown"));
  document.head.append(style);
  document.body.append(said, bar, help, picture, waiting);

  let fading;
  let refused = { message: "", until: -Infinity }; // what is said of a key that was not taken stays beside what is said of others
  function say(message, milliseconds) {
    const both = performance.now() < refused.until && refused.message !== message;
    said.textContent = both ? `${message} · ${refused.message}` : message;
    milliseconds ??= Math.max(SAID_MS, READ_MS * said.textContent.length);
    said.classList.toggle("above", openId !== null);
    said.classList.add("shown");
    clearTimeout(fading);
    fading = setTimeout(() => said.classList.remove("shown"), milliseconds);
  }

  function refuse(message) {
    refused = { message, until: performance.now() + SAID_MS };
    say(message);
  }

  const store = () => fos.getCurrentEnvironment().getStore().getSource();

  function sampleOf(id) { // as the page has it; null where it has not loaded it
    const record = store().get(id) || store().get(id + "-modal");
    if (!record) return null;
    return typeof record.sample === "string" ? JSON.parse(record.sample) : record.sample;
  }

  function drawBar() {
    let sample = null;
    try { sample = openId && sampleOf(openId); } catch (error) { /* the bar is a convenience: the keys work without it */ }
    const isOurs = Boolean(sample) && typeof sample.sample_id === "string"; // there may be other datasets in the same App
    bar.classList.toggle("shown", isOurs);
    if (!isOurs) return;
    const [given, suggested, review] = [sample.ground_truth, sample.suggested, sample.review];
    const button = (key, className, press, ...content) => {
      const made = element("button", { className, type: "button", title: `key ${key}` }, ...content, " ", element("kbd", { textContent: key }));
      made.addEventListener("click", () => { made.blur(); press(); });
      return made;
    };
    const label = (one) => element("b", { textContent: one.label });
    const confidence = suggested && suggested.confidence != null ? ` ${Math.round(100 * suggested.confidence)} %` : "";
    const accept = button("a", "suggested", () => press("accept"), "suggested ", suggested ? label(suggested) : "none", confidence);
    accept.disabled = !suggested;
    bar.replaceChildren(
      button("k", "given", () => press("ok"), "given ", given ? label(given) : "none"),
      accept,
      button("e", "", () => press("confirm_error"), "wrong"),
      button("q", "", () => press("ambiguous"), "ambiguous"),
      button("l", "", () => press("relabel"), "other …"),
      button("u", "", () => press("undo"), "undo"),
      button("w", "", () => press("why"), "why?"),
      button("h", "", () => help.classList.add("shown"), "keys"),
      ...(review ? [element("span", { className: "decided", textContent: `decided: ${review.label}` })] : []),
    );
  }

  // ------------------------------------------------------------------------------------------------------------ repainting
  let openId = null; // of the open sample: the page's address tells it
  let isBehind = false; // whether grid and panels are still to be drawn after decisions
  let openSince = 0;
  let triggerPanel = null;
  const panels = new Map(); // id -> address of the method that draws it anew
  const files = new WeakMap(); // canvas -> file of the image that was painted on it
  let redrawing = null;

  const addressed = () => new URLSearchParams(location.search).get("id");
  setInterval(() => {
    const id = addressed();
    if (id === openId) return;
    openId = id;
    if (id === null && isBehind) redraw();
    openSince = performance.now();
    waitForSample(id, openSince);
  }, WATCH_MS);

  function waitForSample(id, since) {
    drawBar();
    if (id && id === openId && !bar.classList.contains("shown") && performance.now() - since < LONGEST_MS) {
      requestAnimationFrame(() => waitForSample(id, since));
    }
  }

  // Grid and panels: FiftyOne makes all tiles anew from the page's cache of samples, and lets the server count the whole dataset for the
  // sidebar. So tiles get their chip at once, and all else is drawn when keys and pointer rest; while a sample is open it covers them, and
  // the next one must not wait for that.
  function redraw() {
    clearTimeout(redrawing);
    redrawing = null;
    isBehind = false;
    foo.executeOperator("@voxel51/operators/reload_samples", {});
    redrawPanels();
  }

  function redrawPanels() {
    for (const [id, operator] of panels) if (triggerPanel) triggerPanel(id, { operator, params: {} });
  }

  function redrawSoon() {
    clearTimeout(redrawing);
    redrawing = setTimeout(() => {
      if (openId === null) redraw();
      else [isBehind, redrawing] = [true, null];
    }, REDRAW_MS);
  }

  for (const moved of ["pointermove", "pointerdown", "keydown", "wheel"]) {
    document.addEventListener(moved, () => { if (redrawing !== null) redrawSoon(); }, { capture: true, passive: true });
  }

  function drawChips(samples, colours) {
    const reviews = new Map(samples.map((sample) => [sample.filepath, sample.review]));
    for (const canvas of document.querySelectorAll("[data-cy=fo-grid] [data-cy=looker] canvas")) {
      if (!reviews.has(files.get(canvas))) continue;
      const review = reviews.get(files.get(canvas));
      let chip = canvas.parentElement.querySelector("[data-cy=tag-review]");
      if (!review) {
        if (chip) chip.remove();
        continue;
      }
      if (!chip) {
        const other = canvas.parentElement.querySelector("[data-cy^=tag-]");
        if (!other) continue;
        chip = other.cloneNode();
        chip.dataset.cy = "tag-review";
        other.parentElement.append(chip);
      }
      chip.textContent = review.label;
      chip.title = `review: ${review.label}`;
      chip.style.backgroundColor = colours[review.action] || "";
    }
  }

  class PatchSamples extends foo.Operator {
    get config() {
      return new foo.OperatorConfig({ name: "patch_samples", label: "Repaint decided samples", unlisted: true });
    }
    useHooks() {
      triggerPanel = foo.usePanelEvent ? foo.usePanelEvent() : null;
      return { update: fos.useUpdateSamples() };
    }
    async execute(ctx) {
      const patches = ctx.params.patches || {};
      if (document.querySelector(GAVE_UP)) { // the database was away and is back: what FiftyOne gave up on, it does not ask for again
        isGivenUp = true;
        loadAgain();
        return;
      }
      try {
        const updates = [];
        for (const [id, review] of Object.entries(patches)) {
          const sample = sampleOf(id);
          if (sample) updates.push([id, Object.assign({}, sample, { review })]);
        }
        if (updates.length) ctx.hooks.update(updates);
        drawChips(updates.map(([, sample]) => sample), ctx.params.colours || {});
        if (ctx.params.leaves) isBehind = true;
        else if (openId === null) redrawSoon();
        else redraw();
      } catch (error) {
        console.warn("curate: samples cannot be repainted one by one in this FiftyOne; the dataset is loaded again", error);
        foo.executeOperator("@voxel51/operators/reload_dataset", {});
        redrawPanels();
      }
      if (ctx.params.message) say(ctx.params.message);
      drawBar();
    }
  }
  foo.registerOperator(PatchSamples, PLUGIN);

  class ShowPicture extends foo.Operator {
    get config() {
      return new foo.OperatorConfig({ name: "show_picture", label: "Show a picture over the page", unlisted: true });
    }
    async execute(ctx) {
      image.src = ctx.params.source;
      image.alt = ctx.params.text;
      picture.classList.add("shown");
    }
  }
  foo.registerOperator(ShowPicture, PLUGIN);

  class PanelOpened extends foo.Operator {
    get config() {
      return new foo.OperatorConfig({ name: "panel_opened", label: "Note an opened panel", unlisted: true });
    }
    async execute(ctx) {
      panels.clear(); // there is one review panel at a time
      panels.set(ctx.params.panel_id, ctx.params.refresh);
    }
  }
  foo.registerOperator(PanelOpened, PLUGIN);

  // ------------------------------------------------------------------------------------------------------------------ keys
  // A key acts on the sample whose image is on the screen when it is pressed, and on no other. Keys that come before the last one is done
  // wait in order; by then another sample may be open. Where it is not plain which image was meant, none is decided on, and that is said.
  document.addEventListener("canvas-loaded", (event) => {
    if (event.detail) files.set(event.target, event.detail.sampleFilepath);
  }, true);

  // The file whose image is on the screen: the one before stays until the next is there. On a slow machine an image may be there before
  // the address of the page tells its sample, so that the canvas is asked, whenever it was painted.
  const paintedFile = () => files.get(document.querySelector(SHOWN_IMAGE));

  function seenId() { // null: the grid is seen; undefined: one image is taking the place of another
    const id = addressed();
    if (id === null) return document.querySelector(MODAL) ? undefined : null; // just opened, or just closed
    try {
      const sample = sampleOf(id);
      if (sample && sample.filepath === paintedFile()) return id;
    } catch (error) {
      return id; // internals of another FiftyOne
    }
    return id === openId && performance.now() - openSince > LONGEST_MS ? id : undefined;
  }

  const ON_ANY = new Set(["ok", "accept", "relabel_to_number", "confirm_error", "ambiguous", "drop", "undo"]); // also on what is no longer open
  const queue = []; // keys that wait for `current`
  let current = null; // the key whose answer is awaited, or the image after it
  let isGivenUp = false; // whether the page is to be loaded again

  function press(operator, params = {}) {
    const seen = seenId();
    const key = { operator, params, seen: seen === undefined && operator === "undo" ? addressed() : seen };
    if (key.seen === undefined) refuse(CHANGING);
    else if (current === null) send(key);
    else if (key.seen === null) refuse(GRID_WAITS); // what is selected by then may be others
    else if (operator === "undo" || !isSame(key, queue.at(-1) || current)) queue.push(key);
  }

  const isSame = (one, other) => ["operator", "seen"].every((name) => one[name] === other[name])
    && one.params.class_index === other.params.class_index;

  function send(key) {
    current = key;
    if (key.seen !== null && key.seen !== seenId() && !ON_ANY.has(key.operator)) {
      if (key.operator !== "next") refuse(GONE); // what was to be skipped is gone
      done(key);
    } else if (KEYS.some((one) => one.form && one.operator === key.operator)) {
      openForm(key.operator, key.seen);
      done(key);
    } else {
      run(key);
    }
  }

  function done(key) {
    if (current !== key) return;
    current = null;
    if (queue.length) send(queue.shift());
    else loadAgain();
  }

  function loadAgain() { // a page that FiftyOne gave up, once no key waits any more
    if (isGivenUp && current === null) location.reload();
  }

  // A page that is left takes the keys with it that wait: the browser asks first, and the next page tells how many there were.
  const numWaiting = () => [current, ...queue].filter((key) => key !== null && ON_ANY.has(key.operator)).length;
  window.addEventListener("beforeunload", (event) => { if (numWaiting()) event.preventDefault(); });
  window.addEventListener("pagehide", () => {
    try { if (numWaiting()) sessionStorage.setItem(LEFT, numWaiting()); } catch (error) { /* then it is not told */ }
  });
  try {
    const left = sessionStorage.getItem(LEFT);
    sessionStorage.removeItem(LEFT);
    if (left) say(`${left} keys had no answer when the page was left: look which of those samples are decided, and decide on the others`, LEFT_MS);
  } catch (error) { /* no such storage here */ }

  function doneWhenShown(key, before) {
    const started = performance.now();
    (function look() {
      if (isGivenUp || (addressed() !== before && seenId() !== undefined) || performance.now() - started > LONGEST_MS) done(key);
      else requestAnimationFrame(look);
    })();
  }

  function giveUp(key) {
    if (current !== key) return;
    if (queue.length) refuse(`${queue.length} more not taken: no answer came`);
    queue.length = 0;
    done(key);
  }

  // An explanation takes seconds on a busy machine: a sign that it works, with the seconds, until the picture is there.
  function waitWhile(words) {
    const started = performance.now();
    const tell = () => { waitWords.textContent = `${words} ${Math.round((performance.now() - started) / 1000)} s`; };
    tell();
    waiting.classList.add("shown");
    const ticking = setInterval(tell, 500);
    return () => { clearInterval(ticking); waiting.classList.remove("shown"); };
  }

  function openForm(operator, seen) {
    foo.executeOperator("@voxel51/operators/prompt_user_for_operation", { operator_uri: `${PLUGIN}/${operator}`, params: { seen } });
    // The focus goes to the class, so that one types at once. The dialog takes the focus when it has come in, and draws its fields anew.
    const started = performance.now();
    let since = null;
    (function focus() {
      const field = document.querySelector(CLASS_FIELD), now = performance.now();
      if (document.activeElement !== field && document.activeElement?.matches(FORM_FIELD)) return; // the reviewer went there
      if (!field || document.activeElement !== field) since = null;
      if (field && since === null) [since] = [now, field.focus()];
      if ((since === null || now - since < SETTLED_MS) && now - started < PATIENCE_MS) requestAnimationFrame(focus);
    })();
  }

  function run(key) {
    const { operator, params, seen } = key;
    const stopWaiting = operator === "why" ? waitWhile("Asking the net what it looks at …") : null;
    const before = addressed();
    const late = operator === "why" ? null : setTimeout(() => say(LATE, 20 * LONGEST_MS), PATIENCE_MS);
    const last = setTimeout(() => giveUp(key), LONGEST_MS);
    foo.executeOperator(`${PLUGIN}/${operator}`, { ...params, seen }, {
      callback: (result) => {
        clearTimeout(late);
        clearTimeout(last);
        if (stopWaiting) stopWaiting();
        if (said.textContent.startsWith(LATE)) said.classList.remove("shown");
        const moves = !result.error && result.result && result.result.moves;
        if (moves) doneWhenShown(key, before);
        else done(key);
      },
    });
  }

  // FiftyOne takes Escape only while the pointer is over the picture: who uses keys alone could not leave it.
  function closeUnlessClosed() {
    const id = openId;
    if (id === null || !bar.classList.contains("shown") || document.querySelector(DIALOG)) return;
    setTimeout(() => { if (addressed() === id) foo.executeOperator("@voxel51/operators/close_sample", {}); }, CLOSED_MS);
  }

  const isTyping = (target) => target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName);

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || isTyping(event.target)) return;
    if (picture.classList.contains("shown")) {
      picture.classList.remove("shown");
    } else if (help.classList.contains("shown") && (event.key === "Escape" || event.key === "h")) {
      help.classList.remove("shown");
    } else if (event.key === "h") {
      help.classList.add("shown");
    } else if (event.key === "Escape") {
      closeUnlessClosed();
      return;
    } else {
      if (help.classList.contains("shown") || document.querySelector(DIALOG)) return;
      const entry = KEYS.find((one) => one.operator && (one.key === event.key || one.also === event.key));
      const digit = /^[0-9]$/.test(event.key) ? Number(event.key) : null;
      if (!entry && digit === null) return;
      if (!event.repeat) {
        if (digit !== null) press("relabel_to_number", { class_index: digit });
        else press(entry.operator);
      }
    }
    event.preventDefault();
    event.stopPropagation();
  }, true);
})();
