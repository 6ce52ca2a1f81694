"""The short forms of the file, written out: what a user writes becomes the shape of the models, places kept.

    requests: [ { day_ahead: {from: …} } ]  ──►  [ { kind: day_ahead, schedule: {from: …} } ]
    requests: [ { idle: 0 kW } ]            ──►  [ { kind: idle, power: 0 kW } ]
    ancillary: [ { fcr: {capacity: …} } ]   ──►  [ { kind: fcr, fcr: {…} } ]
    ramp: 50 kW/s                           ──►  { up: 50 kW/s, down: 50 kW/s }
    defaults: {soc: …}                      ──►  merged below every asset's own keys
    x-…: anything                           ──►  left out, at any level

An alias or an included value keeps the place where it was written.
"""

from __future__ import annotations

from difflib import get_close_matches

from config.diagnostics import Diagnostic
from config.document import Entry, Mapping, Node, Scalar, Sequence
from config.source import Span

SCHEDULED = ("commitment", "intraday", "day_ahead")
REQUESTS = (*SCHEDULED, "idle")
SERVICES = ("fcr",)
DEFAULTS = ("soc", "temperature", "efficiency", "ramp", "min_power", "stale_after")
LATER_KINDS = frozenset(
    {
        "peak_shaving",
        "self_consumption",
        "export_limit",
        "target_soc",
        "charge_from_pv",
        "setpoint",
        "afrr",
        "mfrr",
        "ffr",
    }
)


def normal(root: Mapping, problems: list[Diagnostic]) -> Mapping:
    """The whole document in the shape of `Definition`."""
    entries = dict(_without_x(root).entries)
    defaults = _defaults(entries.pop("defaults", None), problems)
    for name, form in (("requests", _request), ("ancillary", _service)):
        listed = entries[name].value if name in entries else None
        if isinstance(listed, Sequence):
            items = (form(item, problems) for item in listed.items)
            kept = tuple(item for item in items if item is not None)  # a refused one has its diagnostic
            entries[name] = Entry(entries[name].key, Sequence(listed.span, kept))
    assets = entries.get("assets")
    if assets is not None and isinstance(assets.value, Mapping):
        written = {
            name: Entry(entry.key, _asset(entry.value, defaults)) for name, entry in assets.value.entries.items()
        }
        entries["assets"] = Entry(assets.key, Mapping(assets.value.span, written))
    return Mapping(root.span, entries)


def merge(below: Node, above: Node) -> Node:
    """`above` over `below`: mappings key by key, everything else as a whole."""
    if not (isinstance(below, Mapping) and isinstance(above, Mapping)):
        return above
    entries = dict(below.entries)
    for name, entry in above.entries.items():
        old = entries.get(name)
        entries[name] = entry if old is None else Entry(entry.key, merge(old.value, entry.value))
    return Mapping(above.span, entries)


def without_x(node: Node) -> Node:
    """`node` without the parking places for anchors."""
    if isinstance(node, Mapping):
        return _without_x(node)
    if isinstance(node, Sequence):
        return Sequence(node.span, tuple(without_x(item) for item in node.items), node.size)
    return node


def suggestion(word: str, words: tuple[str, ...] | list[str]) -> str:
    """`did you mean …?` or the list of what is possible."""
    near = get_close_matches(word, words, n=1, cutoff=0.6)
    if near:
        return f"did you mean `{near[0]}`?"
    return "possible here: " + ", ".join(f"`{name}`" for name in words) if words else ""


def _without_x(node: Mapping) -> Mapping:
    entries = {
        name: Entry(entry.key, without_x(entry.value))
        for name, entry in node.entries.items()
        if not str(name).startswith("x-")
    }
    return Mapping(node.span, entries, node.size)


def _defaults(entry: Entry | None, problems: list[Diagnostic]) -> Mapping | None:
    if entry is None:
        return None
    if not isinstance(entry.value, Mapping):
        problems.append(
            Diagnostic("E103", "expected a mapping", entry.value.span, "e.g. `soc: { min: 10 %, max: 90 % }`")
        )
        return None
    known: dict[str | int, Entry] = {}
    for name, item in entry.value.entries.items():
        if name in DEFAULTS:
            known[name] = item
        else:
            message = f"`{name}` is not a key of `defaults`"
            problems.append(Diagnostic("E101", message, item.key, suggestion(str(name), DEFAULTS)))
    return _ramps(Mapping(entry.value.span, known))


def _asset(node: Node, defaults: Mapping | None) -> Node:
    if not isinstance(node, Mapping):
        return node
    own = _ramps(node)
    return own if defaults is None else merge(defaults, own)


def _ramps(node: Mapping) -> Mapping:
    entry = node.entries.get("ramp")
    if entry is None or not isinstance(entry.value, Scalar):
        return node
    both: dict[str | int, Entry] = {name: Entry(entry.key, entry.value) for name in ("up", "down")}
    return Mapping(node.span, {**node.entries, "ramp": Entry(entry.key, Mapping(entry.value.span, both))}, node.size)


def _request(node: Node, problems: list[Diagnostic]) -> Node | None:
    return _one_key(node, REQUESTS, "request", problems)


def _service(node: Node, problems: list[Diagnostic]) -> Node | None:
    return _one_key(node, SERVICES, "service", problems)


def _one_key(node: Node, kinds: tuple[str, ...], what: str, problems: list[Diagnostic]) -> Node | None:
    if not isinstance(node, Mapping) or len(node.entries) != 1:
        span = _second_key(node)
        problems.append(Diagnostic("E106", f"a {what} is one key: its kind", span, f"write `- {kinds[0]}: …`"))
        return None
    ((name, entry),) = node.entries.items()
    if name not in kinds:
        problems.append(_unknown_kind(str(name), entry.key, kinds, what))
        return None
    member = "power" if name == "idle" else "schedule" if name in SCHEDULED else str(name)
    kind = Entry(entry.key, Scalar(entry.key, str(name), str(name)))
    written: dict[str | int, Entry] = {"kind": kind, member: entry}
    return Mapping(entry.key, written)


def _second_key(node: Node) -> Span:
    if isinstance(node, Mapping) and len(node.entries) > 1:
        return list(node.entries.values())[1].key
    return node.span


def _unknown_kind(name: str, span: Span, kinds: tuple[str, ...], what: str) -> Diagnostic:
    if name in LATER_KINDS:
        return Diagnostic("E110", f"the {what} `{name}` is not supported in this version", span, "leave it out for now")
    return Diagnostic("E104", f"`{name}` is not a kind of {what}", span, suggestion(name, kinds))
