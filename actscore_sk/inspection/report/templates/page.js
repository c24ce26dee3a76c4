"use strict";
// Rows that can be filtered and sorted. The state is in the fragment of the address, so that a view can be kept.
(() => {
  const PAGE = 50;
  const LETTERS = new Intl.Collator(undefined, { numeric: true });
  const data = JSON.parse(document.getElementById("data").textContent);
  const columns = data.columns;
  const table = document.getElementById("rows-table");
  const controls = document.getElementById("controls");
  const pages = document.getElementById("pages");
  const count = document.getElementById("count");
  const state = { words: "", column: -1, descending: false, page: 0, choices: new Map() };
  let shown = [];
  let texts = null;

  for (const column of columns) {
    if (column.levels) {
      const order = column.levels.map((_, i) => i).sort((a, b) => LETTERS.compare(column.levels[a], column.levels[b]));
      column.places = [];
      order.forEach((level, place) => { column.places[level] = place; });
    }
  }

  function cell(column, row) {
    const value = column.values[row];
    if (column.levels) return value < 0 ? "" : column.levels[value];
    return value === null ? "" : value;
  }

  function sortKey(column, row) {
    const value = column.values[row];
    if (column.levels) return value < 0 ? null : column.places[value];
    return value === null ? null : Number(value);
  }

  function make(tag, properties, ...children) {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  }

  function select() {
    const words = state.words.toLowerCase().split(/\s+/).filter(Boolean);
    if (words.length && !texts) {
      texts = Array.from({ length: data.n_rows }, (_, row) =>
        columns.map((column) => cell(column, row)).join("\n").toLowerCase());
    }
    const choices = [...state.choices].map(([i, level]) => [columns[i].values, level]);
    shown = [];
    for (let row = 0; row < data.n_rows; row++) {
      if (choices.every(([values, level]) => values[row] === level) &&
          words.every((word) => texts[row].includes(word))) shown.push(row);
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

  function draw() {
    const last = Math.max(0, Math.ceil(shown.length / PAGE) - 1);
    state.page = Math.min(Math.max(state.page, 0), last);
    const start = state.page * PAGE;
    const body = make("tbody");
    for (const row of shown.slice(start, start + PAGE)) {
      const line = body.insertRow();
      if (data.pictures) {
        const place = line.insertCell();
        if (data.pictures[row]) {
          const image = make("img", { src: data.pictures[row], className: "sample", alt: "image of row " + row });
          image.onload = () => { if (image.naturalHeight < 48) image.classList.add("tiny"); };
          place.append(image);
        }
      }
      for (const column of columns) {
        const place = line.insertCell();
        place.className = column.levels ? "text" : "number";
        place.textContent = cell(column, row);
      }
    }
    table.tBodies[0].replaceWith(body);
    [...table.tHead.rows[0].cells].slice(data.pictures ? 1 : 0).forEach((head, i) => {
      head.setAttribute("aria-sort", i !== state.column ? "none" : state.descending ? "descending" : "ascending");
    });
    const number = (n) => n.toLocaleString("en");
    count.textContent = shown.length
      ? `Rows ${number(start + 1)} to ${number(Math.min(start + PAGE, shown.length))} of ${number(shown.length)}` +
        (shown.length < data.n_rows ? ` that match, of ${number(data.n_rows)}` : "")
      : "No row matches.";
    const [back, forth] = pages.querySelectorAll("button");
    back.disabled = state.page === 0;
    forth.disabled = state.page === last;
  }

  function remember() {
    const address = new URLSearchParams();
    if (state.words) address.set("q", state.words);
    if (state.column >= 0) {
      address.set("sort", columns[state.column].name);
      address.set("order", state.descending ? "down" : "up");
    }
    if (state.page) address.set("page", state.page + 1);
    for (const [i, level] of state.choices) address.set("is." + columns[i].name, columns[i].levels[level]);
    history.replaceState(null, "", "#" + (address.toString() || "rows"));
  }

  function recall() {
    const address = new URLSearchParams(location.hash.slice(1));
    state.words = address.get("q") || "";
    state.column = columns.findIndex((column) => column.name === address.get("sort"));
    state.descending = address.get("order") === "down";
    state.page = (parseInt(address.get("page"), 10) || 1) - 1;
    state.choices = new Map();
    columns.forEach((column, i) => {
      const level = column.choices ? column.levels.indexOf(address.get("is." + column.name)) : -1;
      if (level >= 0) state.choices.set(i, level);
    });
    controls.querySelector("input").value = state.words;
    for (const menu of controls.querySelectorAll("select")) menu.value = state.choices.get(Number(menu.name)) ?? "";
    select();
    draw();
  }

  function change(update) {
    state.page = 0;
    update();
    select();
    draw();
    remember();
  }

  function save() {
    const quoted = (value) => /[",\n\r]/.test(value) ? '"' + String(value).replaceAll('"', '""') + '"' : value;
    const lines = [columns.map((column) => quoted(column.name))];
    for (const row of shown) lines.push(columns.map((column) => quoted(cell(column, row))));
    const content = new Blob([lines.map((line) => line.join(",")).join("\n") + "\n"], { type: "text/csv" });
    const link = make("a", { download: "rows.csv", href: URL.createObjectURL(content) });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }

  function build() {
    const search = make("input", { type: "search", name: "words", autocomplete: "off" });
    let waiting = 0;
    search.oninput = () => {
      clearTimeout(waiting);
      waiting = setTimeout(() => change(() => { state.words = search.value; }), 150);
    };
    controls.append(make("label", {}, "All of these words", search));
    columns.forEach((column, i) => {
      if (!column.choices) return;
      const menu = make("select", { name: String(i) }, make("option", { value: "", textContent: "all" }));
      column.levels.map((_, level) => level).sort((a, b) => column.places[a] - column.places[b]).forEach((level) => {
        menu.append(make("option", { value: String(level), textContent: column.levels[level] }));
      });
      menu.onchange = () => change(() => {
        if (menu.value === "") state.choices.delete(i);
        else state.choices.set(i, Number(menu.value));
      });
      controls.append(make("label", {}, column.name, menu));
    });
    controls.append(make("button", { type: "button", textContent: "Save these rows as CSV", onclick: save }));
    const heads = make("tr");
    if (data.pictures) heads.append(make("th", { scope: "col", textContent: "image" }));
    columns.forEach((column, i) => {
      const button = make("button", { type: "button", textContent: column.name });
      button.onclick = () => change(() => {
        state.descending = state.column === i ? !state.descending : false;
        state.column = i;
      });
      heads.append(make("th", { scope: "col", className: column.levels ? "text" : "number" }, button));
    });
    table.tHead.replaceChildren(heads);
    const turn = (text, step) => make("button", { type: "button", textContent: text, onclick: () => {
      state.page += step;
      draw();
      remember();
    } });
    pages.append(turn("Previous", -1), turn("Next", 1));
    controls.hidden = pages.hidden = false;
  }

  build();
  recall();
  addEventListener("hashchange", () => {
    if (location.hash.includes("=")) recall(); // else it is the name of a section
  });
})();
