// The details of one asset: how its set-point came about (a waterfall, one bar per stage, with the reason), which
// limits hold and which binds, the state machine with what is missing, and what the device said.

import { attr, each, h, s, shown, text } from "./dom.js";
import { possible, warnings } from "./asset-row.js";
import { age, clock, known, limit, magnitude, number, plain, power, running, shout, signed } from "./words.js";

const STATES = ["init", "standby", "ready", "idle", "charging", "discharging", "limited", "fault", "emergency_stop", "maintenance"];

function waterfallStep(first) {
  const stage = h("b", { class: "stage" });
  const bar = s("rect", { y: 4, height: 16, class: "step-bar" });
  const change = s("rect", { y: 4, height: 16, class: "step-change" });
  const zero = s("line", { y1: 0, y2: 24, class: "zero" });
  const drawing = s("svg", { class: "step", height: "24", role: "img" }, bar, change, zero);
  const out = h("b", { class: "out" });
  const delta = h("span", { class: "delta" });
  const why = h("span", { class: "step-why" });
  const node = h("li", { class: "waterfall-step" }, stage, drawing, out, delta, why);

  function update({ step, range }) {
    const place = (kw) => Math.min(100, Math.max(0, ((kw - range.low) / (range.high - range.low)) * 100));
    const bars = (rect, from, to) => {
      attr(rect, "visibility", known(from) && known(to) ? "visible" : "hidden");
      attr(rect, "x", `${Math.min(place(from ?? 0), place(to ?? 0))}%`);
      attr(rect, "width", `${Math.abs(place(to ?? 0) - place(from ?? 0))}%`);
    };
    text(stage, plain(step.stage));
    bars(bar, 0, step.out_kw);
    bars(change, known(step.delta_kw) && known(step.out_kw) ? step.out_kw - step.delta_kw : null, step.out_kw);
    attr(zero, "x1", `${place(0)}%`);
    attr(zero, "x2", `${place(0)}%`);
    attr(drawing, "aria-label", `${plain(step.stage)}: ${power(step.out_kw)}`);
    text(out, signed(step.out_kw));
    text(delta, known(step.delta_kw) && Math.abs(step.delta_kw) >= 0.05 ? `change ${signed(step.delta_kw)}` : "no change");
    text(why, [named(step.by) && step.by !== step.stage ? plain(step.by) : "", step.why, step.detail].filter(Boolean).join(": ") || "no reason given");
    attr(why, "title", why.textContent);
  }
  return { node, update };
}

function waterfall(picture, id) {
  const steps = h("ol", { class: "waterfall" });
  const summary = h("p", { class: "summary" });
  const unused = h("ul", { class: "unused" });
  const unusedTitle = h("h3", {}, "Not used");
  const node = h("section", { class: "panel decision", "aria-label": "decision" }, h("h2", {}, "DECISION ", h("span", { class: "caption" }, "+ is discharge")),
    summary, steps, unusedTitle, unused);

  function update() {
    const made = picture.decisions.get(id());
    const asset = picture.assets.get(id());
    const list = (made?.steps ?? []).map((step, place) => ({ step, place }));
    const numbers = list.flatMap(({ step }) => [step.out_kw, known(step.delta_kw) && known(step.out_kw) ? step.out_kw - step.delta_kw : null]).filter(known);
    const room = (side) => Math.max(1, asset?.rated?.[side] ?? 0);
    const range = { low: Math.min(-room("charge_kw"), ...numbers), high: Math.max(room("discharge_kw"), ...numbers) };
    text(summary, made ? `Set-point ${power(made.command_kw)} · tick ${made.tick ?? "—"} · ${clock(made.at, picture.site?.timezone)} · definition ${made.config ?? "—"}` +
      `${made.binding ? ` · binding: ${plain(made.binding.by)} ${limit(made.binding.kw)} kW` : " · no limit binds"}` +
      `${made.next_limit ? ` · next limit: ${plain(made.next_limit.by)}, room ${limit(made.next_limit.room_kw)} kW` : ""}`
      : "No decision received yet.");
    each(steps, list.map((item) => ({ ...item, range })), (item) => item.place, waterfallStep);
    const left = (made?.not_used ?? []).map((item, place) => ({ ...item, place }));
    shown(unusedTitle, left.length > 0);
    each(unused, left, (item) => item.place, () => {
      const line = h("li", {});
      return { node: line, update: (item) => text(line, `${plain(item.by)}: ${item.why ?? "no reason given"}`) };
    });
  }
  return { node, update };
}

function states(picture, id, dialogs) {
  const chips = STATES.map((name) => h("li", { class: `chip ${running(name) ? "runs" : ""}` }, shout(name)));
  const missing = h("p", {});
  const acts = { release: "Release…", acknowledge: "Acknowledge fault…", activate: "Activate…", deactivate: "Deactivate…",
    lockOut: "Lock out…", unlock: "Unlock…", manual: "Run by hand…", keep: "Keep 60 s" };
  const all = Object.entries(acts).map(([name, words]) => [name, h("button", { onclick: () => dialogs[name](id()) }, words)]);
  const buttons = h("div", { class: "buttons" }, all.map(([, button]) => button));
  const node = h("section", { class: "panel states-panel", "aria-label": "state machine" }, h("h2", {}, "STATE"), h("ul", { class: "chips" }, chips), missing, buttons);

  function update() {
    const asset = picture.assets.get(id()) ?? {};
    const now = String(asset.state ?? "").toLowerCase();
    const fits = possible(asset);
    all.forEach(([name, button]) => shown(button, fits.has(name)));
    chips.forEach((chip, place) => attr(chip, "aria-current", STATES[place] === now ? "true" : null));
    const lacking = (asset.missing ?? []).filter(Boolean);
    text(missing, [asset.state_reason && asset.state_reason !== "unchanged" ? `because: ${plain(asset.state_reason)}` : "", `may charge: ${word(asset.may_charge)}, may discharge: ${word(asset.may_discharge)}`,
      `authority: ${asset.authority ?? "unknown"}`,
      known(asset.clear_s) && now === "fault" ? `all clear for ${age(asset.clear_s)} of ${age(asset.clear_for_s)}` : "", `in the way of the next state: ${lacking.join("; ") || "nothing"}`].filter(Boolean).join(" · "));
  }
  return { node, update };
}

const named = (by) => Boolean(by) && by !== "none";
const word = (value) => (value === true ? "yes" : value === false ? "no" : "unknown");

function table(title, rows) {
  const cells = rows.map(([name]) => ({ name, value: h("dd", {}) }));
  const node = h("section", { class: "panel", "aria-label": title.toLowerCase() }, h("h2", {}, title),
    h("dl", { class: "facts" }, cells.flatMap(({ name, value }) => [h("dt", {}, name), value])));
  return { node, update: (asset, seconds) => rows.forEach(([, read], place) => {
    text(cells[place].value, read(asset, seconds));
    attr(cells[place].value, "title", cells[place].value.textContent);
  }) };
}

const side = (kw, by, room) => `${power(kw)}${named(by) ? `, by ${plain(by)}` : ""}${known(room) ? `, room to the next ${magnitude(room)} kW` : ""}`;

function limits() {
  return table("LIMITS", [
    ["charge to", ({ band }) => side(band?.low_kw, band?.low_by, band?.low_room_kw)],
    ["discharge to", ({ band }) => side(band?.high_kw, band?.high_by, band?.high_room_kw)],
    ["rated", ({ rated }) => `charge ${limit(rated?.charge_kw)} kW, discharge ${limit(rated?.discharge_kw)} kW, ${limit(rated?.energy_kwh)} kWh`],
    ["SoC", ({ soc_limits: soc }) => `${number(soc?.min, 0)} to ${number(soc?.max, 0)} %`],
    ["temperature", ({ temperature_limits: degrees }) => `${number(degrees?.min, 0)} to ${number(degrees?.max, 0)} °C`],
  ]);
}

function device() {
  return table("DEVICE", [
    ["measured", ({ telemetry: seen }) => `${power(seen?.active_power_kw)}, ${number(seen?.reactive_power_kvar)} kvar`],
    ["reactive", ({ asked_kvar: asked, command_kvar: sent, kvar_why: because }) =>
      (known(sent) ? `${number(sent)} kvar, asked ${number(asked)}${because ? `: ${because}` : ""}` : "not controlled")],
    ["DC", ({ telemetry: seen }) => `${number(seen?.dc_voltage)} V, ${number(seen?.dc_current)} A`],
    ["SoC, SoH", ({ telemetry: seen }) => `${number(seen?.soc_percent)} %, ${number(seen?.soh_percent)} %`],
    ["temperature", ({ telemetry: seen }) => `${number(seen?.temperature_celsius)} °C`],
    ["available", ({ telemetry: seen }) => word(seen?.available)],
    ["fault", ({ telemetry: seen }) => seen?.fault_status || "none"],
    ["quality", ({ quality }, seconds) => `${quality?.flag ?? "unknown"}${quality?.reason ? `: ${quality.reason}` : ""}, ${seconds === null ? "no age" : `${age(seconds)} old`}`],
    ["write", ({ write }) => `${write?.status ?? "none yet"}: wrote ${signed(write?.written_kw)}, read back ${signed(write?.readback_kw)}, ${age(write?.age_s)} ago`],
    ["says", ({ texts }) => (texts ?? []).map(({ label, text: words }) => `${label}: ${words || "nothing"}`).join(" · ") || "nothing"],
    ["last command", ({ last_command: sent }) => (sent ? `${sent.mode ?? ""} ${signed(sent.active_power_kw ?? sent.power_kw)}, ${sent.command_id ?? sent.id ?? ""}` : "none")],
  ]);
}

/** The view of one asset; `enter(id)` subscribes to its decisions, `leave()` ends that. */
export function assetView(picture, { dialogs, connection }) {
  let asset = "";
  let end = null;
  const id = () => asset;
  const title = h("h2", { class: "asset-title" });
  const doubt = h("span", { class: "doubt" });
  const notices = h("span", { class: "notices" });
  const stop = h("button", { class: "stop", onclick: () => dialogs.stop(asset) }, "STOP");
  const why = h("p", { class: "why" });
  const parts = { decision: waterfall(picture, id), states: states(picture, id, dialogs), limits: limits(), device: device() };
  const node = h("main", { class: "detail", tabindex: "-1" },
    h("div", { class: "detail-head panel" }, h("a", { href: "#operator", class: "back" }, "‹ back"), title, doubt, notices, stop, why),
    h("div", { class: "detail-body" }, parts.decision.node, h("div", { class: "aside" }, parts.states.node, parts.limits.node, parts.device.node)));

  function update() {
    const now = picture.assets.get(asset);
    const seconds = now ? picture.age(`assets.${asset}`, now.age_s) : null;
    const doubted = picture.doubt(seconds, now?.quality);
    node.classList.toggle("stale", doubted !== null);
    text(title, now ? `${asset}: ${shout(now.state)}, ${power(now.telemetry?.active_power_kw)}` : `${asset}: no such asset, or no value yet`);
    attr(title, "title", asset);
    text(doubt, doubted ?? "");
    text(notices, now ? warnings(now).join(" · ") : "");
    text(why, now?.why ? `why: ${now.why}` : "");
    attr(stop, "aria-label", `Stop ${asset}`);
    parts.decision.update();
    parts.states.update();
    parts.limits.update(now ?? {}, seconds);
    parts.device.update(now ?? {}, seconds);
  }

  return {
    node,
    update,
    enter(wanted) {
      if (wanted === asset && end) return;
      end?.();
      asset = wanted;
      picture.decisions.clear();
      end = connection.subscribe(`decisions.${asset}`, 2, (topic, value) => picture.take(topic, value));
    },
    leave() {
      end?.();
      end = null;
    },
  };
}
