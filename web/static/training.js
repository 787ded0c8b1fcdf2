// How far a training run is; when it is over the page is loaded again, with what came of it.

import { ask, watch } from "./asking.js";

const live = document.querySelector("#live");
const put = (id, text) => { const place = document.querySelector(`#${id}`); if (place.textContent !== text) place.textContent = text; };

function lasting(seconds) {
  if (seconds === null) return "";
  if (seconds < 90) return `${Math.round(seconds)} s`;
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}

async function look() {
  const run = await (await ask(live.dataset.run, { live: true })).json();
  if (run.is_over) {
    location.reload();
    return;
  }
  const epoch = run.last_epoch;
  put("state", run.state);
  put("stage", run.stage);
  put("epoch", epoch ? `${epoch.number} of ${epoch.of}` : "");
  put("loss", epoch ? epoch.loss.toFixed(4) : "");
  put("auc", epoch && epoch.validation_auc !== null ? epoch.validation_auc.toFixed(3) : "");
  put("left", lasting(run.seconds_left));
  if (run.cancel_requested) put("said", "It ends after the batch under way.");
}

watch(look, 2, (problem) => put("said", problem));
