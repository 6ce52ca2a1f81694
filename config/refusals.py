"""From a refusal of the models to a diagnostic: the right code, the exact place, the nearest legal word.

A model's refusal names a location such as ("assets", "bess1", "soc", "min") and a kind such as `missing`. Quantities,
addresses and names bring their own code and advice; the rest is translated here. A value that was refused before
(an ambiguous scalar, a missing variable) is not reported twice.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from config.definition import OUTPUT_TYPES
from config.diagnostics import Diagnostic
from config.keys import keys_at, path, required_at
from config.plain import Location, Place, Spans
from config.quantity import kind_of
from config.shape import suggestion
from config.source import Span


def diagnose(model: type[BaseModel], details: ErrorDetails, values: Any, spans: Spans) -> Diagnostic | None:
    """One refusal of `model` as a diagnostic, or None when its value already has one."""
    kind, location = details["type"], details["loc"]
    on_key = bool(location) and location[-1] == "[key]"
    written, value = _written(values, location[:-1] if on_key else location)
    place = spans.get(written) or spans[()]
    if kind == "missing":
        return _missing(model, location, written, place)
    if kind in {"extra_forbidden", "invalid_key"}:
        return _unknown_key(model, location, place)
    if place.refused:
        return None
    if on_key:
        place = Place(place.key, place.key)
    if kind.startswith("union_tag"):
        return _tag(kind, written, value, details, place, spans)
    context = details.get("ctx", {})
    if kind[0] == "E" and kind[1:].isdigit():
        return Diagnostic(kind, str(context["message"]), _below(spans, written, context, place), str(context["help"]))
    if kind == "literal_error":
        return _word(value, str(context.get("expected", "")), place)
    return _other(kind, value, details, place)


def misspelt(found: Iterable[ErrorDetails]) -> set[Location]:
    """The required keys that are missing because a key beside them is misspelt: that key has a diagnostic already."""
    details = list(found)
    extra: dict[Location, list[str]] = {}
    for one in details:
        if one["type"] == "extra_forbidden":
            extra.setdefault(one["loc"][:-1], []).append(str(one["loc"][-1]))
    missing = [one["loc"] for one in details if one["type"] == "missing"]
    return {at for at in missing if get_close_matches(str(at[-1]), extra.get(at[:-1], ()), n=1, cutoff=0.6)}


def _below(spans: Spans, written: Location, context: dict[str, Any], place: Place) -> Span:
    """The place that a refusal of a whole section names, as far down as it was written; else the section's key."""
    at = tuple(context.get("at", ()))
    for length in range(len(at), 0, -1):
        found = spans.get((*written, *at[:length]))
        if found is not None:
            return found.value if length == len(at) else found.key
    return place.key if at else place.value


def location_of(details: ErrorDetails, values: Any) -> Location:
    """Where a refusal stands, as far as it was written."""
    location = details["loc"]
    return _written(values, location[:-1] if location and location[-1] == "[key]" else location)[0]


def _written(values: Any, location: Location) -> tuple[Location, Any]:
    """The part of a location that stands in the file (tags of unions do not), and its value."""
    written: list[str | int] = []
    for index, part in enumerate(location):
        if holds(values, part):
            values = values[part]
            written.append(part)
        elif index == len(location) - 1:
            break
    return tuple(written), values


def holds(values: Any, part: str | int) -> bool:
    """Whether plain `values` has something under the key or index `part`."""
    if isinstance(values, list):
        return isinstance(part, int) and part < len(values)
    return isinstance(values, dict) and part in values


def _missing(model: type[BaseModel], location: Location, written: Location, place: Place) -> Diagnostic:
    name = str(location[-1])
    if name == "ttl":
        advice = "what cannot expire is a way to lose control: e.g. `ttl: 20 min`"
        what = "limit" if location[0] == "limits" else "request"
        return Diagnostic("E304", f"a {what} from outside needs `ttl`", place.key, advice)
    if place.refused:
        return Diagnostic("E102", f"`{name}` is missing", place.key)
    needed = ", ".join(f"`{key}`" for key in required_at(model, location[:-1]))
    where = f" in `{path(model, written)}`" if written else ""
    return Diagnostic("E102", f"`{name}` is missing{where}", place.key, f"needed here: {needed}")


def _unknown_key(model: type[BaseModel], location: Location, place: Place) -> Diagnostic:
    name = str(location[-1])
    return Diagnostic("E101", f"`{name}` is not a key here", place.key, suggestion(name, keys_at(model, location[:-1])))


def _tag(
    kind: str, written: Location, value: Any, details: ErrorDetails, place: Place, spans: Spans
) -> Diagnostic | None:
    expected = str(details.get("ctx", {}).get("expected_tags", ""))
    words = [word.strip(" '") for word in expected.split(",")] if expected else list(OUTPUT_TYPES)
    if kind == "union_tag_not_found" or not isinstance(value, dict):
        return Diagnostic("E102", "`type` is missing", place.key, suggestion("", words))
    inner = spans.get((*written, "type"), place)
    if inner.refused:
        return None
    return _word(value.get("type"), " or ".join(f"'{word}'" for word in words), inner)


def _word(value: Any, expected: str, place: Place) -> Diagnostic:
    words = [word.strip("' ") for part in expected.split(",") for word in part.split(" or ")]
    shown = f"`{place.value.shown(value)}`" if isinstance(value, str) else kind_of(value)
    return Diagnostic("E104", f"{shown[:60]} is not possible here", place.value, suggestion(str(value), words))


_MAPPINGS = frozenset({"model_type", "model_attributes_type", "dict_type"})
_LISTS = frozenset({"list_type", "tuple_type"})


def _other(kind: str, value: Any, details: ErrorDetails, place: Place) -> Diagnostic:
    got = kind_of(value)
    if kind in _MAPPINGS:
        return Diagnostic(
            "E103", f"expected a mapping, got {got}", place.value, "write `key: value` pairs, or `{ key: value }`"
        )
    if kind in _LISTS:
        return Diagnostic(
            "E103", f"expected a list, got {got}", place.value, "write `- item` lines, or `[ item, item ]`"
        )
    if kind == "string_type":
        scalar = isinstance(value, bool | int | float)
        return Diagnostic(
            "E201", f"expected a text, got {got}", place.value, "put it in quotes" if scalar else "write one text"
        )
    if kind.startswith("bool"):
        return Diagnostic(
            "E201", f"expected true or false, got {got}", place.value, "write `true` or `false`, without quotes"
        )
    if kind.startswith(("int", "float")):
        return Diagnostic("E201", f"expected a number, got {got}", place.value, "write a plain number, without quotes")
    if kind in {"too_long", "string_too_long"}:
        most = details.get("ctx", {}).get("max_length")
        return Diagnostic("E202", f"this is too long: at most {most} are possible", place.value, "shorten it")
    if kind == "too_short":
        return Diagnostic("E102", "this is empty", place.key, "write at least one entry")
    return Diagnostic("E202", str(details["msg"]).removeprefix("Value error, "), place.value)
