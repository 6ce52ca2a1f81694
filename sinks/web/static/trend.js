// Curves of the last ten minutes on a canvas: the small one beside an indicator, and the panel of three with scales.
// Grey lines only; a gap in the stream is a gap in the curve. The picture is an addition: every newest value stands
// in figures beside it, so the canvas carries a text for screen readers and nothing else.

import { h } from "./dom.js";
import { known, number } from "./words.js";

const LINE = "#262626";
const SECOND = "#6B6B6B";
const GRID = "#B8B8B8";

/** A canvas that follows its size in CSS pixels; returns the context, cleared, and the size. */
function prepare(canvas) {
  const ratio = devicePixelRatio || 1;
  const width = canvas.clientWidth;
  const height = canvas.clientHeight;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  return { pen, width, height };
}

function extent(rings, newest, span, range) {
  let low = Infinity;
  let high = -Infinity;
  for (const ring of rings) {
    for (let second = newest - span + 1; ring && second <= newest; second += 1) {
      const value = ring.at(second);
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  if (low > high) return null;
  const room = Math.max((high - low) * 0.1, (range - (high - low)) / 2, 1e-6);
  return { low: low - room, high: high + room };
}

function curve(pen, ring, newest, span, box, scale) {
  if (!ring) return;
  pen.beginPath();
  let down = false;
  for (let second = newest - span + 1; second <= newest; second += 1) {
    const value = ring.at(second);
    if (Number.isNaN(value)) {
      down = down && Number.isNaN(ring.at(second + 1)) ? false : down; // one missing second is no gap
      continue;
    }
    const x = box.x + ((second - newest + span - 1) / (span - 1)) * box.width;
    const y = box.y + box.height * (1 - (value - scale.low) / (scale.high - scale.low));
    if (down) pen.lineTo(x, y);
    else pen.moveTo(x, y);
    down = true;
  }
  pen.stroke();
}

/** A sparkline; `update({ ring, newest, span, range, label })`: `span` seconds, `range` = smallest height of the scale. */
export function sparkline() {
  const node = h("canvas", { class: "spark", role: "img" });
  function update({ ring, newest, span, range, label, zero }) {
    node.setAttribute("aria-label", label);
    const { pen, width, height } = prepare(node);
    const box = { x: 1, y: 3, width: width - 4, height: height - 6 };
    const scale = ring && newest !== null ? extent([ring], newest, span, range) : null;
    if (!scale) return;
    if (zero && scale.low < 0 && scale.high > 0) level(pen, box, scale, 0);
    pen.strokeStyle = LINE;
    pen.lineWidth = 1.4;
    curve(pen, ring, newest, span, box, scale);
  }
  return { node, update };
}

function level(pen, box, scale, value) {
  const y = Math.round(box.y + box.height * (1 - (value - scale.low) / (scale.high - scale.low))) + 0.5;
  pen.strokeStyle = GRID;
  pen.lineWidth = 1;
  pen.beginPath();
  pen.moveTo(box.x, y);
  pen.lineTo(box.x + box.width, y);
  pen.stroke();
}

/** Three strips under each other; `update({ newest, span, strips: [{ name, unit, digits, range, rings: [actual, wish] }] })`. */
export function trend() {
  const node = h("canvas", { class: "trend", role: "img" });
  function update({ newest, span, strips, label }) {
    node.setAttribute("aria-label", label);
    const { pen, width, height } = prepare(node);
    if (height < 30) return;
    const foot = 14;
    const tall = (height - foot) / strips.length;
    strips.forEach((strip, index) => {
      draw(pen, strip, newest, span, { x: 96, y: index * tall + 4, width: width - 148, height: tall - 8 });
    });
    axis(pen, span, { x: 96, y: height - foot, width: width - 148 });
  }
  return { node, update };
}

function draw(pen, strip, newest, span, box) {
  pen.font = "13px Arial, \"Liberation Sans\", sans-serif";
  pen.fillStyle = LINE;
  pen.textBaseline = "middle";
  pen.textAlign = "left";
  pen.fillText(strip.name, 0, box.y + box.height / 2);
  pen.strokeStyle = GRID;
  pen.lineWidth = 1;
  pen.strokeRect(box.x - 0.5, Math.round(box.y) + 0.5, box.width + 1, Math.round(box.height));
  const rings = strip.rings.filter(Boolean);
  const scale = newest === null ? null : extent(rings, newest, span, strip.range);
  pen.textAlign = "left";
  if (!scale) {
    pen.fillText("no values", box.x + 8, box.y + box.height / 2);
    return;
  }
  scales(pen, strip, scale, box);
  if (scale.low < 0 && scale.high > 0) level(pen, box, scale, 0);
  rings.forEach((ring, index) => {
    pen.strokeStyle = index === 0 ? LINE : SECOND;
    pen.setLineDash(index === 0 ? [] : [4, 3]);
    pen.lineWidth = index === 0 ? 1.6 : 1.2;
    curve(pen, ring, newest, span, box, scale);
    pen.setLineDash([]);
  });
}

function scales(pen, strip, scale, box) {
  pen.font = "12px Arial, \"Liberation Sans\", sans-serif";
  const at = box.x + box.width + 5;
  const digits = scale.high - scale.low < 10 ? strip.digits : 0;
  if (box.height > 22) {
    pen.fillText(number(scale.high, digits), at, box.y + 6);
    pen.fillText(number(scale.low, digits), at, box.y + box.height - 5);
  } else {
    const newest = strip.rings[0] ? strip.rings[0].at(strip.rings[0].newest) : NaN;
    if (known(newest)) pen.fillText(number(newest, digits), at, box.y + box.height / 2);
  }
}

function axis(pen, span, box) {
  pen.font = "12px Arial, \"Liberation Sans\", sans-serif";
  pen.fillStyle = LINE;
  pen.textBaseline = "middle";
  [[`−${span / 60} min`, "left", 0], [`−${span / 120} min`, "center", 0.5], ["now", "right", 1]].forEach(([words, side, part]) => {
    pen.textAlign = side;
    pen.fillText(words, box.x + box.width * part, box.y + 8);
  });
}
