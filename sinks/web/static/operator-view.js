// The operator's view: the point of connection, the assets, and below them alarms, what comes next, and the trend.
// It fits 1280 × 720 without scrolling for up to three assets; more assets, and long lists, scroll inside their panel.

import { attr, each, h, text } from "./dom.js";
import { alarmPanel } from "./alarm-panel.js";
import { assetRow, line } from "./asset-row.js";
import { nextPanel } from "./lists.js";
import { sparkline, trend } from "./trend.js";
import { age, flow, known, limit, magnitude, number } from "./words.js";

function gridPoint(picture) {
  const { node: power, bar, low, high, value, unit, seconds, note: other } = line("power");
  const doubt = h("div", { class: "doubt" });
  const frequency = h("b", { class: "number" });
  const frequencyAge = h("span", { class: "age" });
  const hertz = h("div", { class: "hertz" }, frequency, h("span", { class: "unit" }, "Hz"), frequencyAge);
  const spark = sparkline();
  const node = h("section", { class: "panel grid-point", "aria-label": "grid point" },
    h("div", { class: "who" }, h("h2", {}, "GRID POINT"), doubt),
    h("div", { class: "lines" }, power),
    h("div", { class: "curve" }, spark.node), hertz);

  function update() {
    const site = picture.site ?? {};
    const seen = picture.age("site", site.poc_age_s);
    const doubted = picture.doubt(seen, { flag: site.poc_quality });
    node.classList.toggle("stale", doubted !== null);
    text(doubt, doubted ?? "");
    const { import_limit_kw: bought, export_limit_kw: sold, poc_kw: kw } = site;
    bar.update({ low: known(bought) ? -bought : null, high: sold, bandLow: known(bought) ? -bought : null, bandHigh: sold,
      actual: kw, asked: null, zero: true,
      label: `point of connection ${magnitude(kw)} kW ${flow(kw)}, import limit ${limit(bought)} kW, export limit ${limit(sold)} kW` });
    text(low, `import ${limit(bought)}`);
    text(high, `${limit(sold)} export`);
    text(value, magnitude(kw));
    text(unit, `kW ${flow(kw)}`);
    text(seconds, seen === null ? "no age" : `${age(seen)} old`);
    text(other, known(site.other_kw) ? `other ${magnitude(site.other_kw)} ${flow(site.other_kw)}` : "");
    const heard = picture.age("site", site.frequency_age_s);
    hertz.classList.toggle("stale", picture.doubt(heard, null) !== null);
    text(frequency, number(site.frequency_hz, 3));
    text(frequencyAge, heard === null ? "no age" : `${age(heard)} old`);
    const { span, words } = picture.history.window();
    spark.update({ ring: picture.history.get("site.poc"), newest: picture.history.newest(), span, range: 10, zero: true,
      label: `power at the point of connection, last ${words}` });
  }
  return { node, update };
}

function trendPanel(picture) {
  const choice = h("select", { "aria-label": "asset of the trend" });
  const drawing = trend();
  const node = h("section", { class: "panel trend-panel", "aria-label": "trend" },
    h("h2", {}, "TREND ", choice, h("span", { class: "caption" }, "power: — actual, - - command")), drawing.node);

  function update() {
    const ids = [...picture.assets.keys()];
    each(choice, ids, (id) => id, (id) => ({ node: h("option", { value: id }, id), update: () => {} }));
    attr(choice, "hidden", ids.length < 2);
    const id = choice.value || ids[0];
    const ring = (name) => picture.history.get(name);
    const site = picture.history;
    drawing.update({
      newest: site.newest(),
      span: site.window().span,
      label: `trend of the last ${site.window().words}: power and state of charge of ${id ?? "no asset"}, grid frequency`,
      strips: [
        { name: "power kW", digits: 1, range: 10, rings: [ring(`${id}.power`), ring(`${id}.command`)] },
        { name: "SoC %", digits: 1, range: 2, rings: [ring(`${id}.soc`)] },
        { name: "frequency Hz", digits: 3, range: 0.04, rings: [ring("site.frequency")] },
      ],
    });
  }
  return { node, update };
}

/** The whole view; `open(id)` shows the details of an asset. */
export function operatorView(picture, { dialogs, open }) {
  const point = gridPoint(picture);
  const assets = h("div", { class: "assets" });
  const nothing = h("p", { class: "nothing" }, "No asset has sent a value yet.");
  const alarms = alarmPanel(picture, dialogs);
  const next = nextPanel(picture);
  const curves = trendPanel(picture);
  const node = h("main", { class: "operator", tabindex: "-1" }, point.node, nothing, assets,
    h("div", { class: "below" }, alarms.node, next.node, curves.node));

  function update() {
    const all = [...picture.assets.values()];
    attr(node, "data-assets", all.length > 3 ? "many" : String(all.length));
    attr(nothing, "hidden", all.length > 0);
    point.update();
    each(assets, all, (asset) => asset.asset_id, (asset) => assetRow(asset, picture, { dialogs, open }));
    alarms.update();
    next.update();
    curves.update();
  }
  return { node, update };
}
