// Where the nodes of the graph stand: one column per step of the longest path from a source, outputs in a row of
// their own below the chain, from the right. Pure; survives cycles and unknown inputs, since it draws what it was given.

export const CARD = { width: 97, height: 106 };
const STEP = { x: 111, y: 114 };
const EDGE = 8;

function depths(items) {
  const byId = new Map(items.map((item) => [item.id, item]));
  const depth = new Map();
  function of(id, path) {
    if (depth.has(id)) return depth.get(id);
    if (path.has(id)) return 0; // a cycle: checks refuse it, the page still draws
    path.add(id);
    const before = (byId.get(id).inputs ?? []).filter((input) => byId.has(input));
    const found = before.length ? 1 + Math.max(...before.map((input) => of(input, path))) : 0;
    path.delete(id);
    depth.set(id, found);
    return found;
  }
  items.forEach((item) => of(item.id, new Set()));
  return depth;
}

/** `{ items, at: Map(id → { x, y }), width, height, chainHeight }`, in pixels. */
export function arrange(nodes) {
  const items = nodes.filter((item) => item && typeof item.id === "string").slice(0, 500);
  const depth = depths(items);
  const chain = items.filter((item) => item.kind !== "output");
  const outputs = items.filter((item) => item.kind === "output");
  const columns = new Map();
  for (const item of chain) {
    const column = depth.get(item.id);
    columns.set(column, [...(columns.get(column) ?? []), item.id]);
  }
  const rows = Math.max(1, ...[...columns.values()].map((ids) => ids.length));
  const at = new Map();
  for (const [column, ids] of columns) {
    ids.forEach((id, row) => at.set(id, { x: EDGE + column * STEP.x, y: EDGE + row * STEP.y }));
  }
  const chainHeight = rows * STEP.y + EDGE;
  const last = Math.max(0, ...columns.keys());
  const perRow = Math.max(1, last + 1);
  outputs.forEach((item, place) => at.set(item.id, {
    x: EDGE + (last - (place % perRow)) * STEP.x,
    y: chainHeight + EDGE + Math.floor(place / perRow) * STEP.y,
  }));
  const below = Math.ceil(outputs.length / perRow);
  return { items, at, chainHeight, width: 2 * EDGE + last * STEP.x + CARD.width, height: chainHeight + EDGE + below * STEP.y };
}
