// Which rows are shown, and the fields that choose them.
const controls = document.getElementById("controls");
let shown = [];
let texts = null;

// A function of a row for each filter that says something.
function tests() {
  const found = [];
  for (const [i, filter] of state.filters) {
    const { kind, levels, values } = columns[i];
    if ("level" in filter && filter.level !== "") found.push((row) => values[row] === filter.level);
    else if (filter.text) {
      const wanted = filter.text.toLowerCase();
      const has = levels.map((level) => level.toLowerCase().includes(wanted));
      found.push((row) => values[row] >= 0 && has[values[row]]);
    } else if (kind === "number" && (filter.low !== "" || filter.high !== "")) {
      const low = filter.low === "" ? -Infinity : Number(filter.low);
      const high = filter.high === "" ? Infinity : Number(filter.high);
      found.push((row) => values[row] !== null && Number(values[row]) >= low && Number(values[row]) <= high);
    }
  }
  return found;
}

function select() {
  const words = state.words.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length && !texts) {
    texts = Array.from({ length: data.n_rows }, (_, row) =>
      columns.map((column) => full(column, row)).join("\n").toLowerCase());
  }
  const conditions = tests();
  const end = state.suspects ? Math.min(data.n_suspects, data.n_rows) : data.n_rows;
  shown = [];
  for (let row = 0; row < end; row++) {
    if (conditions.every((test) => test(row)) && words.every((word) => texts[row].includes(word))) shown.push(row);
  }
  if (state.column < 0) return;
  const column = columns[state.column];
  const keys = new Map(shown.map((row) => [row, sortKey(column, row)]));
  const sign = state.descending ? -1 : 1;
  shown.sort((a, b) => {
    const x = keys.get(a), y = keys.get(b);
    if (x === null || y === null) return (x === null) - (y === null) || a - b; // missing values are last
    return x === y ? a - b : sign * (x < y ? -1 : 1);
  });
}

// Calls a function when nothing was typed for a moment.
function whenQuiet(work) {
  let waiting = 0;
  return () => {
    clearTimeout(waiting);
    waiting = setTimeout(work, 150);
  };
}

function menuOf(i, filter) {
  const column = columns[i];
  const levels = column.kind === "truth" ? [true, false] : column.ordered;
  const menu = make("select", {}, make("option", { value: "", textContent: "all" }));
  levels.forEach((level) => {
    const text = column.kind === "truth" ? (level ? "yes" : "no") : column.levels[level];
    menu.append(make("option", { value: String(level), textContent: text }));
  });
  menu.value = String(filter.level);
  const read = { "": "", true: true, false: false };
  menu.onchange = () => change(() => {
    state.filters.set(i, { level: menu.value in read ? read[menu.value] : Number(menu.value) });
  });
  return menu;
}

function fieldsOf(i, filter) {
  const { kind, name } = columns[i];
  if ("level" in filter) return [make("label", {}, name, menuOf(i, filter))];
  if (kind === "text") {
    const input = make("input", { type: "search", value: filter.text, autocomplete: "off" });
    input.oninput = whenQuiet(() => change(() => state.filters.set(i, { text: input.value })));
    return [make("label", {}, `${name} has`, input)];
  }
  const [low, high] = ["low", "high"].map((end) => {
    const input = make("input", { type: "number", step: "any", value: filter[end], autocomplete: "off" });
    input.oninput = whenQuiet(() => change(() => {
      state.filters.set(i, { ...state.filters.get(i), [end]: input.value });
    }));
    return input;
  });
  return [make("label", {}, `${name} from`, low), make("label", {}, "to", high)];
}

// A filter that does nothing yet, of the kind that suits the column.
function emptyFilter(i) {
  const { kind, levels } = columns[i];
  if (kind === "number") return { low: "", high: "" };
  return kind === "truth" || levels.length <= MOST_CHOICES ? { level: "" } : { text: "" };
}

const filterList = make("div", { id: "filters" });

function drawFilters() {
  filterList.replaceChildren(...[...state.filters].map(([i, filter]) => {
    const remove = make("button", { type: "button", textContent: "✕", title: `No filter of ${columns[i].name}` });
    remove.setAttribute("aria-label", remove.title);
    remove.onclick = () => { change(() => state.filters.delete(i)); drawFilters(); };
    return make("div", { className: "filter" }, ...fieldsOf(i, filter), remove);
  }));
  controls.querySelector("[name=words]").value = state.words;
  const only = controls.querySelector("[name=suspects]");
  if (only) only.checked = state.suspects;
}

function buildFilters() {
  const search = make("input", { type: "search", name: "words", autocomplete: "off" });
  search.oninput = whenQuiet(() => change(() => { state.words = search.value; }));
  const more = make("select", { name: "more" }, make("option", { value: "", textContent: "column …" }));
  columns.forEach((column, i) => more.append(make("option", { value: String(i), textContent: column.name })));
  more.onchange = () => {
    const i = Number(more.value);
    more.value = "";
    change(() => { if (!state.filters.has(i)) state.filters.set(i, emptyFilter(i)); });
    drawFilters();
    filterList.querySelectorAll(".filter")[[...state.filters.keys()].indexOf(i)].querySelector("input, select").focus();
  };
  controls.append(make("label", {}, "All of these words", search), make("label", {}, "Filter by", more));
  if (data.n_suspects) {
    const only = make("input", { type: "checkbox", name: "suspects" });
    only.onchange = () => change(() => { state.suspects = only.checked; });
    controls.append(make("label", { className: "tick" }, only, `only the ${counted(data.n_suspects)} to look at`));
  }
}
