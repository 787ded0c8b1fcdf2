// Which key does what. Keys that are written into a field, or answer a dialog, do nothing else.

const STEPS = { ArrowUp: -1, ArrowLeft: -1, ArrowDown: 1, ArrowRight: 1 };
const PANS = { ArrowUp: [0, -1], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowRight: [1, 0] };
const ACTIONS = {
  1: "brain", 2: "subdural", 3: "stroke", 4: "bone", i: "invert", "+": "larger", "=": "larger", "-": "smaller", 0: "reset",
  h: "heat", "?": "keys", a: "agree", d: "disagree", m: "mark", u: "undo", n: "next", w: "worklist", t: "note",
  "[": "narrower", "]": "wider", ",": "darker", ".": "brighter", Home: "first", End: "last",
};

export function listen({ step, pan, act }) {
  document.addEventListener("keydown", (event) => {
    const { key, target } = event;
    if (target.matches("input, textarea, select")) {
      if (key === "Escape") target.blur();
      return;
    }
    if (event.altKey || event.metaKey || document.querySelector("dialog[open]")) return;
    if (event.ctrlKey) {
      if (!(key in PANS)) return;
      pan(...PANS[key]);
    } else if (key in STEPS) {
      step(STEPS[key] * (event.shiftKey ? 10 : 1));
    } else {
      const action = ACTIONS[key.length === 1 ? key.toLowerCase() : key];
      if (!action || event.repeat && "adunmw".includes(key.toLowerCase())) return;
      act(action);
    }
    event.preventDefault();
  });
}
