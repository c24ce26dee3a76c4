// Heads that sort, and the choice of columns.
const table = document.getElementById("rows-table");
const chosen = make("details", { id: "chosen" }, make("summary", {}));
let settleHeads = null;

// The rank stands behind the score: on a narrow screen labels come first.
const inOrder = columns.map((_, i) => i).filter((i) => i !== ROW && columns[i].key !== "rank");
if (positionOf("rank") >= 0) inOrder.splice(inOrder.indexOf(positionOf("action_score")) + 1, 0, positionOf("rank"));

function shownColumns() { return inOrder.filter((i) => state.shown.has(i)); }

function sortBy(i) {
  const first = data.directions[i] === "down";
  change(() => {
    state.descending = state.column === i ? !state.descending : first;
    state.column = i;
  });
}

function headOf(i) {
  const { name, kind } = columns[i];
  const button = make("button", { type: "button", textContent: name, onclick: () => sortBy(i) });
  const head = make("th", { scope: "col", className: kind === "number" ? "number" : "text" }, button);
  if (state.column === i) head.setAttribute("aria-sort", state.descending ? "descending" : "ascending");
  head.dataset.column = i;
  return head;
}

function drawHeads() {
  const focused = document.activeElement?.closest?.("#rows-table th")?.dataset.column;
  const heads = make("tr", {}, headOf(ROW));
  if (data.pictures) heads.append(make("th", { scope: "col", textContent: "image" }));
  if (data.classes) heads.append(make("th", { scope: "col", textContent: "your verdict" }));
  heads.append(...shownColumns().map(headOf));
  table.tHead.replaceChildren(heads);
  settleHeads();
  // new heads replaced the old ones: whoever sorts by keys stays where they were
  if (focused !== undefined) table.tHead.querySelector(`th[data-column="${focused}"] button`)?.focus();
  chosen.firstChild.textContent = `Columns (${counted(shownColumns().length + 1)} of ${counted(columns.length)})`;
  for (const box of chosen.querySelectorAll("input[type=checkbox]")) box.checked = state.shown.has(Number(box.value));
}

function buildColumns() {
  settleHeads = rove(table.tHead, "th button");
  const find = make("input", { type: "search", autocomplete: "off" });
  const list = make("div", { className: "list" });
  columns.forEach((column, i) => {
    if (i === ROW) return;
    const box = make("input", { type: "checkbox", value: String(i) });
    box.onchange = () => change(() => state.shown[box.checked ? "add" : "delete"](i), { keepPage: true });
    list.append(make("label", { className: "tick" }, box, column.name));
  });
  find.oninput = whenQuiet(() => {
    const wanted = find.value.toLowerCase();
    for (const label of list.children) label.hidden = !label.textContent.toLowerCase().includes(wanted);
  });
  chosen.append(make("label", {}, "Find a column", find), list);
  rove(list, "label:not([hidden]) input");
  controls.append(chosen);
}
