// Moving analogue indicators: a value against its limits, readable before the digits are.
//
//          ◇ asked                       track = rated range, plain fill = allowed now,
//   ├▨▨▨▨▨▨▒▒▒▒▒▒▒▒▒│▒▒▒▒▒▒▨▨▨▨▨▨┤       ▨ hatched = not available now, │ = zero
//                   ▲ actual
//
// Positions are percentages of the width, so nothing has to be measured. A value outside the range stands at its end,
// with a stroke beside it. Unknown: no marker; an unknown band: hatched throughout, since no band is not a free band.

import { attr, s } from "./dom.js";
import { known } from "./words.js";

const TRACK = { y: 9, height: 12 };

/** The pattern of "not available now", once per page. */
export function hatching() {
  return s("svg", { class: "patterns", width: "0", height: "0", "aria-hidden": "true" },
    s("defs", {}, s("pattern", { id: "hatch", width: "7", height: "7", patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" },
      s("rect", { width: "7", height: "7", fill: "#f0f0f0" }), s("rect", { width: "2.5", height: "7", fill: "#9a9a9a" }))));
}

function marker(kind, path) {
  return s("svg", { x: "0", y: "0", overflow: "visible", class: `marker ${kind}` }, s("path", { d: path }));
}

function band() {
  return s("rect", { y: TRACK.y, height: TRACK.height });
}

function span(rect, from, to) {
  attr(rect, "x", `${from}%`);
  attr(rect, "width", `${Math.max(0, to - from)}%`);
}

/** `update({ low, high, bandLow, bandHigh, actual, asked, zero, label })`; all numbers may be null. */
export function indicator() {
  const allowed = band();
  const before = band();
  const after = band();
  const run = s("rect", { y: TRACK.y + 4, height: TRACK.height - 8, class: "run" });
  const zero = s("line", { y1: TRACK.y - 5, y2: TRACK.y + TRACK.height + 5, class: "zero" });
  const actual = marker("actual", "M0 21 L7 32 L-7 32 Z");
  const asked = marker("asked", "M0 -2 L5.5 3.5 L0 9 L-5.5 3.5 Z");
  const track = s("rect", { x: "0", width: "100%", y: TRACK.y, height: TRACK.height, class: "track" });
  const frame = s("rect", { x: "0", width: "100%", y: TRACK.y, height: TRACK.height, class: "frame" });
  attr(allowed, "class", "allowed");
  for (const rect of [before, after]) {
    attr(rect, "class", "closed");
    attr(rect, "fill", "url(#hatch)");
  }
  const node = s("svg", { class: "indicator", height: "32", role: "img", overflow: "visible" },
    track, allowed, before, after, run, frame, zero, asked, actual);

  function update({ low, high, bandLow, bandHigh, actual: value, asked: wish, zero: hasZero, label }) {
    attr(node, "aria-label", label);
    const ranged = known(low) && known(high) && high > low;
    const place = (at) => Math.min(100, Math.max(0, ((at - low) / (high - low)) * 100));
    const open = ranged && known(bandLow) && known(bandHigh);
    const from = open ? place(bandLow) : 0;
    const to = open ? Math.max(from, place(bandHigh)) : 0;
    span(allowed, from, to);
    span(before, 0, open ? from : 100);
    span(after, open ? to : 100, 100);
    const origin = hasZero && ranged ? place(0) : 0;
    attr(zero, "visibility", hasZero && ranged ? "visible" : "hidden");
    attr(zero, "x1", `${origin}%`);
    attr(zero, "x2", `${origin}%`);
    const drawn = ranged && known(value);
    const end = drawn ? place(value) : origin;
    span(run, Math.min(origin, end), Math.max(origin, end));
    attr(run, "visibility", drawn ? "visible" : "hidden");
    move(actual, drawn, end, drawn && (value < low || value > high));
    const wished = ranged && known(wish);
    move(asked, wished, wished ? place(wish) : 0, wished && (wish < low || wish > high));
  }
  return { node, update };
}

function move(mark, visible, at, beyond) {
  attr(mark, "visibility", visible ? "visible" : "hidden");
  attr(mark, "x", `${at}%`);
  mark.classList.toggle("beyond", beyond);
}
