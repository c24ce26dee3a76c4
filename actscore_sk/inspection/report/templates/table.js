// The rows of one page, and the buttons that turn pages.
const pages = document.getElementById("pages");
const count = document.getElementById("count");
const frame = document.getElementById("rows-frame");
const back = make("button", { type: "button", textContent: "Previous" });
const forth = make("button", { type: "button", textContent: "Next" });

function pictureCell(row) {
  const place = make("td", {});
  if (!data.pictures[row]) return place;
  const image = make("img", { src: data.pictures[row], className: "sample", alt: "image of row " + rowNumber(row) });
  image.onload = () => { if (image.naturalHeight < 48) image.classList.add("tiny"); };
  place.append(image);
  return place;
}

function valueCell(i, row) {
  const column = columns[i];
  const place = make("td", { className: column.kind === "number" ? "number" : "text", textContent: short(column, row) });
  const whole = full(column, row);
  if (column.kind !== "truth" && whole !== place.textContent) place.title = whole;
  return place;
}

function lineOf(row) {
  const line = make("tr", { className: row < data.n_suspects ? "suspect" : "" });
  line.append(make("th", { scope: "row", className: "number", textContent: short(columns[ROW], row) }));
  if (data.pictures) line.append(pictureCell(row));
  if (data.classes) line.append(verdictCell(row));
  line.append(...shownColumns().map((i) => valueCell(i, row)));
  return line;
}

function draw() {
  const last = Math.max(0, Math.ceil(shown.length / PAGE) - 1);
  state.page = Math.min(Math.max(state.page, 0), last);
  const start = state.page * PAGE;
  drawHeads();
  table.tBodies[0].replaceChildren(...shown.slice(start, start + PAGE).map(lineOf));
  settleVerdicts();
  drawExports();
  count.textContent = shown.length
    ? `Rows ${counted(start + 1)} to ${counted(Math.min(start + PAGE, shown.length))} of ${counted(shown.length)}` +
      (shown.length < data.n_rows ? ` that match, of ${counted(data.n_rows)}` : "")
    : "No row matches.";
  back.disabled = state.page === 0;
  forth.disabled = state.page === last;
}

function change(update, { keepPage = false } = {}) {
  if (!keepPage) state.page = 0;
  update();
  select();
  draw();
  remember();
}

// Draws all of the state: after an address was read.
function renew() {
  select();
  drawFilters();
  draw();
}

function buildTable() {
  const turn = (step) => () => {
    state.page += step;
    draw();
    frame.scrollTop = 0;
    remember();
  };
  back.onclick = turn(-1);
  forth.onclick = turn(1);
  pages.append(back, forth);
  settleVerdicts = rove(table.tBodies[0], ".verdict input", { stride: 2 });
}
