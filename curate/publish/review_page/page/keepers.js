// Where a page that stands alone keeps decisions: in this browser, by page and reviewer. Where that is forbidden or full, only in memory.
const browserKeeper = (D) => {
  const keyOf = (who) => `curate review ${D.page} ${who}`;
  const lastKey = `curate review ${D.page}`;
  let trouble = "", isSaved = true;
  const attempt = (action, fallback) => {
    try { return action(); } catch (error) {
      trouble = error.name === "QuotaExceededError" ? "This browser's storage is full." : "This browser does not let the page keep anything.";
      return fallback;
    }
  };
  const read = (who) => attempt(() => JSON.parse(localStorage.getItem(keyOf(who)) || "{}"), {});
  let saved = 0;
  return {
    get trouble() { return trouble && `${trouble} Save your decisions to a file before you close this page.`; },
    get isSaved() { return isSaved; },
    lastReviewer: () => attempt(() => localStorage.getItem(lastKey), null) || "",
    load(who) {
      const kept = read(who);
      saved = Array.isArray(kept.entries) ? kept.saved || 0 : 0;
      isSaved = saved >= (kept.entries || []).length;
      return Array.isArray(kept.entries) ? kept.entries : [];
    },
    keep(journal, who) {
      const others = read(who).entries || []; // another tab may have added some
      if (others.some((entry) => !journal.entries.some((own) => own.id === entry.id))) journal.replace([...journal.entries, ...others]);
      isSaved = saved >= journal.entries.length;
      attempt(() => {
        localStorage.setItem(keyOf(who), JSON.stringify({ saved, entries: journal.entries }));
        localStorage.setItem(lastKey, who);
        trouble = "";
      });
    },
    noteSaved(journal, who) {
      saved = journal.entries.length;
      this.keep(journal, who);
    },
    numUnsaved: (journal) => Math.max(0, journal.entries.length - saved),
    forget: (who) => attempt(() => localStorage.removeItem(keyOf(who))),
    watch(who, changed) {
      addEventListener("storage", (event) => { if (event.key === keyOf(who())) changed(); });
    },
  };
};
