"""The short forms of the file, written out: what a user writes becomes the shape of the models, places kept.

    requests: [ { day_ahead: {from: …} } ]  ──►  [ { kind: day_ahead, schedule: {from: …} } ]
    requests: [ { idle: 0 kW } ]            ──►  [ { kind: idle, power: 0 kW } ]
    ancillary: [ { fcr: {capacity: …} } ]   ──►  [ { kind: fcr, fcr: {…} } ]           likewise `limits:`, `transform:`
    ramp: 50 kW/s                           ──►  { up: 50 kW/s, down: 50 kW/s }
    defaults: {soc: …}                      ──►  merged below every asset's own keys
    tests: … { at: 3 s, bess1: {soc: 5 %} }  ──►  { at: 3 s, values: {bess1.soc: 5 %} }
    x-…: anything                           ──►  left out, at any level

An alias or an included value keeps the place where it was written.
"""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches

from config.asset import SHARED
from config.diagnostics import Diagnostic, Related
from config.document import Entry, Mapping, Node, Scalar, Sequence
from config.request import Request
from config.reserve import Limit, Service
from config.section import OneKey
from config.source import Span
from config.transform import Transform

#: Kinds that the language keeps a word for and does not have yet.
LATER_KINDS = frozenset({"charge_from_pv", "setpoint", "afrr", "mfrr", "ffr"})

LISTED: dict[str, type[OneKey]] = {"requests": Request, "ancillary": Service, "limits": Limit}
#: A longer list of words helps nobody.
_MOST = 20
_NESTED = ("given", "timeline", "expect")


def normal(root: Mapping, problems: list[Diagnostic]) -> Mapping:
    """The whole document in the shape of `Definition`."""
    entries = dict(_without_x(root).entries)
    defaults = _defaults(entries.pop("defaults", None), problems)
    for name, model in LISTED.items():
        if name in entries:
            entries[name] = Entry(entries[name].key, _list(entries[name].value, model, problems))
    if "tests" in entries:
        entries["tests"] = Entry(entries["tests"].key, _tests(entries["tests"].value, problems))
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
    said = ", ".join(f"`{name}`" for name in words[:_MOST])
    more = f" and {len(words) - _MOST} more" if len(words) > _MOST else ""
    return f"possible here: {said}{more}" if words else ""


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
        if name in SHARED:
            known[name] = item
        else:
            message = f"`{name}` is not a key of `defaults`"
            problems.append(Diagnostic("E101", message, item.key, suggestion(str(name), SHARED)))
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


def _list(node: Node, model: type[OneKey], problems: list[Diagnostic]) -> Node:
    if not isinstance(node, Sequence):
        return node
    items = (_one_key(item, model, problems) for item in node.items)
    kept = tuple(item for item in items if item is not None)  # a refused one has its diagnostic
    return Sequence(node.span, kept)


def _one_key(node: Node, model: type[OneKey], problems: list[Diagnostic]) -> Node | None:
    if not isinstance(node, Mapping) or len(node.entries) != 1:
        span, example = _second_key(node), next(iter(model.forms))
        article = "an" if model.noun[0] in "aeiou" else "a"
        message = f"{article} {model.noun} is one key: its kind"
        problems.append(Diagnostic("E106", message, span, f"write `- {example}: …`"))
        return None
    ((name, entry),) = node.entries.items()
    if name not in model.forms:
        problems.append(_unknown_kind(str(name), entry.key, tuple(model.forms), model.noun))
        return None
    kind = Entry(entry.key, Scalar(entry.key, str(name), str(name)))
    content = Entry(entry.key, _transforms(entry.value, problems))
    written: dict[str | int, Entry] = {"kind": kind, model.forms[str(name)]: content}
    return Mapping(entry.key, written)


def _transforms(node: Node, problems: list[Diagnostic]) -> Node:
    """The steps of `transform:` in the content of a request."""
    entry = node.entries.get("transform") if isinstance(node, Mapping) else None
    if entry is None or not isinstance(node, Mapping):
        return node
    steps = Entry(entry.key, _list(entry.value, Transform, problems))
    return Mapping(node.span, {**node.entries, "transform": steps}, node.size)


def _second_key(node: Node) -> Span:
    if isinstance(node, Mapping) and len(node.entries) > 1:
        return list(node.entries.values())[1].key
    return node.span


def _unknown_kind(name: str, span: Span, kinds: tuple[str, ...], what: str) -> Diagnostic:
    if name in LATER_KINDS:
        return Diagnostic("E110", f"the {what} `{name}` is not supported in this version", span, "leave it out for now")
    return Diagnostic("E104", f"`{name}` is not a kind of {what}", span, suggestion(name, kinds))


def _tests(node: Node, problems: list[Diagnostic]) -> Node:
    """Tests with their node ids written dotted."""
    if not isinstance(node, Sequence):
        return node
    return Sequence(node.span, tuple(_test(item, problems) for item in node.items))


def _test(node: Node, problems: list[Diagnostic]) -> Node:
    if not isinstance(node, Mapping):
        return node
    entries = dict(node.entries)
    for name in _NESTED:
        if name not in entries:
            continue
        key, value = entries[name].key, entries[name].value
        if name == "given" and isinstance(value, Mapping):
            entries[name] = Entry(key, _dotted(value, problems))
        elif name != "given" and isinstance(value, Sequence):
            moments = tuple(_moment(item, problems) for item in value.items)
            entries[name] = Entry(key, Sequence(value.span, moments))
    return Mapping(node.span, entries)


def _moment(node: Node, problems: list[Diagnostic]) -> Node:
    """`{ at: 30 s, bess1.soc: 5 % }` ──► `{ at: 30 s, values: { bess1.soc: 5 % } }`."""
    if not isinstance(node, Mapping):
        return node
    own: dict[str | int, Entry] = {name: entry for name, entry in node.entries.items() if name in _OF_MOMENTS}
    ids = {name: entry for name, entry in node.entries.items() if name not in _OF_MOMENTS}
    if ids:
        first = next(iter(ids.values())).key
        own["values"] = Entry(first, _dotted(Mapping(first, ids), problems))
    return Mapping(node.span, own)


_OF_MOMENTS = ("at", "always", "never")


def _dotted(node: Mapping, problems: list[Diagnostic]) -> Mapping:
    """Nested keys joined with points; the same one twice is an error with both places."""
    flat: dict[str | int, Entry] = {}
    for name, entry in _leaves(node, ""):
        if name in flat:
            first = Related(flat[name].key, "first written here")
            problems.append(Diagnostic("E004", f"`{name}` is written twice", entry.key, "keep one of them", (first,)))
        else:
            flat[name] = entry
    return Mapping(node.span, flat)


def _leaves(node: Mapping, above: str) -> Iterator[tuple[str, Entry]]:
    for name, entry in node.entries.items():
        if isinstance(entry.value, Mapping) and entry.value.entries:
            yield from _leaves(entry.value, f"{above}{name}.")
        else:
            yield f"{above}{name}", entry
