"use strict";
// The data of the page: how a value is compared, shown and exported.
const DIGITS = 6; // significant ones on the screen; an export has all of them
const LONGEST = 200; // letters on the screen
const MOST_CHOICES = 60; // values that a menu offers
const LETTERS = new Intl.Collator(undefined, { numeric: true });

const data = JSON.parse(document.getElementById("data").textContent);
const columns = data.columns;
const seen = new Map();
for (const column of columns) {
  // two columns may have one name; in an address the second is "name~2"
  seen.set(column.name, (seen.get(column.name) || 0) + 1);
  column.key = seen.get(column.name) > 1 ? `${column.name}~${seen.get(column.name)}` : column.name;
  if (column.kind === "text") {
    const order = column.levels.map((_, i) => i).sort((a, b) => LETTERS.compare(column.levels[a], column.levels[b]));
    column.places = [];
    order.forEach((level, place) => { column.places[level] = place; });
    column.ordered = order;
  }
}
const positionOf = (key) => columns.findIndex((column) => column.key === key);
const ROW = positionOf("row"), TARGET = positionOf("target"), SUGGESTED = positionOf("suggested_label");

function make(tag, properties, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

function counted(n) { return n.toLocaleString("en"); }

// The whole value as text, as an export has it.
function full(column, row) {
  const value = column.values[row];
  if (column.kind === "text") return value < 0 ? "" : column.levels[value];
  if (column.kind === "truth") return value === null ? "" : value ? "True" : "False";
  return value === null ? "" : String(value);
}

// The value as the screen has it, in one short line.
function short(column, row) {
  const value = column.values[row];
  if (column.kind === "truth") return value === null ? "" : value ? "yes" : "no";
  if (column.name === "wrong_probability" && value !== null) {
    return value > 0.999 ? "> 0.999" : value < 0.001 ? "< 0.001" : value.toFixed(3); // no estimate is certain
  }
  if (typeof value === "number" && !Number.isInteger(value) && column.kind === "number") {
    return String(Number(value.toPrecision(DIGITS)));
  }
  const text = full(column, row).replace(/\s+/g, " ").trim();
  return text.length > LONGEST ? text.slice(0, LONGEST - 1) + "…" : text;
}

// What rows are sorted by; null = missing.
function sortKey(column, row) {
  const value = column.values[row];
  if (column.kind === "text") return value < 0 ? null : column.places[value];
  return value === null ? null : Number(value);
}
