// The page. It subscribes, keeps one picture, and paints it four times a second; views are chosen by the address
// (#operator, #graph, #asset/<id>), so the browser's own back button works.

import * as acts from "./acts.js";
import { assetView } from "./asset-view.js";
import { dialogs as makeDialogs } from "./dialogs.js";
import { hatching } from "./indicator.js";
import { graphView } from "./graph-view.js";
import { banners, footer, header } from "./header.js";
import { operatorView } from "./operator-view.js";
import { Picture } from "./picture.js";
import { Connection } from "./socket.js";
import { clock } from "./words.js";

const PAINT_MS = 250;
const picture = new Picture();

const address = new URL("/ws", location.href);
address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
const connection = new Connection(address.href, {
  onstatus: (status) => picture.connection(status),
  onhello: (hello) => (picture.order = Array.isArray(hello.assets) ? hello.assets : []),
});

const dialogs = makeDialogs(picture, { say: (words) => bottom.say(`${clock(picture.now(), picture.site?.timezone)} ${words}`), onsession });
const strips = banners(picture);
const top = header(picture);
const bottom = footer(picture, { dialogs, onsignout: signOut });
const views = {
  operator: operatorView(picture, { dialogs, open: (id) => (location.hash = `asset/${encodeURIComponent(id)}`) }),
  graph: graphView(picture, connection),
  asset: assetView(picture, { dialogs, connection }),
};

function onsession(session) {
  picture.session = { role: session?.role ?? null, name: session?.name ?? null };
  if (["lost", "refused"].includes(picture.status)) connection.reconnect();
}

async function signOut() {
  await acts.signOut().catch(() => {});
  onsession(await acts.currentSession());
  connection.reconnect();
}

function chosen() {
  const [name, ...rest] = location.hash.slice(1).split("/");
  try {
    return { name: views[name] ? name : "operator", rest: decodeURIComponent(rest.join("/")) };
  } catch {
    return { name: "operator", rest: "" };
  }
}

let current = null;

function show() {
  const { name, rest } = chosen();
  if (current && current !== views[name]) current.leave?.();
  const changed = current !== views[name];
  current = views[name];
  current.enter?.(rest);
  if (changed) document.querySelector("main").replaceWith(current.node);
  paint();
}

function paint() {
  const { name, rest } = chosen();
  strips.update();
  top.update();
  current.update();
  bottom.update(name === "asset" ? `asset/${encodeURIComponent(rest)}` : name);
}

document.body.replaceChildren(hatching(), strips.node, top.node, document.createElement("main"), bottom.node);
connection.subscribe("site", 2, (topic, value) => picture.take(topic, value));
connection.subscribe("assets.*", 2, (topic, value) => picture.take(topic, value));
connection.subscribe("alarms", 2, (topic, value) => picture.take(topic, value));
addEventListener("hashchange", show);
show();
setInterval(paint, PAINT_MS);
onsession(await acts.currentSession());
