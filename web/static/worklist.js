// The worklist keeps itself current; what is under the pointer, or has the keyboard, stays where it is.

import { ask, watch } from "./asking.js";

const table = document.querySelector("#worklist");
const body = table.tBodies[0];
const live = document.querySelector("#live");
const refresh = document.querySelector("#refresh");
let tag = "";
let waiting = null;

const rowOf = (key, rows) => rows.find((row) => row.dataset.key === key);
const held = () => table.matches(":hover") || body.contains(document.activeElement);

async function look() {
  const response = await ask(table.dataset.rows, { live: true, headers: tag ? { "If-None-Match": tag } : {} });
  if (response.status === 304) return;
  tag = response.headers.get("ETag") || "";
  const holder = document.createElement("table");
  holder.createTBody();
  // The server escaped every text in it, and no script of a page like this one runs.
  holder.tBodies[0].replaceChildren(...new DOMParser().parseFromString(`<table><tbody>${await response.text()}</tbody></table>`, "text/html").querySelectorAll("tr"));
  const rows = [...holder.tBodies[0].rows];
  const before = [...body.rows].map((row) => row.dataset.key).join();
  if (rows.map((row) => row.dataset.key).join() === before || held()) {
    for (const row of [...body.rows]) {
      const fresh = rowOf(row.dataset.key, rows);
      if (fresh && fresh.innerHTML !== row.innerHTML) update(row, fresh);
    }
  }
  if (rows.map((row) => row.dataset.key).join() === before) return show(null);
  if (held()) return show(rows);
  put(rows);
}

// Cell by cell, so that a link that has the keyboard keeps it.
function update(row, fresh) {
  row.className = fresh.className;
  [...row.cells].forEach((cell, number) => {
    const other = fresh.cells[number];
    if (!cell.contains(document.activeElement) && cell.innerHTML !== other.innerHTML) cell.replaceChildren(...other.cloneNode(true).childNodes);
  });
}

function show(rows) {
  waiting = rows;
  refresh.hidden = rows === null;
}

function put(rows) {
  const focused = document.activeElement.closest?.("tr")?.dataset.key;
  body.replaceChildren(...rows);
  show(null);
  if (focused) rowOf(focused, [...body.rows])?.querySelector("a")?.focus();
}

function move(step) {
  const links = [...body.querySelectorAll("a.open")];
  const now = links.indexOf(document.activeElement);
  links[Math.max(0, Math.min(links.length - 1, now < 0 ? 0 : now + step))]?.focus();
}

refresh.addEventListener("click", () => waiting && put(waiting));
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || event.target.matches("input, select, textarea")) return;
  const steps = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1 };
  if (event.key in steps) {
    event.preventDefault();
    move(steps[event.key]);
  } else if (event.key === "r" && waiting) put(waiting);
});
watch(look, 10, (problem) => { live.textContent = problem; });
