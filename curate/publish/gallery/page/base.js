// The data, the states of the consensus, and how elements are made.
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
