// The client of `bess-pipeline.v1`: read-only topics over one websocket.
//
//   server  {"t":"hello", ...}                                    first frame
//   client  {"t":"sub","id":3,"topic":"assets.*","max_hz":2}      ids are chosen here and never used twice
//   server  {"t":"snap", "id":3,"topic":"assets.bess1","seq":7,"value":{...}}      whole value
//           {"t":"delta","id":3,"topic":"assets.bess1","seq":8,"value":{...}}      changed members only
//           {"t":"hb","at":"...","seqs":{"3":{"assets.bess1":8}}}  every `hb_s` seconds
//           {"t":"err","id":3,"error":"unknown-topic"}             asked again a little later
//
// What it guarantees: a value handed on was built from a snapshot and an unbroken run of deltas; a gap in `seq`
// subscribes again under a new id, and frames of the old id are ignored. Two missed heartbeats close the connection;
// a lost connection comes back with a growing, jittered pause. The owner is told at once: `onstatus("live" | "lost" | "refused")`.

const PROTOCOL = "bess-pipeline.v1";
const FIRST_PAUSE_MS = 500;
const LAST_PAUSE_MS = 10000;
const ASK_AGAIN_MS = 2000;
const REFUSED = new Set([4401, 4403, 4408]); // the server wants a session first: the page asks for one, slowly

export class Connection {
  constructor(url, { onstatus, onhello }) {
    Object.assign(this, { url, onstatus, onhello });
    this.subscriptions = new Map(); // id → { topic, maxHz, onvalue, values: Map(topic → { seq, value }) }
    this.nextId = 1;
    this.pause = FIRST_PAUSE_MS;
    this.heartbeat = 5;
    this.lastFrame = null;
    this.resubscribed = 0;
    setInterval(() => this.#watch(), 1000);
    addEventListener("online", () => this.reconnect());
    this.#open();
  }

  /** Subscribe; `onvalue(topic, value, dropped)` gets the whole, merged value (null: the topic ended). Returns the way to end it. */
  subscribe(topic, maxHz, onvalue) {
    const wish = { topic, maxHz, onvalue, id: 0, values: new Map() };
    this.#add(wish);
    return () => {
      this.subscriptions.delete(wish.id);
      this.#send({ t: "unsub", id: wish.id });
    };
  }

  /** Connect at once, for instance after a sign-in (the cookie is read at the handshake only). */
  reconnect() {
    clearTimeout(this.timer);
    this.pause = FIRST_PAUSE_MS;
    this.#drop();
    this.#open();
  }

  #add(wish) {
    wish.id = this.nextId++;
    wish.values.clear();
    this.subscriptions.set(wish.id, wish);
    if (this.greeted) this.#send({ t: "sub", id: wish.id, topic: wish.topic, max_hz: wish.maxHz });
  }

  #again(wish) {
    this.resubscribed += 1;
    this.subscriptions.delete(wish.id);
    this.#send({ t: "unsub", id: wish.id });
    this.#add(wish);
  }

  #open() {
    const socket = new WebSocket(this.url, PROTOCOL);
    this.socket = socket;
    this.greeted = false;
    this.lastFrame = performance.now();
    socket.onmessage = (event) => this.socket === socket && this.#receive(event.data);
    socket.onclose = (event) => this.socket === socket && this.#lost(event.code);
  }

  #drop() {
    const old = this.socket;
    this.socket = null;
    old?.close();
  }

  #lost(code) {
    this.socket = null;
    this.greeted = false;
    const refused = REFUSED.has(code);
    this.onstatus(refused ? "refused" : "lost", code);
    const pause = refused ? LAST_PAUSE_MS : this.pause;
    this.pause = Math.min(this.pause * 2, LAST_PAUSE_MS);
    this.timer = setTimeout(() => this.#open(), pause * (0.75 + Math.random() / 2));
  }

  #watch() {
    const silent = this.socket && performance.now() - this.lastFrame > 2 * this.heartbeat * 1000;
    if (!silent) return;
    this.#drop();
    this.#lost(0);
  }

  #send(frame) {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(frame));
  }

  #receive(text) {
    let frame;
    try {
      frame = JSON.parse(text);
    } catch {
      return this.reconnect(); // not our protocol: start over rather than guess
    }
    this.lastFrame = performance.now();
    if (frame?.t === "hello") this.#hello(frame);
    else if (frame?.t === "snap" || frame?.t === "delta") this.#value(frame);
    else if (frame?.t === "hb") this.#compare(frame.seqs ?? {});
    else if (frame?.t === "err") this.#unknown(frame.id);
  }

  #hello(frame) {
    if (frame.auth === "required") {
      this.#drop(); // a page proves itself by its cookie, never by a token in a script
      return this.#lost(4401);
    }
    this.greeted = true;
    this.pause = FIRST_PAUSE_MS;
    if (frame.hb_s > 0) this.heartbeat = frame.hb_s;
    this.onhello(frame);
    const wishes = [...this.subscriptions.values()];
    this.subscriptions.clear();
    wishes.forEach((wish) => this.#add(wish));
    this.onstatus("live");
  }

  #value(frame) {
    const wish = this.subscriptions.get(frame.id);
    if (!wish) return; // an ended subscription
    const before = wish.values.get(frame.topic);
    if (frame.t === "delta" && (!before || frame.seq !== before.seq + 1)) return this.#again(wish);
    const value = frame.t === "delta" ? merge(before.value, frame.value) : frame.value;
    wish.values.set(frame.topic, { seq: frame.seq, value });
    wish.onvalue(frame.topic, value, frame.dropped ?? 0);
  }

  #unknown(id) {
    const wish = this.subscriptions.get(id);
    setTimeout(() => this.subscriptions.get(id) === wish && wish && this.#again(wish), ASK_AGAIN_MS);
  }

  #compare(seqs) {
    for (const wish of [...this.subscriptions.values()]) {
      const sent = seqs[wish.id];
      if (!sent) continue;
      for (const topic of [...wish.values.keys()].filter((name) => !(name in sent))) {
        wish.values.delete(topic); // an asset that left the definition
        wish.onvalue(topic, null);
      }
      if ([...wish.values].some(([topic, held]) => sent[topic] > held.seq)) this.#again(wish);
    }
  }
}

function merge(before, changed) {
  const plain = (value) => value !== null && typeof value === "object" && !Array.isArray(value);
  return plain(before) && plain(changed) ? { ...before, ...changed } : changed;
}
