// The page of the system keeps itself current.

import { ask, watch } from "./asking.js";

const shown = document.querySelector("#system");
const away = document.querySelector("#away");
let seen = new Date();

function tell(problem) {
  away.hidden = !problem;
  if (problem) away.textContent = `${problem} What stands below is of ${seen.toTimeString().slice(0, 8)}.`;
}

if (!location.search) {
  watch(async () => {
    const text = await (await ask(location.pathname, { live: true })).text();
    const fresh = new DOMParser().parseFromString(text, "text/html").querySelector("#system");
    seen = new Date();
    if (fresh && fresh.innerHTML !== shown.innerHTML && !shown.contains(document.activeElement)) shown.replaceChildren(...fresh.childNodes);
  }, 15, tell);
}
