// Consensus: chips with counts, and a bar of their shares.
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

// The form.
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
const countWords = (count) => `${count}${number.format(N)} picture${N === 1 ? "" : "s"}`;
$("shown").style.minWidth = `${countWords(`${number.format(N)} of `).length * 0.95}ch`; // so that nothing moves when it grows
const showForm = () => {
  for (const name of ["given", "guessed", "split", "sort"]) {
    const isKnown = [...form[name].options].some((option) => option.value === view[name]);
    if (!isKnown) form[name].add(new Option(`${view[name]} (0)`, view[name]));
    form[name].value = view[name];
  }
  if (form.q.value.trim() !== view.q) form.q.value = view.q;
  const isFiltered = FILTERS.some((field) => view[field]);
  $("reset").style.visibility = isFiltered ? "" : "hidden"; // keeps its place
  $("shown").textContent = countWords(isFiltered ? `${number.format(shown.length)} of ` : "");
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
