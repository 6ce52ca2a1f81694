// What the trends draw: at most ten minutes of one value a second per quantity, in fixed memory. Nothing is fetched;
// the history starts when the page is opened. A gap in the stream stays a gap in the curve (NaN), never a straight line.

export const SPAN_S = 600;
const WINDOWS = [60, 120, 300, SPAN_S];

/** One ring of `SPAN_S` seconds for one quantity. Times are seconds of the site's clock (not the browser's). */
export class Ring {
  constructor() {
    this.values = new Float64Array(SPAN_S).fill(NaN);
    this.seconds = new Float64Array(SPAN_S).fill(-1);
    this.newest = -1;
  }

  /** Keep `value` (null or NaN = unknown) for the second of `time`; the last one in a second wins. */
  put(time, value) {
    const second = Math.floor(time);
    const place = ((second % SPAN_S) + SPAN_S) % SPAN_S;
    this.values[place] = typeof value === "number" ? value : NaN;
    this.seconds[place] = second;
    this.newest = Math.max(this.newest, second);
  }

  /** Value at `second`, or NaN. */
  at(second) {
    const place = ((second % SPAN_S) + SPAN_S) % SPAN_S;
    return this.seconds[place] === second ? this.values[place] : NaN;
  }
}

/** Rings by name (`site.poc_kw`, `bess1.soc`), bounded in number as well. */
export class History {
  constructor(limit = 256) {
    this.rings = new Map();
    this.limit = limit;
  }

  put(name, time, value) {
    if (!Number.isFinite(time)) return;
    if (!this.rings.has(name)) {
      if (this.rings.size >= this.limit) return;
      this.rings.set(name, new Ring());
    }
    this.rings.get(name).put(time, value);
    this.first = Math.min(this.first ?? Infinity, Math.floor(time));
  }

  get(name) {
    return this.rings.get(name);
  }

  /** The part of the ten minutes worth drawing: the shortest round span that holds all there is. */
  window() {
    const length = this.first === undefined ? 0 : (this.newest() ?? 0) - this.first + 1;
    const span = WINDOWS.find((seconds) => seconds >= length) ?? SPAN_S;
    return { span, words: `${span / 60} min` };
  }

  /** Newest second of any ring, or null. */
  newest() {
    let newest = -1;
    for (const ring of this.rings.values()) newest = Math.max(newest, ring.newest);
    return newest < 0 ? null : newest;
  }
}
