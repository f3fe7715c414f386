// Corrected labels as a file.
const errors = Array.from(D.id.keys()).filter((i) => stateOf(i) === "error").sort((a, b) => D.split[a] - D.split[b] || D.position[a] - D.position[b]);
const quoted = (text) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
$("download").textContent = `Download corrected labels (${number.format(errors.length)})`;
$("download").title = "CSV with sample_id, given and corrected; corrected is empty where the label is wrong and reviewers named no other";
$("download").hidden = !errors.length;
$("download").addEventListener("click", () => {
  const rows = errors.map((i) => [fullId(i), classOf(D.given[i]), D.corrected[i] < 0 ? "" : classOf(D.corrected[i])]);
  const text = [["sample_id", "given", "corrected"], ...rows].map((row) => `${row.map(quoted).join(",")}\n`).join("");
  const address = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  make("a", { href: address, download: `${D.name}-corrected-labels.csv` }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10000);
});

document.body.classList.toggle("crisp", D.sheet.crisp);
$("consensus").hidden = total.size < 2;
$("side").open = matchMedia("(min-width: 981px)").matches;
$("side").hidden = !allPairs.size;
$("side").parentElement.classList.toggle("alone", !allPairs.size);
$("heat").parentElement.hidden = !hasHeat;
if (allPairs.size && hasHeat) buildHeat();
follow();
if (!nodes.size) apply();
