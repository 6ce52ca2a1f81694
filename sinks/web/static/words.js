// Numbers, times and codes as an operator reads them. Pure functions. Unknown is always "—", never 0 and never blank.
// Units inside are those of the wire: kW, %, °C, Hz, seconds; + is discharging, at the point of connection export.

export const NONE = "—";
export const DEAD_POWER_KW = 0.05; // below it a power has no direction worth naming

export function known(value) {
  return typeof value === "number" && Number.isFinite(value);
}

/** A number with a true minus sign and no negative zero. */
export function number(value, digits = 1) {
  if (!known(value)) return NONE;
  const plain = value.toFixed(digits);
  return Number(plain) === 0 ? (0).toFixed(digits) : plain.replace("-", "−");
}

function powerDigits(value) {
  return Math.abs(value) >= 1000 ? 0 : 1;
}

/** A power with its sign: `+37.0 kW`. */
export function signed(value) {
  if (!known(value)) return NONE;
  const plain = number(value, powerDigits(value));
  return `${value > 0 && Number(plain) !== 0 ? "+" : ""}${plain} kW`;
}

/** The magnitude of a power, without unit: the direction is said by a word beside it. */
export function magnitude(value) {
  return known(value) ? number(Math.abs(value), powerDigits(value)) : NONE;
}

/** The direction of an asset's power in a word. */
export function direction(value) {
  if (!known(value)) return "";
  if (Math.abs(value) < DEAD_POWER_KW) return "";
  return value > 0 ? "discharge" : "charge";
}

/** The direction at the point of connection in a word. */
export function flow(value) {
  if (!known(value)) return "";
  if (Math.abs(value) < DEAD_POWER_KW) return "";
  return value > 0 ? "export" : "import";
}

/** A power in words: `37.0 kW discharge`. */
export function power(value) {
  return known(value) ? `${magnitude(value)} kW ${direction(value)}`.trimEnd() : "unknown power";
}

/** A limit without superfluous digits: `250`, `37.5`. */
export function limit(value) {
  return known(value) ? String(Math.round(Math.abs(value) * 10) / 10) : NONE;
}

/** An age or duration in seconds, short: `0.4 s`, `12 s`, `3 min`, `2 h`. */
export function age(seconds) {
  if (!known(seconds)) return NONE;
  if (seconds < 9.95) return `${Math.max(0, seconds).toFixed(1)} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)} min`;
  return `${Math.floor(seconds / 3600)} h`;
}

/** Hours as `1 h 40` or `25 min`. */
export function hours(value) {
  if (!known(value)) return NONE;
  const minutes = Math.round(value * 60);
  if (minutes < 60) return `${minutes} min`;
  if (minutes >= 100 * 60) return "> 100 h";
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")}`;
}

const formats = new Map();

function format(zone, parts) {
  const key = `${zone}|${JSON.stringify(parts)}`;
  if (!formats.has(key)) {
    let made;
    try {
      made = new Intl.DateTimeFormat("en-GB", { ...parts, hourCycle: "h23", timeZone: zone || "UTC" });
    } catch {
      made = new Intl.DateTimeFormat("en-GB", { ...parts, hourCycle: "h23", timeZone: "UTC" }); // an unknown zone
    }
    formats.set(key, made);
  }
  return formats.get(key);
}

/** Local time of the site, `14:03:07`. `at` is RFC 3339 text or milliseconds. */
export function clock(at, zone, seconds = true) {
  const time = typeof at === "number" ? at : Date.parse(at ?? "");
  if (!Number.isFinite(time)) return NONE;
  const parts = { hour: "2-digit", minute: "2-digit", ...(seconds ? { second: "2-digit" } : {}) };
  return format(zone, parts).format(time);
}

/** The name of the site's zone at that instant, `CET`. */
export function zoneName(at, zone) {
  const time = typeof at === "number" ? at : Date.parse(at ?? "");
  if (!Number.isFinite(time)) return "";
  const parts = format(zone, { hour: "2-digit", timeZoneName: "short" }).formatToParts(time);
  return parts.find((part) => part.type === "timeZoneName")?.value ?? "";
}

/** A code as words: `emergency_stop` becomes `EMERGENCY STOP`. */
export function shout(code) {
  return code ? String(code).replaceAll("_", " ").toUpperCase() : "UNKNOWN";
}

/** A code as words: `day_ahead` becomes `day ahead`; a leading `requests.` or `limits.` is left out. */
export function plain(code) {
  return code ? String(code).replace(/^(requests|ancillary|limits)\./, "").replaceAll("_", " ") : NONE;
}

/** Whether a state means permitted running. */
export function running(state) {
  return ["idle", "charging", "discharging", "limited"].includes(String(state ?? "").toLowerCase());
}

/** Whether a state is abnormal: it needs an operator. */
export function abnormal(state) {
  return ["fault", "emergency_stop"].includes(String(state ?? "").toLowerCase());
}

/** Hours at the present power until the SoC limit in its direction, with that limit; null when nothing moves. */
export function hoursToLimit(asset) {
  const soc = asset.telemetry?.soc_percent;
  const kw = asset.telemetry?.active_power_kw;
  const energy = asset.rated?.energy_kwh;
  const bounds = asset.soc_limits;
  if (![soc, kw, energy].every(known) || Math.abs(kw) < Math.max(1, energy / 500)) return null;
  const edge = kw > 0 ? bounds?.min : bounds?.max;
  if (!known(edge)) return null;
  const left = kw > 0 ? soc - edge : edge - soc;
  return { hours: Math.max(0, ((left / 100) * energy) / Math.abs(kw)), edge };
}
