// Asking this server: with the CSRF token of the page, and errors as it words them.

export const token = document.querySelector('meta[name="csrf-token"]').content;

export class Refused extends Error {
  constructor(status, code, detail) {
    super(detail);
    this.status = status;
    this.code = code;
  }
}

// `live`: the page asks by itself, which does not keep the session alive.
export async function ask(address, { method = "GET", body, live = false, headers = {}, signal } = {}) {
  const sent = { "X-CSRF-Token": token, ...headers };
  if (live) sent["X-Live"] = "1";
  if (body !== undefined && !(body instanceof Blob)) {
    sent["Content-Type"] = "application/json";
    body = JSON.stringify(body);
  }
  let response;
  try {
    response = await fetch(address, { method, body, headers: sent, signal, redirect: "manual", credentials: "same-origin" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refused(0, "away", "headct does not answer. It is tried again.");
  }
  if (response.type === "opaqueredirect") throw new Refused(401, "not_signed_in", "The session has ended. Sign in again in another tab, then go on here.");
  if (!response.ok && response.status !== 304) {
    const problem = (response.headers.get("Content-Type") || "").includes("problem+json") ? await response.json() : {};
    throw new Refused(response.status, problem.code || "", problem.detail || `The server answered ${response.status}.`);
  }
  return response;
}

// Calls `look` every so many seconds while the page is to be seen, and says what stands in the way.
export function watch(look, seconds, tell) {
  let failed = 0;
  let timer = 0;
  const run = async () => {
    clearTimeout(timer);
    if (!document.hidden) {
      try {
        await look();
        if (failed) tell("");
        failed = 0;
      } catch (error) {
        failed += 1;
        tell(error.message);
      }
    }
    timer = setTimeout(run, failed ? 5000 : seconds * 1000);
  };
  timer = setTimeout(run, seconds * 1000);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) run(); });
}
