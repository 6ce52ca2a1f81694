// What is true of the whole page: site, time, age of the data, armed or shadow, who is in control, alarms, connection.

import { each, attr, h, shown, text } from "./dom.js";
import { alarmSign } from "./alarm-sign.js";
import { age, clock, plain, zoneName } from "./words.js";
import { STALE_S } from "./picture.js";

function counter(priority) {
  const loud = alarmSign(priority);
  const quiet = alarmSign(priority, { quiet: true });
  const count = h("b", {});
  const node = h("span", { class: "counter" }, loud, quiet, count);
  const name = ["high", "medium", "low"][priority - 1];
  const asks = (alarm) => alarm.priority === priority && alarm.active !== false && !["shelved", "suppressed"].includes(alarm.state);
  function update(alarms, counts) {
    const active = counts?.[name] ?? alarms.filter(asks).length;
    attr(loud, "hidden", active === 0);
    attr(quiet, "hidden", active > 0);
    text(count, active);
    attr(node, "aria-label", `${active} active alarms of priority ${priority}`);
  }
  return { node, update };
}

/** The strip at the top. */
export function header(picture) {
  const name = h("h1", {});
  const time = h("span", { class: "time" });
  const zone = h("span", { class: "zone" });
  const data = h("span", { class: "data-age" });
  const mode = h("span", { class: "mode" });
  const control = h("span", { class: "control" });
  const counters = [1, 2, 3].map(counter);
  const node = h("header", { class: "top" }, name, h("span", {}, time, " ", zone), data, mode,
    h("span", { class: "in-control" }, "in control: ", control),
    h("span", { class: "counters", role: "status", "aria-label": "active alarms" }, counters.map((part) => part.node)));

  function update() {
    const site = picture.site;
    text(name, site?.name ?? "—");
    attr(name, "title", site?.name);
    text(time, clock(picture.now(), site?.timezone));
    text(zone, zoneName(picture.now(), site?.timezone));
    const oldest = picture.oldest();
    const stale = oldest === null || oldest > STALE_S || !picture.live;
    text(data, oldest === null ? "no data" : `data ${age(oldest)} old`);
    attr(data, "class", stale ? "data-age stale-words" : "data-age");
    const armed = site?.mode === "armed";
    text(mode, armed ? "ARMED" : site?.mode === "shadow" ? "SHADOW: writes nothing" : "MODE UNKNOWN");
    attr(mode, "class", armed ? "mode armed" : "mode shadow");
    text(control, site?.in_control ? plain(site.in_control) : "—");
    attr(control, "title", site?.in_control);
    counters.forEach((part) => part.update(picture.alarms, site?.alarms));
    document.title = `${site?.name ?? "bess-pipeline"}${picture.live ? "" : " · NOT LIVE"}`;
  }
  return { node, update };
}

/** The strips above the header: demo, and the loss of the connection. */
export function banners(picture) {
  const words = h("span", {});
  const link = h("a", { target: "_blank", rel: "noopener noreferrer", hidden: true }, "simulator: make it fail");
  const demo = h("div", { class: "demo", hidden: true }, words, link);
  const loss = h("span", { role: "alert" });
  const since = h("span", { "aria-hidden": "true" });
  const lost = h("div", { class: "lost-banner", hidden: true }, loss, since);
  const node = h("div", { class: "banners" }, demo, lost);

  function update() {
    const site = picture.site;
    const parts = [site?.demo ? "demo: simulated battery" : "", site?.anonymous ? "anonymous viewing on this machine only" : ""];
    shown(demo, parts.some(Boolean));
    text(words, parts.filter(Boolean).join(", "));
    const address = webAddress(site?.simulator_url);
    attr(link, "href", address);
    shown(link, address !== null);
    shown(lost, !picture.live);
    const seconds = Math.floor((performance.now() - picture.lostSince) / 1000);
    const refused = picture.status === "refused";
    text(loss, picture.live ? "" : refused
      ? "NOT SIGNED IN: this site needs a token to be viewed. Use “Sign in” below."
      : picture.site ? "NO CONNECTION: everything below is OLD" : "CONNECTING: no values yet");
    text(since, picture.site && !refused ? ` · for ${age(seconds)} · reconnecting…` : "");
    document.body.classList.toggle("lost", !picture.live);
  }
  return { node, update };
}

/** An address that is safe to link to: http or https only (never `javascript:`), else null. */
export function webAddress(given) {
  try {
    const address = new URL(given);
    return ["http:", "https:"].includes(address.protocol) ? address.href : null;
  } catch {
    return null;
  }
}

/** The strip at the bottom: views, what was just done, the session, and the stop of everything. */
export function footer(picture, { dialogs, onsignout }) {
  const tabs = h("nav", { "aria-label": "views" });
  const said = h("span", { class: "said", role: "status" });
  const role = h("span", { class: "role" });
  const enter = h("button", { onclick: () => dialogs.signIn() }, "Sign in…");
  const leave = h("button", { onclick: onsignout, hidden: true }, "Sign out");
  const stop = h("button", { class: "stop all", onclick: () => dialogs.stopAll() }, "STOP ALL");
  const node = h("footer", { class: "bottom" }, tabs, said, role, enter, leave, stop);

  function update(view) {
    const views = [["operator", "Operator"], ["graph", "Graph"],
      ...[...picture.assets.keys()].map((id) => [`asset/${encodeURIComponent(id)}`, id])];
    each(tabs, views.map(([key, words]) => ({ key, words, here: key === view })), ({ key }) => key, ({ key, words }) => {
      const link = h("a", { href: `#${key}`, title: words }, words);
      return { node: link, update: ({ here }) => attr(link, "aria-current", here ? "page" : null) };
    });
    const mine = picture.session.role;
    text(role, mine ? `${picture.session.name ?? "signed in"} (${mine})` : picture.site?.anonymous ? "viewing anonymously" : "not signed in");
    shown(enter, !mine);
    shown(leave, Boolean(mine));
  }
  return { node, update, say: (words) => text(said, words) };
}
