// The live graph: every node in order, left to right, with its rate, last value, age, times and errors.
//
//   sources ─► validate ─► snapshot ─► ▓state▓ ─► ▓limits▓ ─► … ─► ▓command▓ ─► writers
//                                      ▓     ▓    ▓      ▓         ▓       ▓
// A guard fills the whole height like a wall: a path around it could not be drawn without being seen. Outputs hang
// below. A thick border means stale, errors or drops. A click, or Enter, taps the node.

import { attr, each, h, s, text } from "./dom.js";
import { alarmSign } from "./alarm-sign.js";
import { arrange, CARD } from "./graph-layout.js";
import { age, known, number } from "./words.js";
import { STALE_S } from "./picture.js";
import { tapPanel } from "./tap-panel.js";

function nodeCard(first, { choose }) {
  const name = h("b", { class: "node-name" });
  const kind = h("span", { class: "node-kind" });
  const rate = h("span", {});
  const seconds = h("span", { class: "node-age" });
  const last = h("span", { class: "node-last" });
  const times = h("span", { class: "node-times" });
  const troubles = h("span", { class: "node-troubles" });
  const sign = alarmSign(2);
  const node = h("button", { class: "node", onclick: () => choose(first.id) }, name, kind,
    h("span", { class: "node-flow" }, rate, seconds), last, times, h("span", { class: "node-trouble-line" }, sign, troubles));

  function update({ item, place, live, seconds: old, chosen }) {
    attr(node, "class", ["node", item.guard ? "guard" : "", `kind-${["source", "stage", "writer", "output"].includes(item.kind) ? item.kind : "stage"}`].join(" "));
    node.style.left = `${place.x}px`;
    node.style.top = `${place.y}px`;
    attr(node, "aria-pressed", String(chosen));
    attr(node, "title", `${item.id}\n${item.kind ?? ""}${item.guard ? ", guard" : ""}\n${item.file ?? ""}`);
    const [, prefix, short] = /^(requests|outputs|ancillary|controllers)\.(.+)$/.exec(item.id) ?? [null, "", item.id];
    text(name, short);
    text(kind, [item.guard ? "guard" : item.kind, item.kind === "source" ? prefix : ""].filter(Boolean).join(" · "));
    text(rate, known(live?.rate_hz) ? `${number(live.rate_hz)}/s` : "—/s");
    text(seconds, old === null ? "nothing yet" : age(old));
    text(last, live?.last ?? "—");
    const { p50_us: half, p95_us: most } = live ?? {};
    text(times, known(half) || known(most) ? `${number(half, 0)} / ${number(most, 0)} µs` : "");
    const bad = [live?.errors ? `${live.errors} errors` : "", live?.dropped ? `${live.dropped} dropped` : ""].filter(Boolean);
    text(troubles, bad.join(", "));
    attr(sign, "hidden", bad.length === 0);
    node.classList.toggle("stale", old !== null && old > slowest(live?.rate_hz));
    node.classList.toggle("silent", old === null);
    node.classList.toggle("trouble", bad.length > 0);
  }
  return { node, update };
}

/** Age beyond which a node is stale: three of its own periods, so that a daily schedule is not. Unknown rate: never. */
function slowest(rate) {
  return known(rate) && rate > 0 ? Math.max(STALE_S, 3 / rate) : Infinity;
}

function wall(place, height) {
  return s("rect", { x: place.x - 5, y: 0, width: CARD.width + 10, height, class: "wall" });
}

function edge(from, to) {
  const [x1, y1] = [from.x + CARD.width, from.y + CARD.height / 2];
  const [x2, y2] = [to.x, to.y + CARD.height / 2];
  const middle = (x1 + x2) / 2;
  return s("path", { class: "edge", d: `M${x1} ${y1} C${middle} ${y1} ${middle} ${y2} ${x2} ${y2}` });
}

/** The view; it subscribes to `graph` and `nodes` while it is shown. */
export function graphView(picture, connection) {
  let chosen = null;
  let drawnFor = null;
  let placed = null;
  const ends = [];
  const lines = s("svg", { class: "edges", "aria-hidden": "true" });
  const cards = h("div", { class: "cards" });
  const field = h("div", { class: "graph-field", tabindex: "0", "aria-label": "graph, in order" }, h("div", { class: "graph-size" }, lines, cards));
  const clockwork = h("span", { class: "caption" });
  const nothing = h("p", { class: "nothing" }, "No graph received yet.");
  const tap = tapPanel(picture, connection);
  const node = h("main", { class: "graph", tabindex: "-1" },
    h("h2", {}, "GRAPH ", clockwork), nothing, field, tap.node);

  function choose(id) {
    chosen = chosen === id ? null : id;
    tap.show(chosen && picture.graph.nodes.find((item) => item.id === chosen));
    update();
    cards.querySelector('[aria-pressed="true"]')?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  function draw() {
    if (drawnFor === picture.graph) return;
    drawnFor = picture.graph;
    placed = arrange(picture.graph.nodes ?? []);
    const size = field.firstChild;
    size.style.width = `${placed.width}px`;
    size.style.height = `${placed.height}px`;
    attr(lines, "width", placed.width);
    attr(lines, "height", placed.height);
    lines.replaceChildren(
      ...placed.items.filter((item) => item.guard).map((item) => wall(placed.at.get(item.id), placed.chainHeight)),
      ...placed.items.flatMap((item) => (item.inputs ?? []).filter((id) => placed.at.has(id))
        .map((id) => edge(placed.at.get(id), placed.at.get(item.id)))));
  }

  function update() {
    draw();
    attr(nothing, "hidden", placed.items.length > 0);
    const live = new Map(picture.nodes.map((item) => [item.id, item]));
    const now = placed.items.map((item) => ({ item, place: placed.at.get(item.id), live: live.get(item.id),
      seconds: picture.age("nodes", live.get(item.id)?.age_s), chosen: item.id === chosen }));
    each(cards, now, ({ item }) => item.id, ({ item }) => nodeCard(item, { choose }));
    const ticks = picture.site?.ticks;
    text(clockwork, `${placed.items.length} nodes · tick ${picture.site?.tick ?? "—"} every ${picture.site?.cycle_s ?? "—"} s · ` +
      `missed ${ticks?.missed ?? "—"} · late by ${number(ticks?.lateness_ms)} ms · times: p50 / p95 · grey wall = guard`);
    node.classList.toggle("stale-view", !picture.live);
    tap.update();
  }

  return {
    node,
    update,
    enter() {
      if (ends.length) return;
      for (const topic of ["graph", "nodes"]) ends.push(connection.subscribe(topic, 2, (name, value) => picture.take(name, value)));
    },
    leave() {
      ends.splice(0).forEach((end) => end());
      tap.show(null);
      chosen = null;
    },
  };
}
