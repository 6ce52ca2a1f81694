// One asset on the operator's view: state, three indicators, the why line, what may be done.
//
//   bess1          charge 250 ├────────┼──▲▨▨◇▨▨▨┤ 250 discharge   37.0 kW discharge  0.4 s   ~~~~   [STOP]
//   (DISCHARGING)  SoC        ├▨▒▒▒▒▒▒▒▒▲▒▒▒▒▒▨┤ 10…90 %           62.0 %   1 h 40 to 10 %
//                  temp       ├▨▒▒▒▒▲▒▒▒▒▒▒▒▒▒▨┤ −10…50 °C         27.0 °C
//   why  limited by the BMS discharge limit, 37 kW (asked 80 kW by day ahead)          write failed

import { attr, h, shown, text } from "./dom.js";
import { indicator } from "./indicator.js";
import { alarmSign } from "./alarm-sign.js";
import { sparkline } from "./trend.js";
import { abnormal, age, direction, hours, hoursToLimit, known, limit, magnitude, number, plain, power, running, shout } from "./words.js";

/** One line: an indicator between its ends, the value with its unit, and beside it its age and a note. */
export function line(name) {
  const bar = indicator();
  const low = h("span", { class: "low" });
  const high = h("span", { class: "high" });
  const value = h("b", { class: "number" });
  const unit = h("span", { class: "unit" });
  const seconds = h("span", { class: "age" });
  const note = h("span", { class: "note" });
  const node = h("div", { class: `line ${name}` }, low, bar.node, high,
    h("div", { class: "value" }, value, unit), h("div", { class: "beside" }, seconds, note));
  return { node, bar, low, high, value, unit, seconds, note };
}

/** The row of one asset; `update(asset)` paints it from `picture`. `open`, and the acts, are callbacks by asset id. */
export function assetRow(first, picture, { dialogs, open }) {
  const id = first.asset_id;
  const name = h("button", { class: "name", title: `${id}: details`, onclick: () => open(id) }, id);
  const sign = alarmSign(1);
  const state = h("span", { class: "state" });
  const reason = h("div", { class: "reason" });
  const doubt = h("div", { class: "doubt" });
  const lines = { power: line("power"), soc: line("soc"), temperature: line("temperature") };
  const spark = sparkline();
  const caption = h("span", { class: "caption" });
  const why = h("span", { class: "why" });
  const notices = h("span", { class: "notices" });
  const buttons = rowButtons(id, dialogs);
  const node = h("section", { class: "panel asset", "aria-label": `asset ${id}` },
    h("div", { class: "who" }, name, h("div", { class: "stateline" }, sign, state), reason, doubt),
    h("div", { class: "lines" }, Object.values(lines).map((part) => part.node)),
    h("div", { class: "curve" }, spark.node, caption),
    buttons.node,
    h("div", { class: "whyline" }, h("span", { class: "label" }, "why"), why, notices));

  function update(asset) {
    const seconds = picture.age(`assets.${id}`, asset.age_s);
    const doubted = picture.doubt(seconds, asset.quality);
    node.classList.toggle("stale", doubted !== null);
    text(doubt, doubted === null ? "" : [doubted, asset.quality?.flag !== "Valid" ? asset.quality?.reason : ""].filter(Boolean).join(": "));
    attr(doubt, "title", asset.quality?.reason);
    text(state, shout(asset.state));
    attr(state, "class", `state ${abnormal(asset.state) ? "abnormal" : running(asset.state) ? "running" : "resting"}`);
    attr(sign, "hidden", !abnormal(asset.state));
    text(reason, because(asset));
    attr(reason, "title", because(asset));
    paintPower(lines.power, asset, seconds);
    paintSoc(lines.soc, asset, seconds);
    paintTemperature(lines.temperature, asset, seconds);
    text(why, asset.why ?? "no reason received");
    attr(why, "title", asset.why);
    text(notices, warnings(asset).join(" · "));
    buttons.update(asset);
    const { span, words } = picture.history.window();
    text(caption, `power, ${words}`);
    spark.update({ ring: picture.history.get(`${id}.power`), newest: picture.history.newest(), span, range: 10, zero: true,
      label: `power of ${id}, last ${words}` });
  }
  return { node, update };
}

function because(asset) {
  const missing = Array.isArray(asset.missing) ? asset.missing.filter(Boolean) : [];
  if (missing.length) return missing.join("; ");
  const reason = plain(asset.state_reason ?? "");
  return ["running", "unchanged", "unknown", "—", asset.why].includes(reason) ? "" : reason;
}

/** What is out of the ordinary, in words. */
export function warnings(asset) {
  const found = [];
  if (known(asset.manual_kw)) found.push(`by hand: ${power(asset.manual_kw)}, ${Math.ceil(asset.manual_s ?? 0)} s left`);
  if (asset.authority === "silent") found.push("silent: nothing is written");
  if (asset.may_charge === false && asset.may_discharge === false) found.push("may not run");
  else if (asset.may_charge === false) found.push("may not charge");
  else if (asset.may_discharge === false) found.push("may not discharge");
  const status = asset.write?.status;
  if (["refused", "failed", "expired", "different"].includes(status)) found.push(`write ${status}`);
  const fault = asset.telemetry?.fault_status;
  if (fault && !["ok", "none", "0"].includes(String(fault).toLowerCase())) found.push(`device fault: ${fault}`);
  if (asset.telemetry?.available === false) found.push("device not available");
  return found;
}

/** The acts that make sense in this state, besides the stop, which always does. */
export function possible(asset) {
  const state = String(asset.state ?? "").toLowerCase();
  const lacking = new Set(asset.missing ?? []);
  const hand = known(asset.manual_kw);
  const locked = lacking.has("locked out for maintenance");
  const free = !["emergency_stop", "fault"].includes(state) && !locked;
  const idle = lacking.has("not activated");
  const answers = {
    release: state === "emergency_stop",
    acknowledge: state === "fault" || Boolean(asset.latched),
    activate: free && idle && !hand,
    deactivate: free && (hand || !idle),
    lockOut: !locked,
    unlock: locked,
    manual: free && !asset.latched && (running(state) || ["standby", "ready", "maintenance"].includes(state)),
    keep: hand && asset.manual_s > 0,
  };
  return new Set(Object.keys(answers).filter((name) => answers[name]));
}

function rowButtons(id, dialogs) {
  const stop = h("button", { class: "stop", "aria-label": `Stop ${id}`, onclick: () => dialogs.stop(id) }, "STOP");
  const release = h("button", { hidden: true, "aria-label": `Release ${id}`, onclick: () => dialogs.release(id) }, "Release…");
  const acknowledge = h("button", { hidden: true, "aria-label": `Acknowledge ${id}`, onclick: () => dialogs.acknowledge(id) }, "Ack fault…");
  const activate = h("button", { hidden: true, "aria-label": `Activate ${id}`, onclick: () => dialogs.activate(id) }, "Activate…");
  const unlock = h("button", { hidden: true, "aria-label": `Unlock ${id}`, onclick: () => dialogs.unlock(id) }, "Unlock…");
  const keep = h("button", { hidden: true, "aria-label": `Keep ${id} by hand`, onclick: () => dialogs.keep(id) }, "Keep 60 s");
  function update(asset) {
    const now = possible(asset);
    shown(release, now.has("release"));
    shown(acknowledge, now.has("acknowledge"));
    shown(activate, now.has("activate"));
    shown(unlock, now.has("unlock"));
    shown(keep, now.has("keep"));
  }
  return { node: h("div", { class: "acts" }, stop, release, acknowledge, activate, unlock, keep), update };
}

function paintPower(part, asset, seconds) {
  const kw = asset.telemetry?.active_power_kw;
  const { charge_kw: charge, discharge_kw: discharge } = asset.rated ?? {};
  const { low_kw: low, high_kw: high } = asset.band ?? {};
  const wish = asset.asked_kw;
  part.bar.update({ low: known(charge) ? -charge : null, high: discharge, bandLow: low, bandHigh: high, actual: kw, asked: wish,
    zero: true, label: `power ${power(kw)}, asked ${power(wish)}, available now charge ${limit(low)} kW to discharge ${limit(high)} kW` });
  text(part.low, `charge ${limit(charge)}`);
  text(part.high, `${limit(discharge)} discharge`);
  text(part.value, magnitude(kw));
  text(part.unit, `kW ${direction(kw)}`);
  text(part.seconds, seconds === null ? "no age" : `${age(seconds)} old`);
  text(part.note, known(wish) ? `asked ${magnitude(wish)}${direction(wish) === direction(kw) ? "" : ` ${direction(wish)}`}` : "asked —");
}

function paintSoc(part, asset, seconds) {
  const soc = asset.telemetry?.soc_percent;
  const { min, max } = asset.soc_limits ?? {};
  const left = hoursToLimit(asset);
  const words = left ? `${hours(left.hours)} to ${number(left.edge, 0)} %` : "";
  part.bar.update({ low: 0, high: 100, bandLow: min, bandHigh: max, actual: soc, asked: null,
    label: `state of charge ${number(soc)} %, allowed ${number(min, 0)} to ${number(max, 0)} % ${words}` });
  text(part.low, "SoC");
  text(part.high, `${number(min, 0)}…${number(max, 0)} %`);
  text(part.value, number(soc));
  text(part.unit, "%");
  text(part.seconds, seconds === null ? "no age" : `${age(seconds)} old`);
  text(part.note, words);
}

function paintTemperature(part, asset, seconds) {
  const degrees = asset.telemetry?.temperature_celsius;
  const { min, max } = asset.temperature_limits ?? {};
  const bounded = known(min) && known(max);
  const low = bounded ? min - 10 : null;
  const high = bounded ? max + 10 : null;
  part.bar.update({ low, high, bandLow: min, bandHigh: max, actual: degrees, asked: null,
    label: `temperature ${number(degrees)} °C, allowed ${number(min, 0)} to ${number(max, 0)} °C` });
  text(part.low, "temp");
  text(part.high, `${number(min, 0)}…${number(max, 0)} °C`);
  text(part.value, number(degrees));
  text(part.unit, "°C");
  text(part.seconds, seconds === null ? "no age" : `${age(seconds)} old`);
  text(part.note, "");
}
