// The grid: only the cards on the screen and a little around it are in the document.
const grid = $("cards");
const MIN_SIDE = 164, GAP = 14, ROW_GAP = 18, AROUND = 600; // pixels
const NUM_PROBES = 12; // cards with the longest names, whose captions are measured
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
    const length = Float64Array.from(shown, (i) => classOf(D.given[i]).length + classOf(D.guessed[i]).length + consensusOf(i).length);
    const probes = [...shown.keys()].sort((a, b) => length[b] - length[a]).slice(0, NUM_PROBES).map(makeCard);
    grid.append(...probes);
    captionHeight = Math.max(...probes.map((probe) => probe.querySelector(".caption").offsetHeight));
    probes.forEach((probe) => probe.remove());
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
