// The same inside a notebook, by anywidget: every decision goes to the journal of the run at once, and pictures come when they are needed.
function render({ model, el }) {
  const D = model.get("deck");
  const waiting = new Map(), asked = new Map();
  model.on("msg:custom", (message, buffers) => {
    if (message.kind === "picture") {
      const bytes = buffers[0].buffer ? buffers[0] : new DataView(buffers[0]);
      asked.get(message.card)?.(URL.createObjectURL(new Blob([bytes], { type: message.type })));
    } else if (waiting.has(message.id)) {
      const { resolve, reject } = waiting.get(message.id);
      waiting.delete(message.id);
      if (message.kind === "kept") resolve();
      else reject(new Error(message.message));
    }
  });
  const entries = model.get("entries");
  const keeper = {
    trouble: "",
    load: () => entries,
    keep(journal, who, entry) {
      return entry && new Promise((resolve, reject) => {
        waiting.set(entry.id, { resolve, reject });
        model.send({ kind: "decision", entry });
      });
    },
    picture: (card) => new Promise((resolve) => {
      asked.set(card, resolve);
      model.send({ kind: "picture", card });
    }),
  };
  const place = element("section", { tabIndex: 0, ariaLabel: "Label review", dataset: { lmSuppressShortcuts: "true" } });
  el.append(place);
  openDesk(place, D, keeper, { isAlone: false });
  const manager = globalThis.Jupyter?.keyboard_manager; // of the classic notebook
  place.addEventListener("focusin", () => manager?.disable());
  place.addEventListener("focusout", () => manager?.enable());
}
export default { render };
