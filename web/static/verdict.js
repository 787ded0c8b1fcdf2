// What is said of the case: verdicts, marks, the note, what others say, and the way to the next case.

import { ask, watch } from "./asking.js";
import { keep } from "./slices.js";

const EVERY_S = 15;
const viewer = document.querySelector("#viewer");
const note = document.querySelector("#note");
const list = document.querySelector("#readings");
const which = document.querySelector("#which");
const { asked, readings, following, worklist, label, title } = viewer.dataset;
const [key, id] = asked.split("=");
const noteKept = `headct.note ${asked}`;
let known = null;
let next = null;
let moved = false; // the case was read since it was loaded: what follows on its new place is not meant
let busy = false;

// What this tab recorded, the newest last, so that it can be undone from the next page too.
const given = () => JSON.parse(sessionStorage.getItem("headct.given") || "[]");
const keepGiven = (all) => sessionStorage.setItem("headct.given", JSON.stringify(all.slice(-50)));

function tell(name, text, reloads = false) {
  const shown = document.querySelector(name);
  (shown.querySelector("span") || shown).textContent = text;
  shown.hidden = !text;
  const link = shown.querySelector("a");
  if (link) link.hidden = !reloads;
}

function problem(error) {
  const ended = error.status === 401 || error.status === 403;
  tell("#problem", error.message, ended);
}

// Of what a person did, which is not tried again.
function failed(error) {
  const ended = error.status === 401 || error.status === 403;
  const told = error.code === "away" ? "headct does not answer. Do it again when it does." : error.message;
  tell("#problem", `Not done: ${told} The note is kept.`, ended);
}

function choose(question, likely) {
  which.querySelector("h2").textContent = question;
  which.returnValue = "";
  which.showModal();
  which.querySelector(`button[value="${likely}"]`).focus();
  return new Promise((done) => which.addEventListener("close", () => done(which.returnValue), { once: true }));
}

which.addEventListener("keydown", (event) => {
  const said = { h: "hemorrhage", n: "normal" }[event.key.toLowerCase()];
  if (!said || event.ctrlKey || event.altKey || event.metaKey) return;
  event.preventDefault();
  which.close(said);
});
which.addEventListener("click", (event) => {
  if (event.target.matches("button")) which.close(event.target.value);
});

async function once(work) {
  if (busy) return;
  busy = true;
  tell("#problem", "");
  tell("#done", "");
  try {
    await work();
  } catch (error) {
    failed(error);
  } finally {
    busy = false;
  }
}

async function record(said, subject, named) {
  const body = { label: said, note: note.value.trim() || null, ...subject };
  const answer = await (await ask(readings, { method: "POST", body })).json();
  keepGiven([...given(), { id: answer.reading_id, page: location.href, text: `${named}: ${said}`, note: body.note, asked }]);
  sessionStorage.removeItem(noteKept);
  note.value = "";
  return answer;
}

async function give(said) {
  const found = await ahead().catch(() => null); // before the verdict, which moves the case
  await record(said, { [key]: Number(id) }, title);
  moved = true;
  await goOn(found || await ahead(), true);
}

async function goOn(found, afterVerdict) {
  if (found.page) {
    location.assign(found.page);
  } else if (afterVerdict) {
    tell("#done", "Recorded. That was the last case of this list. N goes to the worklist, U undoes.");
    look().catch(problem); // not awaited, here and below: a key pressed meanwhile counts
  } else {
    location.assign(worklist);
  }
}

async function findNext() {
  next = await (await ask(following, { live: true })).json();
  return next;
}

// Asked again each time: the one that was found first may be read by now.
async function ahead() {
  if (moved && next) return next;
  try {
    return await findNext();
  } catch (error) {
    if (next) return next;
    throw error;
  }
}

// The next case's pixels are fetched before it is asked for.
export async function prepareNext() {
  try {
    await keep((await findNext()).pixels);
  } catch {
    // whoever goes there is told
  }
}

async function takeBack(entry) {
  try {
    await ask(`${readings}/${entry.id}`, { method: "DELETE" });
  } catch (error) {
    if (error.code === "no_such_reading") keepGiven(given().filter((one) => one.id !== entry.id));
    throw error;
  }
  keepGiven(given().filter((one) => one.id !== entry.id));
  // What was written with it is not to be written again.
  if (entry.note && entry.asked) sessionStorage.setItem(`headct.note ${entry.asked}`, entry.note);
  if (entry.page && entry.page !== location.href) {
    sessionStorage.setItem("headct.undone", `Taken back: ${entry.text}.`);
    location.assign(entry.page);
  } else {
    note.value ||= entry.note || "";
    tell("#done", "Undone.");
    look().catch(problem);
  }
}

export const actions = {
  agree: () => once(async () => {
    const sure = label === "hemorrhage" || label === "normal";
    const said = sure ? label : await choose("The model gives no verdict. What is it?", "hemorrhage");
    if (said) await give(said);
  }),
  disagree: () => once(async () => {
    const said = await choose("What is it instead?", label === "hemorrhage" ? "normal" : "hemorrhage");
    if (said) await give(said);
  }),
  undo: () => once(async () => {
    const last = given().at(-1);
    if (last) await takeBack(last);
    else tell("#done", "Nothing was said in this tab that could be undone.");
  }),
  next: () => once(async () => goOn(await ahead(), false)),
  worklist: () => location.assign(worklist),
  note: () => note.focus(),
};

export function mark(imageId, place) {
  return once(async () => {
    const said = await choose(`What does slice ${place} show?`, "hemorrhage");
    if (!said) return;
    const answer = await record(said, { image_id: imageId }, `Slice ${place} of ${title}`);
    tell("#done", `Slice ${place}: ${said}.${answer.left_out ? ` Not learnt from: ${answer.left_out}` : ""} U undoes.`);
    look().catch(problem);
  });
}

function element(name, text, className = "") {
  const made = document.createElement(name);
  made.textContent = text;
  made.className = className;
  return made;
}

// As the server writes moments.
function local(text) {
  const moment = new Date(text);
  const two = (number) => String(number).padStart(2, "0");
  return `${moment.getFullYear()}-${two(moment.getMonth() + 1)}-${two(moment.getDate())} ${two(moment.getHours())}:${two(moment.getMinutes())}`;
}

function show(all) {
  const newest = new Map();
  for (const one of all) newest.set(one.image_id ?? 0, one);
  for (const button of document.querySelectorAll("#strip button")) {
    const said = newest.get(Number(button.dataset.image) || -1);
    button.querySelector(".mark").textContent = said && key === "study_id" ? `✎ ${said.label} (${said.reader})` : "";
  }
  const mine = new Map();
  for (const one of all) if (one.mine) mine.set(one.image_id ?? 0, one.reading_id);
  const lines = all.toReversed().map((one) => {
    const place = [...document.querySelectorAll("#strip button")].findIndex((button) => Number(button.dataset.image) === one.image_id) + 1;
    const line = document.createElement("li");
    line.append(element("span", one.label, `tag ${one.label}`), ` ${one.reader}${place && key === "study_id" ? `, slice ${place}` : ""}, ${local(one.read_at)} `);
    if (mine.get(one.image_id ?? 0) === one.reading_id) {
      const back = element("button", "Take back", "plain");
      back.type = "button";
      back.addEventListener("click", () => once(() => takeBack({ id: one.reading_id })));
      line.append(back);
    }
    if (one.note) line.append(element("div", one.note));
    return line;
  });
  list.replaceChildren(...(lines.length ? lines : [element("li", "Nobody has read it yet.", "dim")]));
}

async function look() {
  const stands = await (await ask(`${readings}?${asked}`, { live: true })).json();
  if (stands.revision !== viewer.dataset.revision) {
    const state = stands.state === "open" ? "More images came, and the study is open again." : "There are other images or results now.";
    tell("#changed", `${state} What is shown stays as it was.`, true);
  }
  const others = known ? stands.readings.filter((one) => !one.mine && !known.has(one.reading_id)) : [];
  moved ||= others.some((one) => key === "study_id" ? one.study_id : one.image_id);
  if (others.length) tell("#other", others.map((one) => `${one.reader} says ${one.label}${one.image_id && key === "study_id" ? " of a slice" : ""}.`).join(" "));
  const now = new Set(stands.readings.map((one) => one.reading_id));
  if (!known || now.size !== known.size || others.length || [...now].some((one) => !known.has(one))) show(stands.readings);
  known = now;
}

// At once, not when the first picture is there: what is written until then stays.
note.value = sessionStorage.getItem(noteKept) || "";
note.addEventListener("input", () => sessionStorage.setItem(noteKept, note.value));

export function begin() {
  const last = given().at(-1);
  const undone = sessionStorage.getItem("headct.undone");
  sessionStorage.removeItem("headct.undone");
  if (undone) tell("#done", undone);
  else if (last && last.page !== location.href) tell("#done", `Recorded for ${last.text}. U undoes.`);
  look().catch(problem);
  watch(look, EVERY_S, (text) => tell("#problem", text, /sign in/i.test(text)));
}
