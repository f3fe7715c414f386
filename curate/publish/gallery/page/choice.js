// What is chosen: in `view`, in the form, and in the address.
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

// Which cards those are, and how many there would be under other choices.
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
    if (isState && D.given[i] !== D.guessed[i]) {
      const pair = D.given[i] * D.classes.length + D.guessed[i];
      ofPair.set(pair, (ofPair.get(pair) || 0) + 1);
    }
    if (isState && isPair) shown.push(i);
  }
};
