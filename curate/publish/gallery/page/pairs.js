// Class pairs: a heat map, and the most frequent as bars.
const MAX_CLASSES = 12, NUM_PAIRS = 8, NUM_PAIRS_ALONE = 24;
const LEAST_SHOWN = 0.25; // a heat map that holds fewer of the pictures tells nothing: the pairs stand alone then
const K = D.classes.length;
const allPairs = new Map();
const involved = new Set();
for (let i = 0; i < N; i++) {
  if (D.given[i] === D.guessed[i]) continue; // reviewed, though the model agrees with the label
  const pair = D.given[i] * K + D.guessed[i];
  allPairs.set(pair, (allPairs.get(pair) || 0) + 1);
  involved.add(D.given[i]).add(D.guessed[i]);
}
const mostMixed = new Set();
for (const [pair] of [...allPairs].sort((a, b) => b[1] - a[1])) { // among equals, that of the worst picture
  const both = new Set(mostMixed).add(Math.floor(pair / K)).add(pair % K);
  if (both.size <= MAX_CLASSES) both.forEach((k) => mostMixed.add(k));
}
const inHeat = [...mostMixed].sort((a, b) => a - b);
const numOf = (pairs) => pairs.reduce((sum, [, count]) => sum + count, 0);
const isInHeat = ([pair]) => mostMixed.has(Math.floor(pair / K)) && mostMixed.has(pair % K);
const hasHeat = numOf([...allPairs].filter(isInHeat)) >= LEAST_SHOWN * numOf([...allPairs]);
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
  const few = inHeat.length < involved.size ? `${inHeat.length} of ${number.format(involved.size)} classes, those of the most frequent pairs; the menus have all. ` : "";
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
const pairRows = Array.from({ length: hasHeat ? NUM_PAIRS : NUM_PAIRS_ALONE }, () => {
  const button = make("button", { type: "button" });
  button.addEventListener("click", () => choosePair(Number(button.dataset.given), Number(button.dataset.guessed)));
  $("pairs").append(make("li", {}, button));
  return button;
});
const showPairs = () => {
  const pressed = (pair) => String(classOf(Math.floor(pair / K)) === view.given && classOf(pair % K) === view.guessed);
  const sorted = [...ofPair].sort((a, b) => b[1] - a[1]);
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
    const [pair, count] = sorted[at] || [0, 0];
    button.parentElement.hidden = !count;
    if (!count) return;
    const given = Math.floor(pair / K), guessed = pair % K;
    Object.assign(button.dataset, { given, guessed });
    button.setAttribute("aria-pressed", pressed(pair));
    const bar = make("i", { aria: { hidden: "true" } });
    bar.style.width = `${(100 * count) / most}%`;
    button.replaceChildren(
      make("span", { className: "pair", title: `given ${classOf(given)}, guessed ${classOf(guessed)}` },
        make("b", { className: "given" }, classOf(given)), make("span", {}, " → "), make("b", { className: "guessed" }, classOf(guessed))),
      make("span", {}, bar), make("span", { className: "count" }, number.format(count)));
  });
};
