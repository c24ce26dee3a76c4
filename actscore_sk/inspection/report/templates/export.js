// Files to keep: rows as the page holds them, whole and unrounded, and decisions for `actscore apply`.
const saveRows = make("button", { type: "button", textContent: "Save these rows as CSV" });
const saveDecisions = make("button", { type: "button", hidden: true });
const report = make("p", { className: "small" });
report.setAttribute("role", "status");

// A spreadsheet runs a cell that begins like a formula: an apostrophe in front makes it text. Numbers are none.
function safe(text) {
  return /^'*[=+\-@\t\r]/.test(text) && !/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) && !/^[+-]Infinity$/.test(text) ? "'" + text : text;
}

function field(text) {
  const escaped = safe(text);
  return /[",\n\r]/.test(escaped) ? '"' + escaped.replaceAll('"', '""') + '"' : escaped;
}

function download(name, lines) {
  const content = new Blob([lines.map((line) => line.map(field).join(",")).join("\n") + "\n"], { type: "text/csv" });
  const link = make("a", { download: name, href: URL.createObjectURL(content) });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

function exportRows() {
  const lines = [columns.map((column) => column.name)];
  for (const row of shown) lines.push(columns.map((column) => full(column, row)));
  download("rows.csv", lines);
  const missing = data.n_rows_in_all - data.n_rows;
  report.textContent = `Saved ${counted(shown.length)} rows with all ${counted(columns.length)} columns of this page` +
    (missing ? `. The page does not have ${counted(missing)} rows: they are in ${data.source}` : "") + ".";
}

function exportDecisions() {
  const places = new Map(Array.from({ length: data.n_rows }, (_, row) => [rowNumber(row), row]));
  const lines = [["row", "given_label", "decision", "new_label"]];
  for (const [number, verdict] of [...state.verdicts].sort((a, b) => a[0] - b[0])) {
    if (!places.has(number)) continue;
    const decision = typeof verdict === "string" ? verdict : "relabel";
    const label = typeof verdict === "string" ? "" : data.classes[verdict.label];
    lines.push([String(number), full(columns[TARGET], places.get(number)), decision, label]);
  }
  download("decisions.csv", lines);
  report.textContent = `Saved ${counted(lines.length - 1)} decisions. ` +
    "Next: actscore apply decisions.csv --data FILE --output FIXED";
}

function drawExports() {
  const n = state.verdicts.size;
  saveDecisions.hidden = !n;
  saveDecisions.textContent = `Save ${counted(n)} decision${n === 1 ? "" : "s"} as CSV`;
}

function buildExports() {
  saveRows.onclick = exportRows;
  saveDecisions.onclick = exportDecisions;
  const reset = make("button", { type: "button", textContent: "Show all rows" });
  reset.onclick = () => {
    const { verdicts, shown: kept } = state;
    readAddress("");
    Object.assign(state, { verdicts, shown: kept });
    renew();
    remember();
  };
  controls.append(saveRows, saveDecisions, reset, filterList, report);
}
