// All that a reader has chosen. It is in the fragment of the address, so that a view can be kept, sent, and undone.
const PAGE = 50;
const MOST_SHOWN = 14; // columns that are shown unasked
const state = {
  words: "", column: -1, descending: false, page: 0, suspects: false,
  filters: new Map(), // column -> {level} or {text} or {low, high}
  shown: new Set(), // columns
  verdicts: new Map(), // row of the data -> "keep", "drop", or {label: position among the classes}
};

function isShownUnasked(i) { return i < MOST_SHOWN; }

function writeVerdicts() {
  return [...state.verdicts].map(([row, verdict]) =>
    `${row}.${verdict === "keep" ? "k" : verdict === "drop" ? "d" : verdict.label}`).join("_");
}

function readVerdicts(text) {
  const found = new Map();
  for (const [, row, what] of text.matchAll(/(\d+)\.(k|d|\d+)/g)) {
    const isClass = data.classes && Number(what) < data.classes.length;
    if (what === "k" || what === "d") found.set(Number(row), what === "k" ? "keep" : "drop");
    else if (isClass) found.set(Number(row), { label: Number(what) });
  }
  return found;
}

function writeAddress() {
  const address = new URLSearchParams();
  if (state.words) address.set("q", state.words);
  if (state.suspects) address.set("suspects", "1");
  if (state.column >= 0) {
    address.set("sort", columns[state.column].key);
    address.set("order", state.descending ? "down" : "up");
  }
  if (state.page) address.set("page", state.page + 1);
  for (const [i, filter] of state.filters) {
    const { key, kind, levels } = columns[i];
    // an empty field says nothing, and is not kept
    if (filter.level !== undefined && filter.level !== "") address.set("is." + key, kind === "text" ? levels[filter.level] : filter.level);
    if (filter.text) address.set("has." + key, filter.text);
    if (filter.low) address.set("min." + key, filter.low);
    if (filter.high) address.set("max." + key, filter.high);
  }
  columns.forEach((column, i) => {
    if (state.shown.has(i) !== isShownUnasked(i)) address.append(state.shown.has(i) ? "show" : "hide", column.key);
  });
  if (state.verdicts.size) address.set("verdicts", writeVerdicts());
  return address;
}

// Each filter that an address names.
function readFilters(address) {
  const found = new Map();
  columns.forEach((column, i) => {
    const [is, has] = [address.get("is." + column.key), address.get("has." + column.key)];
    const [low, high] = [address.get("min." + column.key), address.get("max." + column.key)];
    if (is !== null && column.kind === "text" && column.levels.includes(is)) found.set(i, { level: column.levels.indexOf(is) });
    else if (is !== null && column.kind === "truth") found.set(i, { level: is === "true" || is === "yes" });
    else if (has !== null && column.kind === "text") found.set(i, { text: has });
    else if (low !== null || high !== null) found.set(i, { low: low || "", high: high || "" });
  });
  return found;
}

function readAddress(text) {
  const address = new URLSearchParams(text);
  state.words = address.get("q") || "";
  state.suspects = address.get("suspects") === "1" && data.n_suspects > 0;
  state.column = address.has("sort") ? positionOf(address.get("sort")) : -1;
  state.descending = address.get("order") === "down";
  state.page = (parseInt(address.get("page"), 10) || 1) - 1;
  state.filters = readFilters(address);
  state.shown = new Set(columns.map((_, i) => i).filter(isShownUnasked));
  address.getAll("show").map(positionOf).filter((i) => i >= 0).forEach((i) => state.shown.add(i));
  address.getAll("hide").map(positionOf).forEach((i) => state.shown.delete(i));
  state.verdicts = readVerdicts(address.get("verdicts") || "");
}

function remember() {
  history.replaceState(null, "", "#" + (writeAddress().toString() || "rows"));
}
