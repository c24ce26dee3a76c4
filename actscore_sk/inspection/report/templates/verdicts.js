// A reader's verdict on labels: right, or wrong and what is right.
const guide = make("p", { className: "small", hidden: true });
let settleVerdicts = null;

function rowNumber(row) { return Number(columns[ROW].values[row]); }

function suggestedFor(row) {
  const text = SUGGESTED < 0 ? "" : full(columns[SUGGESTED], row);
  return data.classes.indexOf(text);
}

function judge(row, verdict) {
  if (verdict === null) state.verdicts.delete(rowNumber(row));
  else state.verdicts.set(rowNumber(row), verdict);
  remember();
  drawExports();
}

function menuOfClasses(row, verdict) {
  const menu = make("select", {});
  menu.setAttribute("aria-label", `right label of row ${rowNumber(row)}`);
  const given = full(columns[TARGET], row);
  if (verdict.label === undefined && verdict !== "drop") menu.append(make("option", { value: "", textContent: "choose …" }));
  data.classes.forEach((label, i) => {
    if (label !== given) menu.append(make("option", { value: String(i), textContent: label }));
  });
  menu.append(make("option", { value: "drop", textContent: "drop the row" }));
  menu.value = verdict === "drop" ? "drop" : String(verdict.label ?? "");
  menu.onchange = () => judge(row, menu.value === "drop" ? "drop" : menu.value === "" ? null : { label: Number(menu.value) });
  return menu;
}

function verdictCell(row) {
  const place = make("td", { className: "verdict" });
  if (full(columns[TARGET], row) === "") return place; // no label, nothing to judge
  const verdict = state.verdicts.get(rowNumber(row));
  const right = make("input", { type: "checkbox", checked: verdict === "keep" });
  const wrong = make("input", { type: "checkbox", checked: verdict !== undefined && verdict !== "keep" });
  const tick = (box, word) => {
    box.setAttribute("aria-label", `label of row ${rowNumber(row)} is ${word}`);
    return make("label", { className: "tick" }, box, word);
  };
  place.append(tick(wrong, "wrong"), tick(right, "right"));
  if (wrong.checked) place.append(menuOfClasses(row, verdict));
  right.onchange = () => {
    wrong.checked = false;
    place.querySelector("select")?.remove();
    judge(row, right.checked ? "keep" : null);
  };
  wrong.onchange = () => {
    right.checked = false;
    place.querySelector("select")?.remove();
    const suggested = suggestedFor(row);
    const next = !wrong.checked ? null : suggested >= 0 ? { label: suggested } : null;
    judge(row, next);
    if (wrong.checked) place.append(menuOfClasses(row, next || {}));
  };
  return place;
}
