// The sign of an alarm: colour, shape and number together, so that no one of them has to be seen.
//   ■ 1 high   ▲ 2 medium   ▼ 3 low   ◆ diagnostic

import { s } from "./dom.js";

const SHAPES = {
  1: "M1 1 H21 V21 H1 Z",
  2: "M11 0 L22 21 H0 Z",
  3: "M0 1 H22 L11 22 Z",
};
const DIAMOND = "M11 0 L22 11 L11 22 L0 11 Z";
const WORDS = { 1: "high priority", 2: "medium priority", 3: "low priority" };
const BASELINE = { 1: 16, 2: 18, 3: 13 };

/** The sign as an SVG of 22 × 22. `unacknowledged` lets the sign (never its text) blink, at most once a second. */
export function alarmSign(priority, { unacknowledged = false, quiet = false } = {}) {
  const level = SHAPES[priority] ? priority : 0;
  const name = level ? `priority-${level}` : "diagnostic";
  const classes = ["sign", quiet ? "quiet" : name, unacknowledged ? "blink" : ""].filter(Boolean).join(" ");
  return s("svg", { class: classes, viewBox: "0 0 22 22", width: "22", height: "22", role: "img",
    "aria-label": WORDS[level] ?? "diagnostic" },
  s("path", { d: SHAPES[level] ?? DIAMOND }),
  s("text", { x: "11", y: String(BASELINE[level] ?? 15), "text-anchor": "middle" }, String(level || "")));
}
