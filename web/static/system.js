// The page of the system keeps itself current.

import { ask, watch } from "./asking.js";

const shown = document.querySelector("#system");

if (!location.search) {
  watch(async () => {
    const text = await (await ask(location.pathname, { live: true })).text();
    const fresh = new DOMParser().parseFromString(text, "text/html").querySelector("#system");
    if (fresh && fresh.innerHTML !== shown.innerHTML && !shown.contains(document.activeElement)) shown.replaceChildren(...fresh.childNodes);
  }, 15, () => {});
}
