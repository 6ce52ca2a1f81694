// A tap: the rows that a node owns, the newest ticks beside each other, and what the node reads and writes.
// At most KEPT ticks are kept. Pausing stops the table, not the stream: what comes meanwhile is counted and shown as
// "not shown", as are the ticks that the server left out for a rate this page can follow.

import { attr, each, h, shown, text } from "./dom.js";
import { clock, known, number } from "./words.js";

const KEPT = 200;
const COLUMNS = 8;

/** Each row of a tap as `[name, value]`: one per asset where it is a list; a point of a device is value and quality. */
export function flatten(value, assets, device = false) {
  const found = [];
  for (const [name, held] of Object.entries(value?.rows ?? {})) {
    if (device && Array.isArray(held) && held.length === 2) found.push([name, held[0]], [`${name} · quality`, quality(held[1])]);
    else if (Array.isArray(held)) held.forEach((one, index) => found.push([held.length > 1 ? `${name} · ${assets[index] ?? index}` : name, one]));
    else if (held !== null && typeof held === "object") Object.entries(held).forEach(([part, one]) => found.push([`${name} · ${part}`, one]));
    else found.push([name, held]);
  }
  return found;
}

const QUALITY = ["good", "missing", "out of range", "protocol error", "stale", "substituted", "wrong time", "contradictory",
  "frozen", "jump", "retained"];

/** Quality bits in words. */
function quality(bits) {
  if (!Number.isInteger(bits)) return bits;
  return QUALITY.filter((_, place) => bits & (1 << place)).join(", ") || "never received";
}

function shownValue(one, digits) {
  if (one === null || one === undefined) return "—";
  if (typeof one === "number") return number(one, digits);
  return typeof one === "object" ? JSON.stringify(one) : String(one);
}

function facts() {
  const list = h("dl", { class: "facts" });
  function update(item) {
    const rows = [["file", item.file], ["kind", `${item.kind ?? "—"}${item.guard ? ", guard" : ""}`], ["inputs", item.inputs],
      ["reads", item.reads], ["before", item.before], ["writes", item.writes]];
    list.replaceChildren(...rows.flatMap(([name, value]) => [h("dt", {}, name),
      h("dd", {}, Array.isArray(value) ? value.join(", ") || "none" : String(value ?? "—"))]));
  }
  return { node: list, update };
}

/** The panel; `show(node | null)` starts and ends the subscription. */
export function tapPanel(picture, connection) {
  let end = null;
  let paused = false;
  let missed = 0;
  let kept = [];
  let drawn = null;
  let device = false;
  const title = h("h2", {});
  const count = h("span", { class: "caption" });
  const pause = h("button", { onclick: () => toggle() }, "Pause");
  const about = facts();
  const head = h("tr", {});
  const body = h("tbody", {});
  const table = h("table", { class: "tap" }, h("thead", {}, head), body);
  const none = h("p", { class: "nothing" }, "Waiting for the next tick of this node…");
  const node = h("section", { class: "panel tap-panel", hidden: true, "aria-label": "tap" },
    h("div", { class: "tap-head" }, title, count, pause),
    h("div", { class: "tap-body" }, about.node, h("div", { class: "tap-table", tabindex: "0", "aria-label": "rows of this node" }, none, table)));

  function toggle() {
    paused = !paused;
    text(pause, paused ? "Continue" : "Pause");
    attr(pause, "aria-pressed", String(paused));
    update(); // what was taken before the pause is what stands still
  }

  function take(value, dropped) {
    missed += dropped;
    if (paused) missed += 1;
    else if (value) kept = [value, ...kept].slice(0, KEPT);
  }

  function show(item) {
    end?.();
    end = null;
    kept = [];
    missed = 0;
    drawn = null;
    if (paused) toggle();
    shown(node, Boolean(item));
    if (!item) return;
    device = item.kind === "source";
    text(title, `TAP ${item.id}`);
    about.update(item);
    end = connection.subscribe(`tap.${item.id}`, 2, (topic, value, dropped) => take(value, dropped));
  }

  function update() {
    text(count, `${kept.length} ticks kept${missed ? `, ${missed} not shown` : ""}`);
    shown(none, kept.length === 0);
    if (drawn === kept || node.hidden) return;
    drawn = kept;
    const ticks = kept.slice(0, COLUMNS);
    head.replaceChildren(h("th", { scope: "col" }, "row"), ...Array.from({ length: COLUMNS }, (_, place) => h("th", { scope: "col" },
      ticks[place] ? clock(ticks[place].at, picture.site?.timezone) : "", h("small", {}, ` ${ticks[place]?.tick ?? ""}`))));
    const assets = kept[0]?.assets ?? picture.order;
    const columns = ticks.map((tick) => new Map(flatten(tick, assets, device)));
    each(body, [...(columns[0]?.keys() ?? [])], (name) => name, tapRow);
    for (const row of body.children) row.paint(columns);
  }
  return { node, show, update };
}

function tapRow(name) {
  const cells = Array.from({ length: COLUMNS }, () => h("td", {}));
  const node = h("tr", {}, h("th", { scope: "row", title: name }, name), cells);
  node.paint = (columns) => {
    const whole = columns.every((column) => !known(column.get(name)) || Number.isInteger(column.get(name)));
    const digits = whole ? 0 : /_hz\b/.test(name) ? 3 : 2;
    cells.forEach((cell, index) => text(cell, index < columns.length ? shownValue(columns[index].get(name), digits) : ""));
  };
  return { node, update: () => {} };
}
