// The next schedule steps and the reserve services.

import { attr, each, h, shown, text } from "./dom.js";
import { clock, direction, known, limit, number, plain, power } from "./words.js";

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
