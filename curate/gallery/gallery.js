"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const D = window.GALLERY;
  const app = $("app");
  app.hidden = false;
  if (!D) {
    app.replaceChildren(make("p", { className: "nothing" }, "The file data.js is missing; it has to lie beside this page."));
    return;
  }
  const N = D.id.length;
  const WRONG = -1, AMBIGUOUS = -2, MISPLACED = -3; // opinions that name no class
  const STATES = {
    open: { words: "Not reviewed", short: "not reviewed", mark: "–" },
    error: { words: "Confirmed error", short: "wrong", mark: "×" },
    right: { words: "Label is right", short: "right", mark: "✓" },
    ambiguous: { words: "Ambiguous", short: "ambiguous", mark: "?" },
    conflict: { words: "Reviewers disagree", short: "disagree", mark: "≠" },
  };
  const CHIPS = ["error", "right", "ambiguous", "conflict", "open"];
  const number = new Intl.NumberFormat("en");
  const fullId = (i) => D.prefix + D.id[i];
  const place = new Map(D.id.map((id, i) => [D.prefix + id, i]));
  const classOf = (k) => D.classes[k];

  function make(tag, properties = {}, ...children) {
    const { dataset, aria, ...own } = properties;
    const element = Object.assign(document.createElement(tag), own);
    Object.assign(element.dataset, dataset);
    for (const [name, value] of Object.entries(aria || {})) element.setAttribute(`aria-${name}`, value);
    element.append(...children);
    return element;
  }

  // ---- what is chosen: in `view`, in the form, and in the address
  const FIELDS = ["q", "state", "given", "guessed", "split", "sort", "card"];
  const FILTERS = ["q", "state", "given", "guessed", "split"];
  let view = Object.fromEntries(FIELDS.map((field) => [field, ""]));
  const hashOf = (changes = {}) => {
    const chosen = { ...view, ...changes };
    const encoded = (value) => encodeURIComponent(value).replaceAll("%2F", "/");
    return `#${FIELDS.filter((field) => chosen[field]).map((field) => `${field}=${encoded(chosen[field])}`).join("&")}`;
  };
  const readHash = () => {
    const hash = location.hash.slice(1);
    const found = new URLSearchParams(hash);
    const next = Object.fromEntries(FIELDS.map((field) => [field, found.get(field) || ""]));
    if (hash && !FIELDS.some((field) => found.has(field))) next.card = found.keys().next().value; // a bare id
    if (next.card && !place.has(next.card) && place.has(D.prefix + next.card)) next.card = D.prefix + next.card;
    return next;
  };
  const choose = (changes) => {
    view = { ...view, ...changes };
    history.replaceState(null, "", hashOf());
    apply();
  };

  // ---- which cards those are, and how many there would be under other choices
  const lower = D.id.map((id) => (D.prefix + id).toLowerCase());
  const found = (query) => {
    const wanted = query.trim().toLowerCase();
    if (!wanted) return null;
    const part = new Uint8Array(N), whole = new Uint8Array(N);
    let isWhole = false;
    lower.forEach((id, i) => {
      if (!id.includes(wanted)) return;
      part[i] = 1;
      if (id === wanted || id.endsWith(`/${wanted}`)) isWhole = Boolean((whole[i] = 1));
    });
    return isWhole ? whole : part;
  };
  let idOrder = null;
  const inOrder = () => {
    if (view.sort !== "id") return null;
    idOrder ||= Int32Array.from(D.id.keys()).sort((a, b) => D.split[a] - D.split[b] || D.position[a] - D.position[b]);
    return idOrder;
  };
  let shown = [];
  let ofState, ofPair;
  const select = () => {
    const hits = found(view.q), order = inOrder();
    const state = D.states.indexOf(view.state), split = D.splits.indexOf(view.split);
    const given = D.classes.indexOf(view.given), guessed = D.classes.indexOf(view.guessed);
    ofState = new Map(), ofPair = new Map(), shown = [];
    for (let at = 0; at < N; at++) {
      const i = order ? order[at] : at;
      if ((hits && !hits[i]) || (view.split && D.split[i] !== split)) continue;
      const isState = !view.state || D.state[i] === state;
      const isPair = (!view.given || D.given[i] === given) && (!view.guessed || D.guessed[i] === guessed);
      if (isPair) ofState.set(D.state[i], (ofState.get(D.state[i]) || 0) + 1);
      if (isState) {
        const pair = D.given[i] * D.classes.length + D.guessed[i];
        ofPair.set(pair, (ofPair.get(pair) || 0) + 1);
      }
      if (isState && isPair) shown.push(i);
    }
  };

  // ---- pictures: tiles of sheets, drawn on canvases when their sheet is there
  const MAX_SHEETS = 60;
  const perSheet = D.sheet.columns ** 2;
  const sheets = new Map(); // the last used at the end
  const sheetOf = (i) => {
    const key = Math.floor(i / perSheet);
    const sheet = sheets.get(key) || { image: Object.assign(new Image(), { src: `images/${key}${D.sheet.suffix}` }) };
    sheets.delete(key);
    sheets.set(key, sheet);
    sheet.ready ||= sheet.image.decode();
    if (sheets.size > MAX_SHEETS) sheets.delete(sheets.keys().next().value);
    return sheet;
  };
  const draw = (canvas, i) => {
    const { width, height, columns } = D.sheet;
    Object.assign(canvas, { width, height });
    canvas.dataset.card = i;
    const sheet = sheetOf(i);
    const tile = i % perSheet;
    const paint = () => {
      if (Number(canvas.dataset.card) !== i) return;
      canvas.getContext("2d").drawImage(sheet.image, (tile % columns) * width, Math.floor(tile / columns) * height, width, height, 0, 0, width, height);
    };
    if (sheet.image.complete && sheet.image.naturalWidth) paint();
    else sheet.ready.then(paint, () => {}); // a sheet that is gone leaves its cards grey
  };

  // ---- words of one card
  const stateOf = (i) => D.states[D.state[i]];
  const consensusOf = (i) => {
    const state = stateOf(i);
    if (state === "right") return classOf(D.given[i]);
    return state === "error" && D.corrected[i] >= 0 ? classOf(D.corrected[i]) : STATES[state].short;
  };
  const opinionWords = (opinion, given) => {
    const known = { [given]: "the label is right", [WRONG]: "the label is wrong", [AMBIGUOUS]: "it is ambiguous", [MISPLACED]: "the picture does not belong here" };
    return known[opinion] || `it is ${classOf(opinion)}`;
  };
  const votesOf = (i) => {
    const opinions = D.opinions[i] || [];
    const total = opinions.reduce((sum, [, count]) => sum + count, 0);
    const holds = {
      right: (opinion) => opinion === D.given[i],
      error: (opinion) => opinion !== D.given[i] && opinion !== AMBIGUOUS,
      ambiguous: (opinion) => opinion === AMBIGUOUS,
      conflict: (opinion) => opinion === opinions[0][0],
      open: () => false,
    }[stateOf(i)];
    return { opinions, total, count: opinions.reduce((sum, [opinion, count]) => sum + (holds(opinion) ? count : 0), 0) };
  };
  const voteSentence = (i) => {
    const { total, count } = votesOf(i);
    const claim = { right: "label is right", error: "label is wrong", ambiguous: "ambiguous", conflict: "no majority" }[stateOf(i)];
    if (!claim) return "Nobody has looked at it yet.";
    if (stateOf(i) === "conflict") return `${total} reviewers, no majority.`;
    return `${count} of ${total} reviewer${total === 1 ? "" : "s"}: ${claim}.`;
  };
  const badge = (state) => make("span", { className: "mark", aria: { hidden: "true" } }, STATES[state].mark);
  const verdict = (i) => {
    const state = stateOf(i);
    const title = `${STATES[state].words}. ${voteSentence(i)}`;
    const text = make("b", {}, consensusOf(i));
    return make("span", { className: `verdict ${state}`, title }, ...(state === "open" ? [text] : [badge(state), text]));
  };
  const line = (name, value) => make("span", {}, make("span", {}, name), value);

  // ---- the grid: only the cards on the screen and a little around it are in the document
  const grid = $("cards");
  const MIN_SIDE = 164, GAP = 14, ROW_GAP = 18, AROUND = 600; // pixels
  const nodes = new Map(); // by place in `shown`
  let columns = 1, side = 0, rowHeight = 1, captionHeight = 0;
  let active = 0; // the place that Tab leads to
  let target = -1; // the card that a link led to

  const makeCard = (at) => {
    const i = shown[at];
    const canvas = make("canvas", { role: "img", aria: { label: `Picture ${D.id[i]}` } });
    const votes = votesOf(i);
    const caption = make("span", { className: "caption" },
      line("given", make("b", { className: "given", title: classOf(D.given[i]) }, classOf(D.given[i]))),
      line("guessed", make("b", { className: "guessed", title: classOf(D.guessed[i]) }, classOf(D.guessed[i]))),
      line("consensus", verdict(i)),
      make("span", { className: "id" }, make("span", { title: fullId(i) }, D.id[i]), make("span", { title: voteSentence(i) }, votes.total ? `${votes.count} of ${votes.total}` : "")),
    );
    const link = make("a", { className: `card${i === target ? " target" : ""}`, href: hashOf({ card: fullId(i) }), tabIndex: -1, dataset: { at } }, canvas, caption);
    const item = make("li", { aria: { setsize: shown.length, posinset: at + 1 }, dataset: { id: fullId(i) } }, link);
    item.style.width = `${side}px`;
    item.style.transform = `translate(${(at % columns) * (side + GAP)}px, ${Math.floor(at / columns) * rowHeight}px)`;
    draw(canvas, i);
    return item;
  };
  const render = () => {
    const top = grid.getBoundingClientRect().top;
    const first = Math.max(0, Math.floor((-top - AROUND) / rowHeight)) * columns;
    const last = Math.min(shown.length, Math.max(0, Math.ceil((innerHeight - top + AROUND) / rowHeight)) * columns);
    for (const [at, node] of nodes) {
      if ((at < first || at >= last) && !node.contains(document.activeElement)) {
        node.remove();
        nodes.delete(at);
      }
    }
    let next = grid.firstElementChild;
    while (next && Number(next.firstChild.dataset.at) < first) next = next.nextElementSibling;
    for (let at = first; at < last; at++) {
      if (nodes.has(at)) next = nodes.get(at).nextElementSibling;
      else {
        nodes.set(at, makeCard(at));
        grid.insertBefore(nodes.get(at), next);
      }
    }
    const onScreen = Math.max(0, Math.ceil(-top / rowHeight)) * columns;
    const stop = nodes.has(active) ? active : Math.min(onScreen, shown.length - 1);
    for (const [at, node] of nodes) node.firstChild.tabIndex = at === stop ? 0 : -1;
  };
  const measure = () => {
    const width = grid.clientWidth;
    columns = Math.max(2, Math.floor((width + GAP) / (MIN_SIDE + GAP)));
    side = (width - GAP * (columns - 1)) / columns;
    if (shown.length) {
      const probe = makeCard(0);
      grid.append(probe);
      captionHeight = probe.querySelector(".caption").offsetHeight;
      probe.remove();
    }
    rowHeight = side + captionHeight + ROW_GAP;
  };
  const rebuild = () => {
    nodes.clear();
    grid.replaceChildren();
    measure();
    grid.style.height = `${Math.max(0, Math.ceil(shown.length / columns) * rowHeight - ROW_GAP)}px`;
    render();
  };
  const stickyHeight = () => (getComputedStyle($("controls")).position === "sticky" ? $("controls").offsetHeight : 0);
  const reveal = (at) => {
    const top = grid.getBoundingClientRect().top + scrollY + Math.floor(at / columns) * rowHeight;
    const above = top - stickyHeight() - 8, below = top + rowHeight - innerHeight;
    if (scrollY > above) scrollTo(0, above);
    else if (scrollY < below) scrollTo(0, below);
    render();
  };
  const focusCard = (at) => {
    active = at;
    reveal(at);
    nodes.get(at)?.firstChild.focus({ preventScroll: true });
  };
  grid.addEventListener("focusin", (event) => {
    const card = event.target.closest(".card");
    if (card) active = Number(card.dataset.at);
  });
  grid.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns, Home: -shown.length, End: shown.length }[event.key];
    if (!step || event.ctrlKey || event.altKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const to = active + step;
    focusCard(Math.abs(step) === shown.length ? Math.min(Math.max(to, 0), shown.length - 1) : shown[to] === undefined ? active : to);
  });
  let isWaiting = false;
  addEventListener("scroll", () => {
    if (isWaiting) return;
    isWaiting = true;
    requestAnimationFrame(() => {
      isWaiting = false;
      render();
    });
  }, { passive: true });
  new ResizeObserver(() => side && grid.clientWidth !== Math.round(side * columns + GAP * (columns - 1)) && rebuild()).observe(grid);

  // ---- consensus: chips with counts, and a bar of their shares
  const total = new Map();
  for (const state of D.state) total.set(state, (total.get(state) || 0) + 1);
  const chips = new Map();
  const chip = (state, ...content) => {
    const button = make("button", { type: "button", className: state || "all", dataset: { state } }, ...content);
    button.addEventListener("click", () => choose({ state: view.state === state ? "" : state }));
    chips.set(state, button);
    $("states").append(button);
  };
  chip("", "All ", make("b"));
  for (const state of CHIPS) {
    if (!total.has(D.states.indexOf(state))) continue;
    chip(state, badge(state), `${STATES[state].words} `, make("b"));
    $("share").append(make("i", { className: state }));
  }
  const showStates = () => {
    let sum = 0;
    for (const [state, button] of chips) {
      const count = ofState.get(D.states.indexOf(state)) || 0;
      sum += count;
      button.setAttribute("aria-pressed", String(view.state === state));
      if (state) {
        button.lastChild.textContent = number.format(count);
        const part = $("share").querySelector(`.${state}`);
        part.style.flexGrow = count;
        part.hidden = !count;
      }
    }
    chips.get("").lastChild.textContent = number.format(sum);
  };

  // ---- class pairs: a heat map, and the most frequent as bars
  const MAX_CLASSES = 12, NUM_PAIRS = 8;
  const K = D.classes.length;
  const allPairs = new Map();
  const involved = new Map();
  for (let i = 0; i < N; i++) {
    const pair = D.given[i] * K + D.guessed[i];
    allPairs.set(pair, (allPairs.get(pair) || 0) + 1);
    for (const k of [D.given[i], D.guessed[i]]) involved.set(k, (involved.get(k) || 0) + 1);
  }
  const inHeat = [...involved.keys()].sort((a, b) => involved.get(b) - involved.get(a)).slice(0, MAX_CLASSES).sort((a, b) => a - b);
  const choosePair = (given, guessed) => {
    const isChosen = view.given === classOf(given) && view.guessed === classOf(guessed);
    choose(isChosen ? { given: "", guessed: "" } : { given: classOf(given), guessed: classOf(guessed) });
  };
  const cells = new Map(); // pair -> button
  const buildHeat = () => {
    const table = $("heat");
    const names = inHeat.map(classOf);
    table.classList.toggle("upright", Math.max(...names.map((name) => name.length)) > 2);
    table.caption.append(make("span", { className: "given" }, "given"), " down, ", make("span", { className: "guessed" }, "guessed"), " across");
    const width = Math.min(96, Math.max(...names.map((name) => name.length)) * 7 + 14);
    const corner = make("td");
    corner.style.width = `${width}px`;
    table.createTHead().append(make("tr", {}, corner, ...names.map((name) => make("th", { scope: "col", title: name }, make("span", {}, name)))));
    table.createTBody().append(...inHeat.map((given) => make("tr", {}, make("th", { scope: "row", title: classOf(given) }, classOf(given)), ...inHeat.map((guessed) => {
      const pair = given * K + guessed;
      if (!allPairs.has(pair)) return make("td", { className: given === guessed ? "same" : "none" });
      const button = make("button", { type: "button", tabIndex: -1 });
      button.addEventListener("click", () => choosePair(given, guessed));
      cells.set(pair, button);
      return make("td", {}, button);
    }))));
    if (cells.size) [...cells.values()][0].tabIndex = 0;
    table.addEventListener("keydown", moveInHeat);
  };
  const cellWidth = () => ($("heat").clientWidth || 300) / (inHeat.length + 1) - 3; // the first column is the widest
  const heatHint = (fits) => {
    const few = inHeat.length < involved.size ? `The ${inHeat.length} classes with the most pictures of ${number.format(involved.size)}; the menus have all. ` : "";
    $("heat-hint").textContent = few + (fits ? "" : "A cell tells its number when you point at it.");
  };
  function moveInHeat(event) {
    const [down, right] = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key] || [0, 0];
    if (!down && !right) return;
    event.preventDefault();
    const cell = event.target.closest("td");
    const rows = [...$("heat").tBodies[0].rows];
    let row = rows.indexOf(cell.parentElement) + down, column = cell.cellIndex + right;
    while (rows[row]?.cells[column]) {
      const button = rows[row].cells[column].querySelector("button:enabled");
      if (button) {
        event.target.tabIndex = -1;
        button.tabIndex = 0;
        button.focus();
        return;
      }
      row += down, column += right;
    }
  }
  const pairRows = Array.from({ length: NUM_PAIRS }, () => {
    const button = make("button", { type: "button" });
    button.addEventListener("click", () => choosePair(Number(button.dataset.given), Number(button.dataset.guessed)));
    $("pairs").append(make("li", {}, button));
    return button;
  });
  const showPairs = () => {
    const pressed = (pair) => String(classOf(Math.floor(pair / K)) === view.given && classOf(pair % K) === view.guessed);
    const sorted = [...ofPair].sort((a, b) => b[1] - a[1] || a[0] - b[0]);
    const mixed = sorted.filter(([pair]) => Math.floor(pair / K) !== pair % K);
    const most = sorted.length ? sorted[0][1] : 1;
    const fits = number.format(most).length * 7 <= cellWidth();
    heatHint(fits);
    for (const [pair, button] of cells) {
      const count = ofPair.get(pair) || 0;
      const strength = Math.sqrt(count / most);
      button.textContent = count && fits ? number.format(count) : "";
      button.style.setProperty("--s", strength);
      button.classList.toggle("deep", strength > 0.7);
      button.disabled = !count && pressed(pair) === "false";
      button.setAttribute("aria-pressed", pressed(pair));
      button.setAttribute("aria-label", `given ${classOf(Math.floor(pair / K))}, guessed ${classOf(pair % K)}: ${number.format(count)}`);
      button.title = button.getAttribute("aria-label");
    }
    pairRows.forEach((button, at) => {
      const [pair, count] = mixed[at] || [0, 0];
      button.parentElement.hidden = !count;
      if (!count) return;
      const given = Math.floor(pair / K), guessed = pair % K;
      Object.assign(button.dataset, { given, guessed });
      button.setAttribute("aria-pressed", pressed(pair));
      const bar = make("i", { aria: { hidden: "true" } });
      bar.style.width = `${(100 * count) / mixed[0][1]}%`;
      button.replaceChildren(
        make("span", { className: "pair", title: `given ${classOf(given)}, guessed ${classOf(guessed)}` },
          make("b", { className: "given" }, classOf(given)), make("span", {}, " → "), make("b", { className: "guessed" }, classOf(guessed))),
        make("span", {}, bar), make("span", { className: "count" }, number.format(count)));
    });
  };

  // ---- the form
  const form = $("controls");
  const fill = (name, values, names) => {
    const counts = new Map();
    for (const value of values) counts.set(value, (counts.get(value) || 0) + 1);
    for (const value of [...counts.keys()].sort((a, b) => a - b)) form[name].add(new Option(`${names[value]} (${number.format(counts.get(value))})`, names[value]));
    if (name === "split" && counts.size < 2) form[name].parentElement.hidden = true;
  };
  fill("given", D.given, D.classes);
  fill("guessed", D.guessed, D.classes);
  fill("split", D.split, D.splits);
  for (const name of ["given", "guessed", "split", "sort"]) form[name].addEventListener("change", () => choose({ [name]: form[name].value }));
  form.q.addEventListener("input", () => choose({ q: form.q.value.trim() }));
  form.addEventListener("submit", (event) => event.preventDefault());
  $("reset").addEventListener("click", () => {
    choose(Object.fromEntries(FILTERS.map((field) => [field, ""])));
    form.q.focus();
  });
  const showForm = () => {
    for (const name of ["given", "guessed", "split", "sort"]) {
      const isKnown = [...form[name].options].some((option) => option.value === view[name]);
      if (!isKnown) form[name].add(new Option(`${view[name]} (0)`, view[name]));
      form[name].value = view[name];
    }
    if (form.q.value.trim() !== view.q) form.q.value = view.q;
    const isFiltered = FILTERS.some((field) => view[field]);
    $("reset").style.visibility = isFiltered ? "" : "hidden"; // keeps its place
    $("shown").textContent = `${isFiltered ? `${number.format(shown.length)} of ` : ""}${number.format(N)} picture${N === 1 ? "" : "s"}`;
    $("nothing").textContent = view.q ? `No picture of this choice has an id with “${view.q}” in it.` : "No picture is of this choice.";
    $("nothing").hidden = shown.length > 0;
  };
  function apply() {
    select();
    active = 0;
    showStates();
    showPairs();
    showForm();
    const top = grid.getBoundingClientRect().top + scrollY - stickyHeight() - 12;
    rebuild();
    if (scrollY > top) scrollTo(0, top); // the first of the new choice, not the middle of it
    render();
  }

  // ---- one card, large
  const dialog = $("detail");
  let opened = -1;
  const fact = (name, value, className = "") => [make("dt", {}, name), make("dd", { className }, value)];
  const show = (i) => {
    opened = i;
    const at = shown.indexOf(i);
    $("detail-id").textContent = fullId(i);
    $("detail-picture").setAttribute("aria-label", `Picture ${D.id[i]}`);
    draw($("detail-picture"), i);
    const { opinions } = votesOf(i);
    const said = D.reviewers[i]
      ? Object.entries(D.reviewers[i]).map(([who, opinion]) => `${who}: ${opinionWords(opinion, D.given[i])}`)
      : opinions.length > 1 ? opinions.map(([opinion, count]) => `${count} say${count === 1 ? "s" : ""} that ${opinionWords(opinion, D.given[i])}`) : [];
    const votes = make("div", {}, voteSentence(i), D.adjudicated.includes(i) ? " Settled by an adjudicator." : "", make("ul", {}, ...said.map((words) => make("li", {}, words))));
    const consensus = verdict(i);
    consensus.append(stateOf(i) === "right" ? " (label is right)" : "");
    $("detail-facts").replaceChildren(
      ...fact("Given", make("span", { className: "given" }, classOf(D.given[i])), "big"),
      ...fact("Guessed", make("span", { className: "guessed" }, classOf(D.guessed[i])), "big"),
      ...fact("Consensus", consensus, "big"),
      ...fact("Reviewers", votes),
      ...fact("Label quality", D.quality[i] < 0.0001 ? "below 0.0001" : String(D.quality[i])),
    );
    $("detail-place").textContent = at < 0 ? "not among the chosen pictures" : `${number.format(at + 1)} of ${number.format(shown.length)}`;
    $("previous").disabled = at <= 0;
    $("next").disabled = at < 0 || at + 1 >= shown.length;
    $("copy").textContent = "Copy link";
    if (!dialog.open) dialog.showModal();
  };
  const turn = (step) => {
    const i = shown[shown.indexOf(opened) + step];
    if (i === undefined || !shown.includes(opened)) return;
    view.card = fullId(i);
    history.replaceState(null, "", hashOf());
    show(i);
  };
  $("previous").addEventListener("click", () => turn(-1));
  $("next").addEventListener("click", () => turn(1));
  $("close").addEventListener("click", () => dialog.close());
  $("copy").addEventListener("click", async () => {
    const link = `${location.href.split("#")[0]}#card=${encodeURIComponent(fullId(opened)).replaceAll("%2F", "/")}`;
    const isCopied = await navigator.clipboard?.writeText(link).then(() => true, () => false);
    $("copy").textContent = isCopied ? "Copied" : "Copy it from the address bar";
  });
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  dialog.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step) turn(step);
  });
  dialog.addEventListener("close", () => {
    const at = shown.indexOf(opened);
    target = opened;
    view.card = "";
    history.replaceState(null, "", hashOf());
    for (const [, node] of nodes) node.firstChild.classList.toggle("target", shown[node.firstChild.dataset.at] === target);
    if (at >= 0) focusCard(at);
  });
  const follow = () => {
    const next = readHash();
    const isSame = [...FILTERS, "sort"].every((field) => next[field] === view[field]);
    view = next;
    if (!isSame || !nodes.size) apply();
    if (!view.card) return dialog.open && dialog.close();
    const i = place.get(view.card);
    if (i === undefined) {
      $("nothing").textContent = `There is no picture ${view.card} in this gallery.`;
      $("nothing").hidden = false;
      return;
    }
    target = i;
    if (shown.includes(i)) reveal(shown.indexOf(i));
    show(i);
  };
  addEventListener("hashchange", follow);
  $("skip").addEventListener("click", (event) => {
    event.preventDefault();
    if (shown.length) focusCard(0);
  });

  // ---- corrected labels as a file
  const errors = Array.from(D.id.keys()).filter((i) => stateOf(i) === "error").sort((a, b) => D.split[a] - D.split[b] || D.position[a] - D.position[b]);
  const quoted = (text) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  $("download").textContent = `Download corrected labels (${number.format(errors.length)})`;
  $("download").title = "CSV with sample_id, given and corrected; corrected is empty where the label is wrong and reviewers named no other";
  $("download").hidden = !errors.length;
  $("download").addEventListener("click", () => {
    const rows = errors.map((i) => [fullId(i), classOf(D.given[i]), D.corrected[i] < 0 ? "" : classOf(D.corrected[i])]);
    const text = [["sample_id", "given", "corrected"], ...rows].map((row) => `${row.map(quoted).join(",")}\n`).join("");
    const address = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
    make("a", { href: address, download: `${D.name}-corrected-labels.csv` }).click();
    setTimeout(() => URL.revokeObjectURL(address), 10000);
  });

  document.body.classList.toggle("crisp", D.sheet.crisp);
  $("side").open = matchMedia("(min-width: 981px)").matches;
  buildHeat();
  follow();
  if (!nodes.size) apply();
})();
