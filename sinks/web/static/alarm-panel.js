// The alarm list: what needs somebody, most urgent first, with the response, who was first, and what was put away.
//   Active      unacknowledged, acknowledged, returned to normal and not seen yet
//   Shelved     put away by somebody for a while; comes back by itself
//   Suppressed  explained by another alarm or by maintenance; nothing here is lost

import { attr, each, h, shown, text } from "./dom.js";
import { alarmSign } from "./alarm-sign.js";
import { clock } from "./words.js";

const TABS = [["active", "Active"], ["shelved", "Shelved"], ["suppressed", "Suppressed"]];
const placeOf = (alarm) => (alarm.state === "shelved" || alarm.state === "suppressed" ? alarm.state : "active");

function urgency(left, right) {
  const waiting = (alarm) => (alarm.acknowledged ? 2 : 0) + (alarm.active === false ? 1 : 0);
  return waiting(left) - waiting(right) || (left.priority ?? 9) - (right.priority ?? 9) ||
    String(right.since ?? "").localeCompare(String(left.since ?? ""));
}

/** What is to be known of an alarm besides its text, in a few words. */
function standing(alarm, zone) {
  const seen = alarm.acknowledged_by ? `acknowledged by ${alarm.acknowledged_by}` : "acknowledged";
  return [
    alarm.state === "shelved" && `until ${clock(alarm.shelved_until, zone, false)}, ${alarm.shelved_by}: ${alarm.shelved_reason}`,
    alarm.suppressed_by && `explained by ${alarm.suppressed_by}`,
    alarm.active === false && "returned to normal",
    alarm.acknowledged && alarm.state !== "normal" && seen,
    alarm.chattering && "comes and goes",
  ].filter(Boolean).join(", ");
}

function alarmLine(first, picture, dialogs) {
  let alarm = first;
  const sign = h("span", { class: "signs" });
  const since = h("span", { class: "since" });
  const who = h("span", { class: "who-short" });
  const lead = h("span", { class: "first-out", title: "It came first; the others of this asset may follow from it", hidden: true }, "FIRST");
  const words = h("b", { class: "words" });
  const state = h("span", { class: "alarm-state" });
  const response = h("span", { class: "response" });
  const confirm = h("button", { onclick: () => dialogs.acknowledgeAlarm(alarm) }, "Ack…");
  const away = h("button", { onclick: () => dialogs.shelveAlarm(alarm) }, "Shelve…");
  const back = h("button", { onclick: () => dialogs.unshelveAlarm(alarm) }, "Take back…");
  const node = h("li", {}, sign, since, who, h("span", { class: "message" }, lead, words, state, response),
    h("span", { class: "answers" }, confirm, away, back));
  let drawn = "";

  function update(now) {
    alarm = now;
    const place = placeOf(now);
    const asks = place === "active" && !now.acknowledged;
    const look = `${now.priority}|${asks}|${now.active}|${place}`;
    if (look !== drawn) sign.replaceChildren(alarmSign(now.priority, { unacknowledged: asks, quiet: now.active === false || place !== "active" }));
    drawn = look;
    text(since, clock(now.since, picture.site?.timezone));
    text(who, now.asset_id ?? "site");
    attr(who, "title", now.asset_id);
    shown(lead, now.first_out === true);
    text(words, now.text ?? "alarm without text");
    text(state, standing(now, picture.site?.timezone));
    text(response, now.response ? `response: ${now.response}` : "");
    attr(node, "title", [now.text, now.response].filter(Boolean).join("\nresponse: "));
    shown(confirm, asks);
    shown(away, place === "active");
    shown(back, place === "shelved");
    attr(confirm, "aria-label", `Acknowledge: ${now.text ?? ""}`);
    attr(away, "aria-label", `Shelve: ${now.text ?? ""}`);
  }
  return { node, update };
}

/** The alarm list. */
export function alarmPanel(picture, dialogs) {
  let tab = "active";
  const count = h("span", { class: "caption" });
  const tabs = TABS.map(([key, words]) => {
    const button = h("button", { role: "tab", onclick: () => { tab = key; update(); } });
    return { key, words, button };
  });
  let seen = [];
  const many = h("button", { class: "many", onclick: () => dialogs.acknowledgeAlarms(seen) }, "Ack all…");
  const flood = h("p", { class: "flood", role: "alert", hidden: true });
  const list = h("ul", { class: "alarms", tabindex: "0", "aria-label": "alarms" });
  const none = h("p", { class: "nothing" }, "No alarms.");
  const node = h("section", { class: "panel alarm-panel", "aria-label": "alarm list" },
    h("div", { class: "alarm-head" }, h("h2", {}, "ALARMS"), h("div", { role: "tablist", class: "tabs" }, tabs.map((part) => part.button)), count, many),
    flood, none, list);

  function update() {
    const counts = picture.site?.alarms ?? {};
    const here = (key) => picture.alarms.filter((alarm) => placeOf(alarm) === key);
    const total = { active: here("active").length, shelved: counts.shelved ?? here("shelved").length, suppressed: counts.suppressed ?? here("suppressed").length };
    for (const { key, words, button } of tabs) {
      text(button, key === "active" ? words : `${words} ${total[key]}`);
      attr(button, "aria-selected", key === tab ? "true" : "false");
      shown(button, key === "active" || total[key] > 0 || key === tab);
    }
    const alarms = here(tab).toSorted(urgency);
    each(list, alarms, (alarm) => String(alarm.id), (alarm) => alarmLine(alarm, picture, dialogs));
    seen = tab === "active" ? alarms.filter((alarm) => !alarm.acknowledged) : [];
    text(count, tab === "active" && alarms.length ? `${alarms.length} in the list, ${seen.length} to acknowledge` : "");
    shown(many, seen.length > 1);
    shown(flood, counts.flood === true);
    const all = (counts.high ?? 0) + (counts.medium ?? 0) + (counts.low ?? 0);
    text(flood, `ALARM FLOOD: ${all} active. Work from the top of the list.`);
    text(none, tab === "active" ? "No alarms." : `Nothing is ${tab}.`);
    shown(none, alarms.length === 0);
    shown(list, alarms.length > 0);
  }
  return { node, update };
}
