// Alarms (with their response and acknowledgement), next schedule steps, and reserve services.

import { attr, each, h, shown, text } from "./dom.js";
import { alarmSign } from "./alarm-sign.js";
import { clock, direction, known, limit, number, plain, power } from "./words.js";

function urgency(left, right) {
  const waiting = (alarm) => (alarm.acknowledged ? 2 : 0) + (alarm.active === false ? 1 : 0);
  return waiting(left) - waiting(right) || (left.priority ?? 9) - (right.priority ?? 9) ||
    String(right.since ?? "").localeCompare(String(left.since ?? ""));
}

function alarmLine(first, picture, dialogs) {
  let alarm = first;
  const sign = h("span", { class: "signs" });
  const since = h("span", { class: "since" });
  const who = h("span", { class: "who-short" });
  const words = h("b", { class: "words" });
  const state = h("span", { class: "alarm-state" });
  const response = h("span", { class: "response" });
  const confirm = h("button", { onclick: () => dialogs.acknowledgeAlarm(alarm) }, "Ack…");
  const node = h("li", {}, sign, since, who, h("span", { class: "message" }, words, state, response), confirm);
  let drawn = "";

  function update(now) {
    alarm = now;
    const look = `${now.priority}|${now.acknowledged}|${now.active}`;
    if (look !== drawn) sign.replaceChildren(alarmSign(now.priority, { unacknowledged: !now.acknowledged, quiet: now.active === false }));
    drawn = look;
    text(since, clock(now.since, picture.site?.timezone));
    text(who, now.asset_id ?? "site");
    attr(who, "title", now.asset_id);
    text(words, now.text ?? "alarm without text");
    text(state, [now.active === false && "returned to normal", now.acknowledged && "acknowledged"].filter(Boolean).join(", "));
    text(response, now.response ? `response: ${now.response}` : "");
    attr(node, "title", [now.text, now.response].filter(Boolean).join("\nresponse: "));
    shown(confirm, !now.acknowledged);
    attr(confirm, "aria-label", `Acknowledge: ${now.text ?? ""}`);
  }
  return { node, update };
}

/** The alarm list, most urgent first. */
export function alarmPanel(picture, dialogs) {
  const count = h("span", { class: "caption" });
  const list = h("ul", { class: "alarms", tabindex: "0", "aria-label": "alarms" });
  const none = h("p", { class: "nothing" }, "No alarms.");
  const node = h("section", { class: "panel alarm-panel", "aria-label": "alarm list" }, h("h2", {}, "ALARMS ", count), none, list);

  function update() {
    const alarms = picture.alarms.toSorted(urgency);
    each(list, alarms, (alarm) => String(alarm.id), (alarm) => alarmLine(alarm, picture, dialogs));
    const waiting = alarms.filter((alarm) => !alarm.acknowledged).length;
    text(count, alarms.length ? `${alarms.length} in the list, ${waiting} to acknowledge` : "");
    shown(none, alarms.length === 0);
    shown(list, alarms.length > 0);
  }
  return { node, update };
}

function step() {
  const at = h("b", { class: "at" });
  const what = h("span", { class: "what" });
  const node = h("li", {}, at, what);
  return { at, what, node };
}

/** The next schedule steps and the reserve services. */
export function nextPanel(picture) {
  const steps = h("ul", { class: "steps" });
  const none = h("p", { class: "nothing" }, "No step is scheduled.");
  const services = h("ul", { class: "steps services" });
  const title = h("h2", {}, "RESERVE");
  const node = h("section", { class: "panel next-panel", "aria-label": "next steps and reserve", tabindex: "0" },
    h("h2", {}, "NEXT"), none, steps, title, services);

  function update() {
    const site = picture.site ?? {};
    const next = (site.next ?? []).map((item, place) => ({ ...item, place }));
    shown(none, next.length === 0);
    each(steps, next, (item) => item.place, () => {
      const part = step();
      return { node: part.node, update: (item) => {
        text(part.at, clock(item.at, site.timezone, false));
        text(part.what, `${limit(item.power_kw)} kW ${direction(item.power_kw)}, ${plain(item.type)}${item.asset ? `, ${item.asset}` : ""}`);
        attr(part.node, "title", part.what.textContent);
      } };
    });
    const sold = site.services ?? [];
    shown(title, sold.length > 0);
    each(services, sold, (service) => String(service.id), () => serviceLine());
  }
  return { node, update };
}

function serviceLine() {
  const part = step();
  function update(service) {
    text(part.at, plain(service.id));
    const short = known(service.undeliverable_kw) && service.undeliverable_kw > 0.05;
    text(part.what, `${short ? `${number(service.undeliverable_kw)} kW UNDELIVERABLE · ` : ""}${service.state ?? "unknown"}: gives ${power(service.given_kw)} of ${power(service.asked_kw)} asked, ` +
      `${number(service.capacity_kw, 0)} kW sold`);
    attr(part.node, "title", part.what.textContent);
  }
  return { node: part.node, update };
}
