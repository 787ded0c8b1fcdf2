// Sends what is dropped, a few files at a time, and tells what became of each.

import { ask, Refused, token, watch } from "./asking.js";

const form = document.querySelector("#upload");
const drop = document.querySelector("#drop");
const table = document.querySelector("#sent");
const progress = document.querySelector("#progress");
const sum = document.querySelector("#sum");
const AT_ONCE = 3, TRIES = 3, ASKED = 100, SHOWN = 2000;
const FINAL = new Set(["classified", "rejected", "quarantined", "unpacked"]);
const queue = [];
const files = [];
let running = 0;

function add(found, name) {
  const one = { file: found, name, sent: 0, state: "waits", batch, row: null };
  one.study = document.querySelector("#study").value.trim();
  one.stat = document.querySelector("#stat").checked;
  if (files.length < SHOWN) {
    one.row = table.tBodies[0].insertRow();
    for (let cell = 0; cell < 3; cell += 1) one.row.insertCell();
    one.row.cells[0].textContent = name;
  }
  table.hidden = progress.hidden = false;
  files.push(one);
  queue.push(one);
  show(one, "waits");
  next();
}

function show(one, sent, became) {
  if (!one.row) return;
  one.row.cells[1].textContent = sent;
  if (became !== undefined) one.row.cells[2].textContent = became;
}

function next() {
  while (running < AT_ONCE && queue.length) {
    running += 1;
    send(queue.shift()).finally(() => { running -= 1; next(); total(); });
  }
}

async function send(one) {
  if (one.file.size > Number(form.dataset.most)) return fail(one, "The file is larger than the settings allow.");
  for (let tried = 1; ; tried += 1) {
    try {
      const answer = await post(one);
      one.sha256 = answer.sha256;
      one.state = "sent";
      show(one, "sent", "waits to be taken in");
      return;
    } catch (error) {
      if (error.status !== 0 || tried === TRIES) return fail(one, error.message);
      await new Promise((done) => { setTimeout(done, 1000 * tried); });
    }
  }
}

function fail(one, why) {
  one.state = "failed";
  one.sent = one.file.size;
  show(one, "not sent", why);
}

// XMLHttpRequest, since fetch tells nothing of what has been sent.
function post(one) {
  const words = new URLSearchParams({ name: one.name, ticket: one.batch });
  if (one.study) words.set("study", one.study);
  if (one.stat) words.set("stat", "yes");
  return new Promise((done, refused) => {
    const request = new XMLHttpRequest();
    request.open("POST", `${form.dataset.files}?${words}`);
    request.setRequestHeader("X-CSRF-Token", token);
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.responseType = "json";
    request.upload.addEventListener("progress", (event) => {
      one.sent = event.loaded;
      show(one, `${Math.round((100 * event.loaded) / Math.max(1, event.total))} %`);
      total();
    });
    request.addEventListener("load", () => {
      if (request.status === 201) done(request.response);
      else refused(new Refused(request.status, request.response?.code, request.response?.detail || `The server answered ${request.status}.`));
    });
    request.addEventListener("error", () => refused(new Refused(0, "away", "The upload broke off. Drop the file again.")));
    request.send(one.file);
  });
}

function total() {
  const size = files.reduce((all, one) => all + one.file.size, 0);
  progress.value = size ? files.reduce((all, one) => all + Math.min(one.sent, one.file.size), 0) / size : 0;
  const count = (state) => files.filter((one) => one.state === state).length;
  const done = files.filter((one) => FINAL.has(one.state)).length;
  const refused = count("failed") + count("rejected") + count("quarantined");
  sum.textContent = `${files.length} ${files.length === 1 ? "file" : "files"}: ${done} done${refused ? `, ${refused} not usable` : ""}.`;
}

function told(fate) {
  if (fate.state === null) return "waits to be taken in";
  if (fate.state === "unpacked") {
    const states = Object.entries(fate.members).map(([state, count]) => `${count} ${state}`);
    return `unpacked: ${states.join(", ") || "nothing in it"}`;
  }
  if (fate.state === "rejected" || fate.state === "quarantined") return `${fate.state}: ${fate.reason}`;
  if (fate.state !== "classified") return fate.state;
  return fate.label + (fate.probability === null ? "" : `, probability ${fate.probability.toFixed(2)}`);
}

async function look() {
  const open = files.filter((one) => one.sha256 && (!FINAL.has(one.state) || one.unfinished)).slice(0, ASKED);
  if (!open.length) return;
  const answer = await ask(`${form.dataset.files}?sha256=${[...new Set(open.map((one) => one.sha256))].join(",")}`, { live: true });
  const fates = new Map((await answer.json()).files.map((fate) => [fate.sha256, fate]));
  for (const one of open) {
    const fate = fates.get(one.sha256);
    if (fate.state) one.state = fate.state;
    one.unfinished = Object.keys(fate.members).some((state) => !FINAL.has(state));
    show(one, "sent", told(fate));
    link(one, fate);
  }
  total();
}

function link(one, fate) {
  const page = fate.study_id ? `studies/${fate.study_id}` : fate.image_id && FINAL.has(fate.state) ? `images/${fate.image_id}` : null;
  if (!one.row || !page) return;
  const anchor = document.createElement("a");
  anchor.href = form.dataset.pages + page;
  anchor.textContent = one.row.cells[2].textContent;
  one.row.cells[2].replaceChildren(anchor);
}

// What is dropped together has one ticket: its folder in the inbox.
let batch = "";
function begin() {
  batch = [...crypto.getRandomValues(new Uint8Array(8))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function walk(entry) {
  if (entry.isFile) return add(await new Promise((done, failed) => { entry.file(done, failed); }), entry.fullPath.slice(1));
  const reader = entry.createReader();
  for (;;) {
    const some = await new Promise((done, failed) => { reader.readEntries(done, failed); });
    if (!some.length) return;
    for (const one of some) await walk(one);
  }
}

for (const chosen of document.querySelectorAll('input[type="file"]')) {
  chosen.addEventListener("change", () => {
    begin();
    for (const file of chosen.files) add(file, file.webkitRelativePath || file.name);
    chosen.value = "";
  });
}
drop.addEventListener("dragover", (event) => { event.preventDefault(); drop.classList.add("over"); });
drop.addEventListener("dragleave", () => drop.classList.remove("over"));
drop.addEventListener("drop", async (event) => {
  event.preventDefault();
  drop.classList.remove("over");
  begin();
  const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry()).filter(Boolean);
  for (const entry of entries) await walk(entry);
});
form.addEventListener("submit", (event) => event.preventDefault());
window.addEventListener("beforeunload", (event) => { if (queue.length || running) event.preventDefault(); });
watch(look, 1.5, (problem) => { if (problem) sum.textContent = problem; });
