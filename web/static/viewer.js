// The viewer: one slice at a time, through a window, with what the model sees in it.

import { ask } from "./asking.js";
import { listen } from "./keys.js";
import { Slices } from "./slices.js";
import { actions as verdicts, begin, mark, prepareNext } from "./verdict.js";
import { Painter, PRESETS, WHOLE } from "./window.js";

const $ = (selector) => document.querySelector(selector);
const viewer = $("#viewer"), stage = $("#stage"), picture = $("#picture"), heat = $("#heat");
const strip = [...document.querySelectorAll("#strip button")];
const slices = new Slices(strip.map((button) => button.dataset.pixels));
const painter = new Painter(picture);
const heats = new Map();
const view = { place: -1, hu: { ...PRESETS.brain }, grey: { ...WHOLE }, inverted: false, zoom: 1, x: 0, y: 0, heat: false };
let speaking = 0;

const present = () => slices.now(view.place);
const windowOf = (slice) => (slice.isHu ? view.hu : view.grey);
const short = (number) => String(Math.round(number * 10) / 10);

async function show(place) {
  if (!strip.length) return missing("There is nothing to see yet.");
  const to = Math.max(0, Math.min(strip.length - 1, place));
  strip[view.place]?.removeAttribute("aria-current");
  if (view.place >= 0) strip[view.place].tabIndex = -1;
  view.place = slices.present = to;
  strip[to].setAttribute("aria-current", "true");
  strip[to].tabIndex = 0;
  strip[to].scrollIntoView({ block: "nearest" });
  if (document.activeElement?.closest("#strip")) strip[to].focus({ preventScroll: true });
  draw();
  return fetchFrom(to);
}

// The present slice alone at first: nothing is to delay it. Then those that may be next.
async function fetchFrom(place) {
  for (const near of [place, place + 1, place - 1, place + 2]) {
    if (!strip[near]?.dataset.pixels || slices.now(near)) continue;
    const loading = slices.get(near).then(() => near === view.place && draw(), (error) => lost(near, error));
    if (near === place) await loading;
  }
}

function lost(place, error) {
  strip[place].classList.add("gone");
  if (place === view.place) missing(error.message);
}

// In the slice's place: never another one's picture under its number.
function missing(text) {
  picture.hidden = heat.hidden = true;
  $("#missing").textContent = text;
  $("#missing").hidden = false;
  stage.dataset.shown = "";
  caption(text);
}

function draw() {
  const slice = present();
  if (!slice) return missing(strip[view.place].dataset.pixels ? "Loading …" : "This file was rejected, and has no picture.");
  painter.paint(slice, windowOf(slice), view.inverted);
  picture.hidden = false;
  $("#missing").hidden = true;
  stage.dataset.shown = view.place;
  lay();
  caption();
  showHeat();
}

// Both canvases lie over each other, as large as the stage allows, times the zoom.
function lay() {
  const slice = present();
  if (!slice) return;
  const { clientWidth: width, clientHeight: height } = stage;
  const scale = view.zoom * Math.min(width / slice.columns, height / slice.rows);
  const x = (width - slice.columns * scale) / 2 + view.x, y = (height - slice.rows * scale) / 2 + view.y;
  picture.style.transform = `translate(${x}px, ${y}px) scale(${scale})`;
  heat.style.transform = `translate(${x}px, ${y}px) scale(${(scale * slice.columns) / heat.width})`;
}

function caption(instead = "") {
  const slice = present(), { label, position } = strip[view.place]?.dataset || {};
  const figure = strip[view.place]?.querySelector(".figure")?.textContent;
  const where = strip.length ? `Slice ${view.place + 1} of ${strip.length}${position ? ` at ${position} mm` : ""}: ${label}${figure ? ` ${figure}` : ""}` : "No slice";
  $("#where").textContent = where;
  picture.setAttribute("aria-label", where);
  if (slice) {
    const { width, level } = windowOf(slice);
    const named = Object.keys(PRESETS).find((name) => slice.isHu && PRESETS[name].width === width && PRESETS[name].level === level);
    const figures = `width ${short(width)}, level ${short(level)}`;
    $("#window").textContent = slice.isHu ? `${figures} HU${named ? ` (${named})` : ""}` : `${figures} of 8 bits: this file has no Hounsfield units`;
    for (const name of Object.keys(PRESETS)) {
      const button = $(`[data-action="${name}"]`);
      button.disabled = !slice.isHu;
      button.setAttribute("aria-pressed", String(named === name));
    }
  } else {
    $("#window").textContent = "";
  }
  clearTimeout(speaking);
  speaking = setTimeout(() => { $("#spoken").textContent = instead ? `${where}. ${instead}` : where; }, 400);
}

async function showHeat() {
  const { place } = view;
  $('[data-action="heat"]').setAttribute("aria-pressed", String(view.heat));
  heat.hidden = true;
  $("#heat-told").textContent = "";
  if (!view.heat || !present()) return;
  try {
    if (!heats.has(place)) {
      $("#heat-told").textContent = "The heat map is being made …";
      const response = await ask(strip[place].dataset.heatmap);
      heats.set(place, { bitmap: await createImageBitmap(await response.blob()), version: response.headers.get("X-Headct-Model") });
    }
    if (place !== view.place || !view.heat) return;
    const { bitmap, version } = heats.get(place);
    heat.width = bitmap.width;
    heat.height = bitmap.height;
    heat.getContext("2d").drawImage(bitmap, 0, 0);
    heat.hidden = false;
    lay();
    $("#heat-told").textContent = `Heat map: where ${version} sees what speaks for a hemorrhage. Not calibrated.`;
  } catch (error) {
    if (place === view.place) $("#heat-told").textContent = `No heat map: ${error.message}`;
  }
}

function change(width, level) {
  const slice = present();
  if (!slice) return;
  const window = windowOf(slice);
  window.width = Math.max(1, window.width + width);
  window.level += level;
  draw();
}

function preset(name) {
  if (present()?.isHu) {
    Object.assign(view.hu, PRESETS[name]);
    draw();
  }
}

function zoom(factor) {
  view.zoom = Math.min(16, Math.max(0.25, view.zoom * factor));
  lay();
}

function pan(x, y) {
  view.x += x;
  view.y += y;
  lay();
}

function step(by) {
  show(view.place + by);
}

const actions = {
  ...verdicts,
  brain: () => preset("brain"), subdural: () => preset("subdural"), stroke: () => preset("stroke"), bone: () => preset("bone"),
  narrower: () => change(-5, 0), wider: () => change(5, 0), darker: () => change(0, 5), brighter: () => change(0, -5),
  larger: () => zoom(1.25), smaller: () => zoom(0.8),
  first: () => show(0), last: () => show(strip.length - 1),
  keys: () => $("#keys").showModal(),
  invert: () => {
    view.inverted = !view.inverted;
    $('[data-action="invert"]').setAttribute("aria-pressed", String(view.inverted));
    draw();
  },
  heat: () => {
    view.heat = !view.heat;
    showHeat();
  },
  reset: () => {
    Object.assign(view, { hu: { ...PRESETS.brain }, grey: { ...WHOLE }, zoom: 1, x: 0, y: 0 });
    if (view.inverted) actions.invert();
    draw();
  },
  mark: () => {
    const { image } = strip[view.place]?.dataset || {};
    if (image && $('[data-action="mark"]')) mark(Number(image), view.place + 1);
  },
};

listen({ step, pan: (x, y) => pan(40 * x, 40 * y), act: (name) => actions[name]() });
viewer.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-action]");
  if (button) actions[button.dataset.action]();
  const entry = event.target.closest("#strip button");
  if (entry) show(strip.indexOf(entry));
  if (event.target.matches("[data-close]")) event.target.closest("dialog").close();
});

let turned = 0;
stage.addEventListener("wheel", (event) => {
  event.preventDefault();
  if (event.ctrlKey) return zoom(event.deltaY < 0 ? 1.1 : 1 / 1.1);
  turned += event.deltaMode === 0 ? event.deltaY / 40 : Math.sign(event.deltaY); // a touchpad's small steps add up
  if (Math.abs(turned) < 1) return;
  step(Math.sign(turned) * (event.shiftKey ? 10 : 1));
  turned = 0;
}, { passive: false });

stage.addEventListener("pointerdown", (event) => {
  if (event.button > 1) return;
  stage.setPointerCapture(event.pointerId);
  const moves = event.shiftKey || event.button === 1;
  const drag = (moved) => {
    if (moves) pan(moved.movementX, moved.movementY);
    else change(moved.movementX, -moved.movementY);
  };
  stage.addEventListener("pointermove", drag);
  stage.addEventListener("lostpointercapture", () => stage.removeEventListener("pointermove", drag), { once: true });
});

// What the pixel under the pointer measures.
stage.addEventListener("pointermove", ({ clientX, clientY }) => {
  const slice = present();
  if (!slice) return;
  const box = picture.getBoundingClientRect();
  const column = Math.floor(((clientX - box.left) / box.width) * slice.columns), row = Math.floor(((clientY - box.top) / box.height) * slice.rows);
  const inside = column >= 0 && row >= 0 && column < slice.columns && row < slice.rows;
  $("#value").textContent = inside ? `${slice.values[row * slice.columns + column]} ${slice.isHu ? "HU" : "of 255"}` : "";
});

new ResizeObserver(lay).observe(stage);
show(Number(viewer.dataset.first)).finally(() => {
  begin();
  slices.ahead().then(prepareNext);
});
