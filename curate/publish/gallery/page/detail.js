// One card, large.
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
