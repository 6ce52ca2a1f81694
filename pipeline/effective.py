"""The effective definition: what a file comes to, with where every value came from; itself a valid file.

    site:
      name: nordhafen                         # site.yaml:5
      cycle: 1 s                              # built-in
    connections:
      broker:
        password: !secret mqtt_password       # ••• site.yaml:23

Where a value came from is `file:line`, `profile:name` (of a profile that a profile of the file extends) or `built-in`.
The text of a secret is nowhere in it. Loading what is printed gives the same definition.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

from config.catalogue import Catalogue
from config.definition import Definition
from config.load import Loaded
from config.plain import Location
from config.quantity import Quantity, QuantityOr, Secret
from config.rehearsal import Expectation, Moment
from config.scalar import ambiguity, resolve
from config.schema import quantity_in, quantity_of
from config.section import OneKey, Section
from config.units import brief, format_number
from pipeline.check import Checked
from pipeline.rules.support import is_later

HIDDEN = "•••"
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./+-]*|-?[0-9]+(\.[0-9]+)? [A-Za-z%°][A-Za-z/%]*")
_COLUMN = 48


@dataclass(frozen=True, slots=True)
class Leaf:
    """A value as YAML text, as JSON, and where it came from."""

    text: str
    value: Any
    origin: str


Tree = dict[str, Any] | list[Any] | Leaf


def as_yaml(checked: Checked, *, expanded: bool, origin: bool) -> str:
    """The definition as YAML, with its origins as comments."""
    lines = _lines(_tree(checked, expanded=expanded), 0, origin=origin)
    return "\n".join(lines) + "\n"


def as_values(checked: Checked, *, expanded: bool, origin: bool) -> Any:
    """The definition as plain values; with `origin` every value is `{"value": …, "origin": …}`."""
    return _values(_tree(checked, expanded=expanded), origin=origin)


def _tree(checked: Checked, *, expanded: bool) -> dict[str, Any]:
    if checked.definition is None:
        raise ValueError("a definition with errors has no effective form")
    walk = _Walk(checked.loaded, expanded)
    tree = walk.section(checked.definition, ())
    profiles = walk.profiles(checked.definition)
    if profiles:
        tree["profiles"] = profiles
    return tree


@dataclass(frozen=True, slots=True)
class _Walk:
    """From models to the file's own shape. `expanded`: also what was not written."""

    loaded: Loaded
    expanded: bool

    def section(self, section: Section, at: Location) -> dict[str, Any]:
        if isinstance(section, OneKey):
            member = section.forms[section.kind]
            quantity = quantity_of(type(section).model_fields[member])
            return {section.kind: self.value(section.content, (*at, member), quantity, None)}
        found: dict[str, Any] = {}
        for name, field in type(section).model_fields.items():
            key = field.alias or name
            place, value = (*at, key), getattr(section, name)
            if not self._wanted(place, value, field.default) or (key == "profiles" and not at):
                continue
            if key == "values" and isinstance(section, Moment | Expectation):
                found |= self.mapping(value, place, None)
                continue
            annotation = Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation
            below = self.value(value, place, quantity_of(field), annotation)
            if below != {} or place in self.loaded.spans:
                found[key] = below
        return found

    def _wanted(self, place: Location, value: Any, default: Any) -> bool:
        if value is None and not (place in self.loaded.spans or (default is None and place[-1] == "stop")):
            return False
        return place in self.loaded.spans or (self.expanded and value != [] and not is_later(place))

    def value(
        self, value: Any, at: Location, quantity: Quantity | QuantityOr | None, annotation: Any
    ) -> Tree:
        if isinstance(value, Section):
            return self.section(value, at)
        if isinstance(value, Mapping):
            if not value and at in self.loaded.spans:
                return Leaf("{}", {}, self.origin(at))
            return self.mapping(value, at, _of_items(annotation))
        if isinstance(value, list | tuple):
            items = [self.value(item, (*at, index), None, None) for index, item in enumerate(value)]
            leaves = [item for item in items if isinstance(item, Leaf)]
            if len(leaves) == len(items):
                return Leaf(f"[{', '.join(leaf.text for leaf in leaves)}]", [i.value for i in leaves], self.origin(at))
            return items
        if quantity is not None:
            return self.quantity(value, at, quantity)
        return _leaf(value, self.origin(at))

    def mapping(
        self, values: Mapping[Any, Any], at: Location, quantity: Quantity | QuantityOr | None
    ) -> dict[str, Any]:
        return {_text(str(key)): self.value(item, (*at, key), quantity, None) for key, item in values.items()}

    def quantity(self, value: Any, at: Location, quantity: Quantity | QuantityOr) -> Leaf:
        if isinstance(quantity, QuantityOr):
            if value is None:
                return Leaf(quantity.word, quantity.word, self.origin(at))
            quantity = quantity.quantity
        text = brief(float(value), quantity.dimension)
        return Leaf(text, text, self.origin(at))

    def origin(self, at: Location) -> str:
        place = self.loaded.spans.get(at)
        if place is None:
            return "built-in"
        source, line = place.value.source, place.value.line
        start = source.index(place.value)
        filled = ", from ${…}" if "${" in source.text[start : start + place.value.width] else ""
        return f"{Path(source.name).name}:{line}{filled}"

    def profiles(self, definition: Definition) -> dict[str, Any]:
        """Profiles of the file; expanded, with everything that they extend."""
        catalogue = Catalogue(self.loaded, definition.profiles)
        found: dict[str, Any] = {}
        for name, written in definition.profiles.items():
            values = catalogue.written_out(name) if self.expanded else written
            values = {key: value for key, value in values.items() if key != "name"}
            base = str(written.get("extends", "")) if isinstance(written, dict) else ""
            found[_text(name)] = self.plain(values, ("profiles", name), base)
        return found

    def plain(self, value: Any, at: Location, base: str) -> Tree:
        """Plain values, as profiles are."""
        if isinstance(value, dict):
            return {_text(str(key)): self.plain(item, (*at, key), base) for key, item in value.items()}
        known = at in self.loaded.spans
        origin = self.origin(at) if known else f"profile:{base}"
        if isinstance(value, list):
            return Leaf(f"[{', '.join(_leaf(item, '').text for item in value)}]", value, origin)
        return _leaf(value, origin)


def _of_items(annotation: Any) -> Quantity | QuantityOr | None:
    """The quantity that the values of a mapping are."""
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    return quantity_in(get_args(annotation)[1]) if get_origin(annotation) is dict else None


def _leaf(value: Any, origin: str) -> Leaf:
    if isinstance(value, Secret):
        return Leaf(f"!secret {value.name}", HIDDEN, f"{HIDDEN} {origin}")
    if isinstance(value, bool):
        return Leaf(str(value).lower(), value, origin)
    if isinstance(value, int | float):
        return Leaf(format_number(value) if isinstance(value, float) else str(value), value, origin)
    return Leaf("null" if value is None else _text(str(value)), value, origin)


def _text(text: str) -> str:
    """A text as a scalar that can be read in one way only."""
    if _PLAIN.fullmatch(text) and ambiguity(text) is None and resolve(text) == text:
        return text
    return json.dumps(text.replace("${", "$${"), ensure_ascii=False)


def _lines(tree: Tree, depth: int, *, origin: bool) -> Iterator[str]:
    pad = "  " * depth
    if isinstance(tree, list):
        for item in tree:
            first, *rest = _lines(item, depth + 1, origin=origin)
            yield f"{pad}- {first.lstrip()}"
            yield from rest
        return
    if isinstance(tree, Leaf):
        yield _commented(f"{pad}{tree.text}", tree, origin=origin)
        return
    for key, value in tree.items():
        if isinstance(value, Leaf):
            yield _commented(f"{pad}{key}: {value.text}", value, origin=origin)
        elif not value:
            yield f"{pad}{key}: {'[]' if isinstance(value, list) else '{}'}"
        else:
            yield f"{pad}{key}:"
            yield from _lines(value, depth + 1, origin=origin)


def _commented(line: str, leaf: Leaf, *, origin: bool) -> str:
    if origin:
        return f"{line:<{_COLUMN}}  # {leaf.origin}"
    return f"{line:<{_COLUMN}}  # {HIDDEN}" if leaf.value == HIDDEN else line


def _values(tree: Tree, *, origin: bool) -> Any:
    if isinstance(tree, list):
        return [_values(item, origin=origin) for item in tree]
    if isinstance(tree, Leaf):
        return {"value": tree.value, "origin": tree.origin} if origin else tree.value
    return {key.strip('"'): _values(value, origin=origin) for key, value in tree.items()}
