// Words of one card.
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
