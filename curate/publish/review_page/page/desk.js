// The desk: one picture at a time, one key each. Used by the page that stands alone and by the notebook.
const count = new Intl.NumberFormat("en-US").format;
const plural = (n, one) => `${count(n)} ${one}${n === 1 ? "" : "s"}`;
const element = (tag, attributes = {}, ...children) => {
  const { aria = {}, dataset = {}, ...plain } = attributes;
  const made = Object.assign(document.createElement(tag), plain);
  for (const [name, value] of Object.entries(aria)) made.setAttribute(`aria-${name}`, value);
  Object.assign(made.dataset, dataset);
  made.append(...children);
  return made;
};
const KEYS = [
  { key: "k", action: "ok", word: "right", says: "the given label is right" },
  { key: "a", action: "accept_suggestion", word: "suggested", says: "the suggested label is right" },
  { key: "l", does: "form", word: "other label …", says: "any other label, or a decision with a note" },
  { key: "0 … 9", says: "it is class number 0 … 9" },
  { key: "e", action: "confirm_error", word: "wrong", says: "the label is wrong, the right one is not known" },
  { key: "q", action: "ambiguous", word: "ambiguous", says: "ambiguous: no single label is right" },
  { key: "d", action: "drop", word: "drop", says: "drop: the picture does not belong here" },
  { key: "u", does: "undo", word: "undo", says: "take the last decision back" },
  { key: "g", also: "n", does: "next", word: "skip", says: "the next undecided picture" },
  { key: "←", also: "→", says: "the picture before, the picture after" },
  { key: "z", does: "zoom", word: "enlarge", says: "enlarge the picture" },
  { key: "w", does: "why", word: "why?", says: "which classes the model thinks of" },
  { key: "s", does: "similar", word: "more like it", says: "pictures that look like it to the model" },
  { key: "h", does: "keys", word: "keys", says: "these keys" },
];
const AHEAD = 6; // pictures that are decoded before they are asked for

function openDesk(root, D, keeper, { keysFrom = root, isAlone = true } = {}) {
  root.classList.add("desk");
  root.innerHTML = DESK;
  const the = Object.fromEntries([...root.querySelectorAll("[data-is]")].map((one) => [one.dataset.is, one]));
  const S = D.statistics, journal = makeJournal(D);
  const queues = D.queues.map((queue) => ({ ...queue, cards: D.kind.flatMap((kind, card) => (kind === queue.kind ? [card] : [])) })).filter((queue) => queue.cards.length);
  const suspects = queues.find((queue) => queue.kind === "suspect")?.cards || [];
  const check = queues.find((queue) => queue.kind === "check")?.cards || [];
  let queue = queues[0], current = -1, who = "", restsUntil = 0;
  const nameOf = (number) => (number >= 0 ? D.classes[number] : "none");

  // ------------------------------------------------------------------------------------------------------------- pictures
  const images = new Map(); // card -> image, decoded or on its way; the last used at the end
  const imageOf = (card) => {
    const image = images.get(card) || element("img", { alt: "", draggable: false, decoding: "sync" });
    if (!images.has(card)) {
      image.style.aspectRatio = `${D.width[card]} / ${D.height[card]}`;
      image.width = D.width[card];
      image.height = D.height[card];
      Promise.resolve(keeper.picture(card)).then((source) => { image.src = source; return image.decode(); }).catch(() => image.classList.add("gone"));
    }
    images.delete(card);
    images.set(card, image);
    if (images.size > 60) images.delete(images.keys().next().value);
    return image;
  };
  const preload = () => {
    const at = queue.cards.indexOf(current);
    let left = AHEAD;
    for (let step = 1; step < queue.cards.length && left > 0; step++) {
      const card = queue.cards[(at + step) % queue.cards.length];
      if (!journal.standing(card)) { imageOf(card); left--; }
    }
    if (at > 0) imageOf(queue.cards[at - 1]);
  };

  // -------------------------------------------------------------------------------------------------------------- drawing
  let fading;
  const say = (text) => {
    the.said.textContent = text;
    the.said.classList.add("shown");
    clearTimeout(fading);
    fading = setTimeout(() => the.said.classList.remove("shown"), 4000);
  };
  const show = (card) => {
    current = card;
    the.why.hidden = true;
    the.stage.classList.toggle("finished", card < 0);
    if (card < 0) return finish();
    const image = imageOf(card);
    image.alt = `Picture ${queue.cards.indexOf(card) + 1} of ${queue.cards.length}${D.blind ? "" : `, ${D.id[card]}`}`;
    const frame = element("button", { type: "button", className: "frame", title: "Enlarge (z)" }, image);
    frame.addEventListener("click", () => zoom());
    the.picture.replaceChildren(frame);
    const entry = journal.standing(card), others = D.opinions?.[card];
    the["given-box"].hidden = D.blind;
    the["suggested-box"].hidden = D.blind;
    the.arrow.hidden = D.blind || (D.suggested[card] < 0);
    if (!D.blind) {
      the.given.textContent = nameOf(D.given[card]);
      const hasSuggestion = D.suggested[card] >= 0;
      the["suggested-word"].textContent = hasSuggestion ? "suggested" : "the model agrees";
      the.suggested.textContent = hasSuggestion ? `${nameOf(D.suggested[card])}${D.confidence[card] == null ? "" : ` ${Math.round(100 * D.confidence[card])} %`}` : "";
      buttons.accept_suggestion.disabled = !hasSuggestion;
      word("ok").textContent = `right: ${nameOf(D.given[card])}`;
      word("accept_suggestion").textContent = hasSuggestion ? `suggested: ${nameOf(D.suggested[card])}` : "no suggestion";
    }
    the.decided.hidden = !entry && !others;
    the.decided.textContent = [others && `Reviewers said: ${others}.`, entry && `You decided: ${wordsOf(entry)}${entry.note ? ` (${entry.note})` : ""}.`].filter(Boolean).join(" ");
    the.place.textContent = `${count(queue.cards.indexOf(card) + 1)} of ${count(queue.cards.length)}`;
    the.id.textContent = D.blind ? "" : D.id[card].slice(D.prefix.length);
    the.id.title = D.id[card];
    if (D.classes.length > 10 && !D.blind) drawClasses(card);
    preload();
  };
  const finish = () => {
    const other = queues.find((one) => one !== queue && one.cards.some((card) => !journal.standing(card)));
    const end = element("div", { className: "end" }, element("h2", {}, `All ${plural(queue.cards.length, "picture")} of this queue are decided.`));
    if (other) {
      const go = element("button", { type: "button", className: "main" }, `Go on with: ${other.name}`);
      go.addEventListener("click", () => openQueue(other));
      end.append(element("p", {}, other.about), go);
    } else if (keeper.numUnsaved) end.append(element("p", {}, "Save your decisions, and send the file back."));
    the.picture.replaceChildren(end);
    the.decided.hidden = true;
    the.place.textContent = the.id.textContent = "";
  };
  const drawLater = () => { // what need not be there when the next picture is
    const done = queue.cards.filter((card) => journal.standing(card)).length;
    the.track.setAttribute("aria-valuenow", done);
    the.track.setAttribute("aria-valuemax", queue.cards.length);
    the.bar.style.width = `${(100 * done) / queue.cards.length}%`;
    the.done.textContent = `${count(done)} of ${count(queue.cards.length)}`;
    const unsaved = keeper.numUnsaved ? keeper.numUnsaved(journal) : 0;
    the.save.textContent = unsaved ? `Save decisions (${count(unsaved)} new)` : "Save decisions";
    the.trouble.textContent = keeper.trouble || "";
    the.trouble.hidden = !keeper.trouble;
    the.queues.replaceChildren(...queues.map((one) => {
      const left = one.cards.filter((card) => !journal.standing(card)).length;
      const button = element("button", { type: "button", aria: { pressed: one === queue }, title: one.about }, element("span", {}, one.name), element("span", {}, left ? `${count(left)} left` : "done"));
      button.addEventListener("click", () => openQueue(one));
      return button;
    }));
    drawFigures();
    const last = journal.order.slice(-6).reverse();
    the.nothing.hidden = last.length > 0;
    the.last.replaceChildren(...last.map((entry) => {
      const card = journal.cardOf(entry), thumb = imageOf(card).cloneNode();
      Object.assign(thumb, { alt: "", className: "thumb" });
      const button = element("button", { type: "button" }, thumb, element("span", {}, wordsOf(entry)));
      button.addEventListener("click", () => { queue = queues.find((one) => one.cards.includes(card)); show(card); drawLater(); the.stage.focus?.(); });
      return element("li", {}, button);
    }));
  };
  const drawFigures = () => {
    if (D.blind) {
      the.advice.textContent = "Labels are hidden here, so that they do not sway you. What it comes to is told when your file is added to the run.";
      return the.figures.replaceChildren();
    }
    const rows = [], codes = suspects.map((card) => journal.code(card)), decided = codes.filter((code) => code !== UNDECIDED).length;
    const times = journal.order.map((entry) => Date.parse(entry.when) / 1000);
    const pace = paceOf(S, times.slice(-300), queue.cards.filter((card) => !journal.standing(card)).length);
    if (suspects.length) {
      const prediction = expectedErrorsInNext(S, codes, S.num_next);
      the.advice.textContent = advice(S, prediction, { numDecided: decided, numLeft: suspects.length - decided, secondsEach: pace.perMinute && 60 / pace.perMinute });
      const wrong = errorsAmong(S, codes, D.probability && suspects.map((card) => D.probability[card]));
      if (wrong) rows.push(["Wrong among the suspects", `about ${count(rounded(wrong.value))} of ${count(suspects.length)} (95 %: ${count(rounded(wrong.low))} to ${count(rounded(wrong.high))}), by ${decided ? "the decisions so far" : "their probabilities"}`]);
      rows.push(["Wrong so far", `${count(codes.filter((code) => code === WRONG).length)} of ${plural(decided, "suspect")} decided`]);
    } else the.advice.textContent = queue.about;
    if (check.length) {
      const checked = check.map((card) => journal.code(card)).filter((code) => code !== UNDECIDED);
      const missed = missedErrors(D.num_unflagged, checked.length, checked.filter((code) => code === WRONG).length);
      rows.push(["Missed by the model", missed ? `about ${count(rounded(missed.value))} (95 %: ${count(missed.low)} to ${count(missed.high)}), by ${checked.length} of the random check` : "not known: decide some of the random check"]);
    }
    if (pace.perMinute) rows.push(["Your pace", `${Math.round(pace.perMinute)} a minute; ${duration(pace.secondsLeft)} left`]);
    the.figures.replaceChildren(...rows.map(([name, value]) => element("div", {}, element("dt", {}, name), element("dd", {}, value))));
  };
  const after = () => {
    if (globalThis.requestIdleCallback) requestIdleCallback(drawLater, { timeout: 300 });
    else setTimeout(drawLater, 0);
  };

  // ------------------------------------------------------------------------------------------------------------ deciding
  const nextUndecided = (card) => {
    const at = queue.cards.indexOf(card), rest = [...queue.cards.slice(at + 1), ...queue.cards.slice(0, Math.max(at, 0))];
    return rest.find((one) => !journal.standing(one)) ?? (card >= 0 && !journal.standing(card) ? card : -1);
  };
  const keep = (entry, what) => {
    journal.add(entry);
    const kept = keeper.keep(journal, who, entry);
    if (kept?.catch) kept.catch((error) => {
      journal.remove(entry.id);
      say(error.message);
      show(journal.cardOf(entry));
      after();
    });
    say(what);
  };
  const decide = (action, { label = null, note = "" } = {}) => {
    if (current < 0) return say("Everything in this queue is decided.");
    if (D.blind && ["ok", "accept_suggestion", "confirm_error"].includes(action)) return say("Labels are hidden: choose the class that you see.");
    const card = current;
    let [own, chosen] = [action, label];
    if (action === "accept_suggestion") {
      if (D.suggested[card] < 0) return say("The model suggests no other label here; choose one with key l.");
      chosen = D.classes[D.suggested[card]];
    } else if (action === "relabel" && !D.blind && label === nameOf(D.given[card])) [own, chosen] = ["ok", null];
    const entry = journal.entry(card, own, { label: chosen, note, who });
    const following = nextUndecided(card);
    keep(entry, `${count(queue.cards.indexOf(card) + 1)}: ${wordsOf(entry)}`);
    show(following === card ? -1 : following);
    after();
  };
  const undo = () => {
    const last = journal.order.at(-1);
    if (!last) return say("There is no decision of yours to take back.");
    const card = journal.cardOf(last);
    keep(journal.entry(card, "undo", { who, undoes: last.id }), `taken back: ${wordsOf(last)}`);
    queue = queues.find((one) => one.cards.includes(card));
    show(card);
    after();
  };
  const openQueue = (one) => {
    queue = one;
    const first = queue.cards.find((card) => !journal.standing(card));
    show(first ?? -1);
    drawLater();
    focusDesk();
  };
  const step = (by) => {
    const at = queue.cards.indexOf(current);
    const to = at < 0 ? (by < 0 ? queue.cards.length - 1 : 0) : at + by;
    if (queue.cards[to] !== undefined) show(queue.cards[to]);
  };
  const classNumber = (number) => {
    if (number >= D.classes.length) return say(`There is no class number ${number}: the last is ${D.classes.length - 1}.`);
    decide("relabel", { label: D.classes[number] });
  };
  const next = () => {
    const card = nextUndecided(current);
    if (card < 0) say("Everything in this queue is decided.");
    show(card);
  };
  const zoom = () => {
    if (current < 0) return;
    const large = imageOf(current).cloneNode();
    large.alt = imageOf(current).alt;
    the["zoom-picture"].replaceChildren(large);
    the.zoom.showModal();
  };
  const bars = (pairs) => element("ul", { className: "bars" }, ...pairs.map(([number, share]) => {
    const bar = element("i", { aria: { hidden: "true" } });
    bar.style.width = `${100 * share}%`;
    return element("li", {}, element("span", {}, nameOf(number)), element("span", {}, bar), element("b", {}, `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`));
  }));
  const unfold = (title, content) => {
    const isOpen = !the.why.hidden && the.why.dataset.title === title;
    the.why.hidden = isOpen;
    the.why.dataset.title = title;
    if (!isOpen) the.why.replaceChildren(element("h2", {}, title), content);
  };
  const why = () => {
    if (current < 0 || D.blind) return say("The model's view is hidden in a blind check.");
    if (!D.top) return say("This page has no probabilities of the model.");
    unfold("What the model thinks it is", bars(D.top[current]));
  };
  const similar = () => {
    if (current < 0 || D.blind) return say("Hidden in a blind check.");
    if (!D.similar) return say("This page does not know which pictures look alike: the run has no embeddings.");
    const list = element("ul", { className: "alike" }, ...D.similar[current].map((card) => {
      const image = imageOf(card).cloneNode();
      image.alt = "";
      return element("li", {}, image, element("span", {}, `given ${nameOf(D.given[card])}`));
    }));
    unfold("Pictures that look like it to the model", list);
  };
  const DOES = { form: () => openForm(), undo, next, zoom, why, similar, keys: () => the.keys.showModal() };

  // -------------------------------------------------------------------------------------------------------------- buttons
  const buttons = {};
  const word = (name) => buttons[name].querySelector("span");
  for (const entry of KEYS) {
    const [first, second] = entry.also ? [entry.key, entry.also] : [entry.key];
    const keys = [element("kbd", {}, first), ...(second ? [" ", element("kbd", {}, second)] : [])];
    the["keys-table"].tBodies[0].append(element("tr", {}, element("td", {}, ...keys), element("td", {}, entry.says)));
    if (!entry.word || (D.blind && ["ok", "accept_suggestion", "confirm_error"].includes(entry.action)) || (D.blind && ["why", "similar"].includes(entry.does))) continue;
    const name = entry.action || entry.does;
    buttons[name] = element("button", { type: "button", className: name, title: entry.says, aria: { keyshortcuts: entry.key } }, element("span", {}, entry.word), " ", element("kbd", { ariaHidden: "true" }, entry.key));
    buttons[name].addEventListener("click", () => { if (entry.action) decide(entry.action); else DOES[entry.does](); focusDesk(); });
    (entry.action || entry.does === "form" ? the.decide : the.more).append(buttons[name]);
  }
  const classButton = (number, key) => {
    const button = element("button", { type: "button" }, ...(key === null ? [] : [element("kbd", {}, String(key)), " "]), element("span", {}, D.classes[number]));
    button.addEventListener("click", () => { classNumber(number); focusDesk(); });
    return button;
  };
  const drawClasses = (card) => {
    const likely = (D.top?.[card] || []).map(([number]) => number).filter((number) => number !== D.given[card] && number !== D.suggested[card]);
    the.classes.replaceChildren(...likely.map((number) => classButton(number, null)));
  };
  if (D.classes.length <= 10) the.classes.replaceChildren(...D.classes.map((_, number) => classButton(number, number)));
  const focusDesk = () => { if (!isAlone) root.focus({ preventScroll: true }); else if (root.contains(document.activeElement)) document.activeElement.blur(); };

  // ----------------------------------------------------------------------------------------------------------------- form
  let found = [], picked = 0;
  const openForm = () => {
    if (current < 0) return;
    the.find.value = the.note.value = "";
    search();
    the.form.showModal();
    the.find.focus();
  };
  const search = () => {
    const text = the.find.value.trim().toLowerCase(), all = D.classes.map((name, number) => number);
    const likely = text || D.blind || current < 0 ? [] : [...new Set([D.suggested[current], ...(D.top?.[current] || []).map(([number]) => number)])].filter((number) => number >= 0);
    const hits = all.filter((number) => D.classes[number].toLowerCase().includes(text));
    const starts = (number) => (D.classes[number].toLowerCase().startsWith(text) ? 0 : 1);
    found = [...likely, ...hits.filter((number) => !likely.includes(number)).sort((a, b) => starts(a) - starts(b) || a - b)];
    picked = 0;
    the.list.replaceChildren(...found.map((number, at) => {
      const item = element("li", { id: `desk-class-${at}`, role: "option", aria: { selected: at === 0 } }, element("span", {}, D.classes[number]), element("span", { className: "soft" }, likely.includes(number) ? "likely" : number < 10 && D.classes.length > 1 ? `key ${number}` : ""));
      item.addEventListener("click", () => choose(number));
      return item;
    }));
    the.found.textContent = found.length ? `${plural(found.length, "class").replace("classs", "classes")}; arrow keys and Enter choose` : `no class has “${the.find.value.trim()}” in its name`;
    point();
  };
  const point = () => {
    [...the.list.children].forEach((item, at) => item.setAttribute("aria-selected", at === picked));
    if (found.length) the.find.setAttribute("aria-activedescendant", `desk-class-${picked}`);
    else the.find.removeAttribute("aria-activedescendant");
    the.list.children[picked]?.scrollIntoView({ block: "nearest" });
  };
  const choose = (number) => { the.form.close(); decide("relabel", { label: D.classes[number], note: the.note.value.trim() }); };
  the.find.addEventListener("input", search);
  for (const field of [the.find, the.note]) field.addEventListener("keydown", (event) => {
    if (field === the.find && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      picked = Math.min(Math.max(picked + (event.key === "ArrowDown" ? 1 : -1), 0), found.length - 1);
      point();
    } else if (event.key === "Enter") {
      if (found.length) choose(found[picked]);
    } else return;
    event.preventDefault();
  });
  for (const entry of KEYS.filter((one) => one.action && one.action !== "accept_suggestion" && !(D.blind && ["ok", "confirm_error"].includes(one.action)))) {
    const button = element("button", { type: "button" }, entry.word);
    button.addEventListener("click", () => { the.form.close(); decide(entry.action, { note: the.note.value.trim() }); });
    the.others.append(button);
  }
  the.cancel.addEventListener("click", () => the.form.close());

  // --------------------------------------------------------------------------------------------------------------- saving
  const fileName = (ending) => `${D.run}-${who || "reviewer"}-decisions.${ending}`.replace(/[^\w.@ -]/g, "_");
  const download = (text, name, type) => {
    const address = URL.createObjectURL(new Blob([text], { type }));
    element("a", { href: address, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(address), 10000);
  };
  const wasSaved = (text) => { keeper.noteSaved?.(journal, who); drawLater(); the.saving.close(); say(text); };
  the.save.hidden = !keeper.noteSaved;
  the.save.addEventListener("click", () => {
    the["saving-lead"].textContent = journal.order.length
      ? `${plural(journal.order.length, "decision")} of ${who || "a reviewer without a name"}. ${who ? "" : "Type your name at the top first, so that they can be told from others’."}`
      : "Nothing is decided yet.";
    the.command.textContent = `curate import-decisions ${D.run} FILE`;
    for (const name of ["save-lines", "save-csv", "share", "copy"]) the[name].disabled = !journal.entries.length;
    the.share.hidden = !navigator.canShare?.({ files: [new File(["x"], "x.txt", { type: "text/plain" })] });
    the.copy.hidden = !navigator.clipboard;
    the.saving.showModal();
  });
  the["save-lines"].addEventListener("click", () => { download(asLines(journal.entries, who), fileName("jsonl"), "application/x-ndjson"); wasSaved(`Saved as ${fileName("jsonl")}, in your downloads.`); });
  the["save-csv"].addEventListener("click", () => { download(asCsv(journal.order, who), fileName("csv"), "text/csv"); wasSaved(`Saved as ${fileName("csv")}, in your downloads.`); });
  the.copy.addEventListener("click", () => navigator.clipboard.writeText(asLines(journal.entries, who)).then(() => wasSaved("Copied: paste it into a file whose name ends in .jsonl."), () => say("This browser does not let the page copy; save the file.")));
  the.share.addEventListener("click", () => navigator.share({ files: [new File([asLines(journal.entries, who)], `${fileName("jsonl")}.txt`, { type: "text/plain" })] }).then(() => wasSaved("Shared."), () => {}));
  the.load.addEventListener("change", async () => {
    const [file] = the.load.files;
    the.load.value = "";
    if (file) loadFile(await file.text(), file.name);
  });
  const loadFile = (text, name) => {
    let lines;
    try { lines = text.split("\n").filter((line) => line.trim()).map((line) => JSON.parse(line)); } catch { return say(`${name} is not a file of decisions; nothing was changed.`); }
    const known = lines.filter((line) => line.id && line.action && line.when && D.id.includes(line.sample_id));
    const names = [...new Set(known.map((line) => line.who))];
    if (!known.length) return say(`${name} has no decision about a picture of this page; nothing was changed.`);
    if (names.length > 1 || (who && names[0] && names[0] !== who && journal.entries.length)) return say(`${name} holds decisions of ${names.join(" and ")}, and you are ${who || "without a name"}; nothing was changed.`);
    if (names[0] && names[0] !== who) setReviewer(names[0]);
    const before = journal.entries.length;
    journal.replace([...journal.entries, ...known]);
    keeper.keep(journal, who, null);
    the.saving.close();
    openQueue(queue);
    say(`${plural(journal.entries.length - before, "line")} read, ${count(known.length - journal.entries.length + before)} were here already, ${count(lines.length - known.length)} are about other pictures.`);
  };

  // ------------------------------------------------------------------------------------------------------------- reviewer
  const setReviewer = (name) => {
    const carried = who === "" && journal.entries.length && !keeper.load(name).length ? journal.entries.map((entry) => ({ ...entry, who: name })) : null;
    if (carried) keeper.forget?.("");
    who = name;
    the.who.value = name;
    journal.replace(carried || keeper.load(name));
    if (carried) keeper.keep(journal, who, null);
  };
  the.who.parentElement.hidden = Boolean(D.reviewer);
  the.who.addEventListener("change", () => {
    const name = the.who.value.trim().replace(/[^\p{L}\p{N}.@ _-]/gu, "").slice(0, 40), before = who, num = journal.order.length;
    setReviewer(name);
    openQueue(queue);
    say(before && before !== name ? `You review as ${name || "nobody"} now. ${plural(num, "decision")} of ${before} stay in this browser.` : `You review as ${name || "nobody"}.`);
  });
  the.who.addEventListener("keydown", (event) => { if (event.key === "Enter") the.who.blur(); });

  // ----------------------------------------------------------------------------------------------------------------- keys
  const isTyping = (target) => target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName);
  keysFrom.addEventListener("keydown", (event) => {
    if (!isAlone) event.stopPropagation(); // a notebook would take d d for: delete this cell
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || isTyping(event.target)) return;
    const opened = root.querySelector("dialog[open]");
    if (opened) {
      if ((opened === the.zoom && event.key === "z") || (opened === the.keys && event.key === "h")) opened.close();
      return;
    }
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const entry = KEYS.find((one) => (one.key === key || one.also === key) && (one.action || one.does));
    const arrow = { ArrowLeft: -1, ArrowRight: 1 }[key];
    if (!entry && !arrow && !/^[0-9]$/.test(key)) return;
    event.preventDefault();
    if (event.repeat && !arrow) return;
    if (arrow) step(arrow);
    else if (!entry) classNumber(Number(key));
    else if (entry.action) decide(entry.action);
    else DOES[entry.does]();
  });
  the.zoom.addEventListener("click", (event) => { if (event.target.tagName !== "BUTTON") the.zoom.close(); });

  // ---------------------------------------------------------------------------------------------------------------- start
  the.title.textContent = D.title;
  the.subtitle.textContent = D.subtitle;
  root.classList.toggle("crisp", D.crisp);
  root.classList.toggle("many", D.classes.length > 10);
  the.about.append(...D.about.map((sentence) => element("p", {}, sentence)));
  setReviewer(D.reviewer || keeper.lastReviewer?.() || "");
  keeper.watch?.(() => who, () => { journal.replace([...journal.entries, ...keeper.load(who)]); after(); });
  openQueue(queue);
  return { journal, decide, undo, show, get current() { return current; } };
}
