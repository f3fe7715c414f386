// The page that stands alone.
const place = document.getElementById("desk");
const embedded = document.getElementById("data");
const D = embedded ? JSON.parse(embedded.textContent) : globalThis.CURATE_REVIEW;
if (!D) {
  place.textContent = "This page's other files are missing: it was opened from inside a zip, or without its folder. Unpack the zip, then open index.html there.";
} else {
  const keeper = browserKeeper(D);
  keeper.picture = (card) => D.pictures[card];
  openDesk(place, D, keeper, { keysFrom: document });
  addEventListener("beforeunload", (event) => { if (keeper.trouble && !keeper.isSaved) event.preventDefault(); });
}
