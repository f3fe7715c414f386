// The decisions of one reviewer: a journal that is only added to, as decisions.jsonl of a run is.
const SAID = { ok: "label is right", accept_suggestion: "suggestion accepted", relabel: "relabelled", confirm_error: "label is wrong", ambiguous: "ambiguous", drop: "dropped" };
const CODES = { ok: RIGHT, ambiguous: AMBIGUOUS };
const newId = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");

const makeJournal = (D) => {
  let entries = [], known = new Set(), stacks = new Map(), order = [];
  const cardOf = new Map(D.id.map((id, card) => [id, card]));
  const play = (entry) => {
    const card = cardOf.get(entry.sample_id);
    const stack = stacks.get(card) || stacks.set(card, []).get(card);
    if (entry.action !== "undo") {
      stack.push(entry);
      order.push(entry);
    } else {
      const taken = entry.undoes ? stack.findIndex((one) => one.id === entry.undoes) : stack.length - 1;
      if (taken >= 0) order.splice(order.indexOf(stack.splice(taken, 1)[0]), 1);
    }
  };
  const add = (entry) => {
    if (known.has(entry.id) || !cardOf.has(entry.sample_id)) return false;
    known.add(entry.id);
    entries.push(entry);
    play(entry);
    return true;
  };
  return {
    get entries() { return entries; },
    get order() { return order; }, // standing decisions, the last one last
    replace(others) {
      [entries, known, stacks, order] = [[], new Set(), new Map(), []];
      const sorted = [...others].sort((a, b) => (a.when < b.when ? -1 : a.when > b.when ? 1 : 0));
      return sorted.filter(add).length;
    },
    add,
    remove(id) { // one that could not be kept
      this.replace(entries.filter((entry) => entry.id !== id));
    },
    standing: (card) => stacks.get(card)?.at(-1),
    cardOf: (entry) => cardOf.get(entry.sample_id),
    code(card) {
      const entry = this.standing(card);
      return entry ? (CODES[entry.action] ?? (entry.label !== null && entry.label === entry.given ? RIGHT : WRONG)) : UNDECIDED;
    },
    entry(card, action, { label = null, note = "", who = "", undoes = "" } = {}) {
      const name = (number) => (number >= 0 ? D.classes[number] : null);
      return {
        sample_id: D.id[card], action, label, who, when: new Date().toISOString(), note, run: D.run,
        given: undoes || D.blind ? null : name(D.given[card]), suggested: undoes || D.blind ? null : name(D.suggested[card]),
        is_label_issue: undoes || D.blind ? null : !["check", "less"].includes(D.kind[card]), batch: "", adjudicates: Boolean(D.adjudicates) && !undoes,
        id: newId(), undoes, content: D.content[card], page: D.page,
      };
    },
  };
};
const wordsOf = (entry) => (entry.label !== null ? `it is ${entry.label}` : SAID[entry.action]);
const asLines = (entries, who) => entries.map((entry) => `${JSON.stringify({ ...entry, who: entry.who || who })}\n`).join("");
const CSV_COLUMNS = ["sample_id", "action", "label", "given", "who", "when", "note", "id"];
const quoted = (value) => { // a cell that a spreadsheet would take for a formula gets a space before it; import takes it away again
  const text = String(value ?? ""), safe = /^[=+\-@\t\r]/.test(text) ? ` ${text}` : text;
  return /[",;\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
};
const asCsv = (entries, who) => `\ufeff${[CSV_COLUMNS, ...entries.map((entry) => CSV_COLUMNS.map((name) => (name === "who" ? entry.who || who : entry[name])))].map((row) => `${row.map(quoted).join(",")}\r\n`).join("")}`;
