// Elements without markup strings. Every text goes through `textContent` or `setAttribute`, so a name received from
// a device, a schedule or an alarm is never parsed as HTML. Writes are skipped when nothing changed: a page that is
// repainted four times a second then costs the browser almost nothing.

const SVG = "http://www.w3.org/2000/svg";

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else attr(node, name, value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return node;
}

/** An HTML element: `h("button", { class: "stop", onclick: act }, "STOP")`. */
export function h(tag, attributes, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** An SVG element. */
export function s(tag, attributes, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

/** Set or remove (null, undefined, false) an attribute, only when it differs. */
export function attr(node, name, value) {
  if (value === null || value === undefined || value === false) {
    if (node.hasAttribute(name)) node.removeAttribute(name);
    return;
  }
  const text = value === true ? "" : String(value);
  if (node.getAttribute(name) !== text) node.setAttribute(name, text);
}

/** Set the text of an element, only when it differs. */
export function text(node, value) {
  const wanted = value === null || value === undefined ? "" : String(value);
  if (node.textContent !== wanted) node.textContent = wanted;
}

/** Show or hide an element. */
export function shown(node, visible) {
  attr(node, "hidden", !visible);
}

/**
 * Make the children of `container` one element per item, keyed and in order. Elements that stay are kept (with their
 * focus and scroll position); `make(item)` returns `{ node, update(item) }`.
 */
export function each(container, items, key, make) {
  const known = (container.keyed ??= new Map());
  const wanted = new Map(items.map((item) => [key(item), item]));
  for (const [id, part] of known) {
    if (!wanted.has(id)) {
      part.node.remove();
      known.delete(id);
    }
  }
  let place = null;
  for (const [id, item] of wanted) {
    if (!known.has(id)) known.set(id, make(item));
    const part = known.get(id);
    part.update(item);
    const expected = place ? place.nextSibling : container.firstChild;
    if (part.node !== expected) container.insertBefore(part.node, expected);
    place = part.node;
  }
}
