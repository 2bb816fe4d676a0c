"use strict";
// Text of documents and questions reaches the page by textContent alone.
const data = { rows: [], sources: [] };
for (const line of document.getElementById("data").textContent.split("\n")) {
  if (!line) continue;
  const one = JSON.parse(line);
  if (one.row) data.rows.push(one.row);
  else if (one.source) data.sources.push(one.source);
  else data.kind = one.kind;
}
const PAGE = 50;
const $ = (id) => document.getElementById(id);
const searched = data.kind === "searched";
let found = data.rows;
let first = 0;

function make(name, kind, text) {
  const element = document.createElement(name);
  if (kind) element.className = kind;
  if (text !== undefined && text !== null) element.textContent = text;
  return element;
}

function options(select, all, names) {
  select.append(new Option(all, ""));
  for (const [value, text] of names) select.append(new Option(text, value));
}

function tally(values) {
  const counts = new Map();
  for (const value of values) counts.set(value, (counts.get(value) || 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
}

function sift() {
  const words = $("words").value.toLowerCase().split(/\s+/).filter(Boolean);
  const error = $("error").value, tag = $("tag").value;
  found = data.rows.filter((row) => {
    if (error && (row.e || "-") !== error) return false;
    if (tag && !(row.t || []).includes(tag)) return false;
    if (!words.length) return true;
    const text = [row.id, row.q, row.a || "", ...(row.g || [])].join(" ").toLowerCase();
    return words.every((word) => text.includes(word));
  });
  first = 0;
  show();
}

function show() {
  const body = $("rows").tBodies[0];
  body.replaceChildren(...found.slice(first, first + PAGE).map(line));
  const last = Math.min(first + PAGE, found.length);
  $("count").textContent = found.length.toLocaleString("en")
    + (found.length === 1 ? " question" : " questions");
  $("at").textContent = found.length ? (first + 1).toLocaleString("en") + " to "
    + last.toLocaleString("en") : "none";
  $("back").disabled = first === 0;
  $("on").disabled = last >= found.length;
}

function line(row) {
  const tr = make("tr", "row");
  tr.tabIndex = 0;
  tr.append(make("td", "", row.q));
  if (searched) {
    const best = (row.d || []).findIndex((one) => one[2] > 0);
    tr.append(make("td", "", best < 0 ? "none of the first ten" : "rank " + (best + 1)));
  } else {
    tr.append(make("td", "", row.g ? row.g.slice(0, 3).join(" | ") : "–"));
    tr.append(make("td", row.given ? "" : "withheld", row.a || "–"));
    tr.append(make("td", "", row.c === undefined ? "–" : row.c.toFixed(2)));
    const cell = make("td");
    cell.append(make("span", "tag " + (row.e ? "bad" : "good"), row.e || "as it should be"));
    tr.append(cell);
  }
  const turn = () => {
    const next = tr.nextElementSibling;
    if (next && next.classList.contains("open")) next.remove();
    else tr.after(detail(row, tr.cells.length));
  };
  tr.addEventListener("click", turn);
  tr.addEventListener("keydown", (event) => { if (event.key === "Enter") turn(); });
  return tr;
}

function detail(row, columns) {
  const tr = make("tr", "open"), cell = make("td", "detail");
  cell.colSpan = columns;
  const list = make("dl");
  const say = (name, text) => {
    if (text) list.append(make("dt", "", name), make("dd", "", text));
  };
  say("id", row.id);
  say("searched as", row.as);
  if (!searched) {
    say("gold", row.g ? row.g.join(" | ") : "none: it cannot be answered");
    say(row.given ? "answer" : "withheld", row.a);
    say("others", (row.o || []).map((one) => one[0]).join(" | "));
  }
  say("measures", Object.entries(row.m || {}).map(([name, value]) => name + " " + value).join(" · "));
  say("tags", (row.t || []).join(", "));
  if (row.ms !== undefined) say("took", row.ms + " ms");
  cell.append(list);
  const sources = make("div", "sources");
  for (const [place, answers, golds] of row.s || []) {
    const [path, text] = data.sources[place];
    const box = make("div", "source");
    const name = make("p", "", path);
    if (answers.length) name.append(make("mark", "answer", row.given ? "answer" : "withheld"));
    if (golds.length) name.append(make("mark", "gold", "gold"));
    box.append(name);
    box.append(marked(text, answers, golds));
    sources.append(box);
  }
  cell.append(sources);
  if (row.h) cell.append(ranks(["passage", "lexical", "dense", "score", ""], row.h.map((hit) =>
    [hit[0], hit[1] ?? "–", hit[2] ?? "–", hit[3].toFixed(3), hit[4] ? "holds a gold" : ""])));
  if (row.d) cell.append(ranks(["document", "score", "grade"], row.d.map((one) =>
    [one[0], one[1].toFixed(3), one[2] ?? "not judged"])));
  tr.append(cell);
  return tr;
}

function ranks(heads, lines) {
  const table = make("table"), head = make("tr");
  for (const name of ["rank", ...heads]) head.append(make("th", "", name));
  table.createTHead().append(head);
  const body = table.createTBody();
  lines.forEach((cells, place) => {
    const tr = body.insertRow();
    for (const cell of [place + 1, ...cells]) tr.append(make("td", "", cell));
  });
  return table;
}

// Offsets count code points, so the text is taken apart by them.
function marked(text, answers, golds) {
  const box = make("div"), points = [...text];
  const edges = new Set([0, points.length, ...answers.flat(), ...golds.flat()]);
  const places = [...edges].sort((a, b) => a - b);
  const inside = (spans, at) => spans.some(([start, end]) => start <= at && at < end);
  for (let n = 0; n + 1 < places.length; n++) {
    const part = points.slice(places[n], places[n + 1]).join("");
    const kinds = [inside(answers, places[n]) ? "answer" : "", inside(golds, places[n]) ? "gold" : ""]
      .filter(Boolean);
    box.append(kinds.length ? make("mark", kinds.join(" "), part) : part);
  }
  return box;
}

const head = make("tr");
const heads = searched ? ["question", "first relevant document"]
  : ["question", "gold", "answer", data.kind === "read" ? "margin" : "confidence", ""];
for (const name of heads) head.append(make("th", "", name));
$("rows").tHead.append(head);
if (searched) $("error").hidden = true;
const errors = tally(data.rows.map((row) => row.e || "-"));
options($("error"), "whatever became of it", errors.map(([name, n]) =>
  [name, (name === "-" ? "as it should be" : name) + " (" + n + ")"]));
const tags = tally(data.rows.flatMap((row) => row.t || []));
options($("tag"), "any tag", tags.map(([name, n]) => [name, name + " (" + n + ")"]));
$("tag").hidden = !tags.length;
document.querySelector(".filters").addEventListener("submit", (event) => event.preventDefault());
for (const id of ["words", "error", "tag"]) $(id).addEventListener("input", sift);
for (const button of document.querySelectorAll("button.error")) {
  button.addEventListener("click", () => {
    $("error").value = button.dataset.error;
    sift();
    $("questions").scrollIntoView();
  });
}
$("back").addEventListener("click", () => { first -= PAGE; show(); });
$("on").addEventListener("click", () => { first += PAGE; show(); });
show();
