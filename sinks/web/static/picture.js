// The newest of everything the page shows, and how old each value is.
//
// An age is the server's age of the value when it was sent, plus the time since it arrived here, taken from the
// browser's monotonic clock: the two wall clocks are never compared. A value is *stale* when it is older than
// STALE_S, of unknown age, of bad quality, or when the connection is lost. A lost connection makes all of them stale.

import { History } from "./history.js";
import { age, known } from "./words.js";

export const STALE_S = 3;

export class Picture {
  constructor() {
    this.site = null;
    this.assets = new Map();
    this.decisions = new Map();
    this.graph = { nodes: [] };
    this.nodes = [];
    this.alarms = [];
    this.history = new History();
    this.status = "connecting";
    this.lostSince = performance.now();
    this.arrived = new Map(); // topic → monotonic milliseconds
    this.order = []; // asset ids in the order of the rows
    this.session = { role: null, name: null };
  }

  /** Take the whole value of a topic. A topic that ended has the value null. */
  take(topic, value) {
    this.arrived.set(topic, performance.now());
    const [kind, id] = split(topic);
    if (kind === "site") this.#site(value);
    else if (kind === "assets") this.#asset(id, value);
    else if (kind === "decisions") keep(this.decisions, id, value);
    else if (kind === "graph") this.graph = value ?? { nodes: [] };
    else if (kind === "nodes") this.nodes = listed(value);
    else if (kind === "alarms") this.alarms = listed(value);
  }

  /** Say whether the stream is `live`, `lost` or `refused`. */
  connection(status) {
    if (this.status === "live" && status !== "live") this.lostSince = performance.now();
    this.status = status;
  }

  get live() {
    return this.status === "live";
  }

  /** Seconds since a topic arrived. */
  elapsed(topic) {
    const at = this.arrived.get(topic);
    return at === undefined ? null : (performance.now() - at) / 1000;
  }

  /** Present age of a value that was `sent` seconds old when its topic arrived; null when unknown. */
  age(topic, sent) {
    const since = this.elapsed(topic);
    return since === null || !known(sent) ? null : sent + since;
  }

  /** `null` when the value may be believed, else why not, in words. */
  doubt(seconds, quality) {
    if (seconds === null) return "NO DATA";
    if (seconds > STALE_S) return `STALE, ${age(seconds)} old`;
    if (!this.live) return `NOT LIVE, ${age(seconds)} old`;
    const flag = quality?.flag;
    if (flag && flag !== "Valid") return BAD[flag] ?? `BAD: ${flag}`;
    return null;
  }

  /** Age of the oldest value on the page, in seconds; null when there is none or one has never come. */
  oldest() {
    if (!this.site) return null;
    const ages = [...this.assets].map(([id, asset]) => this.age(`assets.${id}`, asset.age_s));
    ages.push(this.elapsed("site"));
    if (known(this.site.poc_kw)) ages.push(this.age("site", this.site.poc_age_s));
    return ages.includes(null) ? null : Math.max(...ages);
  }

  /** The site's time now, in milliseconds; stands still when the stream does. */
  now() {
    const at = Date.parse(this.site?.at ?? "");
    const since = this.elapsed("site");
    return Number.isFinite(at) && since !== null ? at + (this.live && since < STALE_S ? since * 1000 : 0) : null;
  }

  #site(value) {
    this.site = value;
    const time = Date.parse(value?.at ?? "") / 1000;
    this.history.put("site.poc", time, value?.poc_kw);
    this.history.put("site.frequency", time, value?.frequency_hz);
  }

  #asset(id, value) {
    keep(this.assets, id, value);
    if (!value) return;
    const time = Date.parse(value.at ?? "") / 1000;
    const good = !value.quality?.flag || value.quality.flag === "Valid";
    this.history.put(`${id}.power`, time, good ? value.telemetry?.active_power_kw : null);
    this.history.put(`${id}.command`, time, value.command_kw);
    this.history.put(`${id}.soc`, time, good ? value.telemetry?.soc_percent : null);
  }
}

const BAD = {
  Stale: "STALE",
  ProtocolError: "COMMUNICATION ERROR",
  Substituted: "SUBSTITUTED VALUES",
  Missing: "VALUES MISSING",
  Invalid: "INVALID VALUES",
};

function split(topic) {
  const dot = topic.indexOf(".");
  return dot < 0 ? [topic, ""] : [topic.slice(0, dot), topic.slice(dot + 1)];
}

function keep(map, id, value) {
  if (value === null || value === undefined) map.delete(id);
  else map.set(id, value);
}

/** A list topic may arrive as a list or as an object with one list or with members by id. */
function listed(value) {
  if (Array.isArray(value)) return value;
  if (value === null || typeof value !== "object") return [];
  const inner = Object.values(value);
  return inner.length === 1 && Array.isArray(inner[0]) ? inner[0] : inner.filter((item) => item && typeof item === "object");
}
