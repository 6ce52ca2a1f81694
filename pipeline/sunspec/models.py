"""The published SunSpec model definitions, and each of their points as a point of a profile.

    model 103 at 40070: W, int16, W_SF ──► { register: holding 40084, type: int16, scale_register: holding 40085,
                                             sentinels: [-32768], unit: W }

The definitions are those of the SunSpec Alliance (Apache 2.0), as the package pysunspec2 brings them. "Not implemented"
is what the SunSpec Information Model Specification says for each type: 0x8000, 0xFFFF and their wider kin, NaN, and 0
for accumulators. Groups that repeat are laid out as often as their `counts` say.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from pipeline.sunspec.discovery import Place

#: SunSpec type → the profile's type, and the raw value that says "not implemented" (floats: NaN, which always does).
TYPES: dict[str, tuple[str, float | None]] = {
    "int16": ("int16", -0x8000), "sunssf": ("int16", -0x8000), "pad": ("int16", -0x8000),
    "uint16": ("uint16", 0xFFFF), "enum16": ("uint16", 0xFFFF), "bitfield16": ("uint16", 0xFFFF),
    "raw16": ("uint16", None), "count": ("uint16", 0xFFFF), "acc16": ("uint16", 0),
    "int32": ("int32", -0x80000000), "uint32": ("uint32", 0xFFFFFFFF), "enum32": ("uint32", 0xFFFFFFFF),
    "bitfield32": ("uint32", 0xFFFFFFFF), "acc32": ("uint32", 0), "ipaddr": ("uint32", 0),
    "int64": ("int64", -0x8000000000000000), "uint64": ("uint64", 0xFFFFFFFFFFFFFFFF),
    "bitfield64": ("uint64", 0xFFFFFFFFFFFFFFFF), "acc64": ("uint64", 0),
    "float32": ("float32", None), "float64": ("float64", None),
}  # fmt: skip
UNITS = {
    "W": "W", "VA": "VA", "var": "var", "Var": "var", "VAR": "var", "Wh": "Wh", "WH": "Wh", "A": "A", "V": "V",
    "Hz": "Hz", "C": "°C", "Secs": "s", "Pct": "%", "%": "%", "%WHRtg": "%", "% AhrRtg": "%", "% WChaMax": "%",
}  # fmt: skip


class NoSuchModelError(LookupError):
    """A model that is not among the published ones."""


@dataclass(frozen=True, slots=True)
class Member:
    """One point of a model: `offset` in registers from the model's first one, `factor` the offset of its exponent."""

    name: str
    type: str
    offset: int
    words: int
    unit: str
    label: str
    values: tuple[tuple[int, str], ...]
    factor: int | None


@dataclass(frozen=True, slots=True)
class Model:
    """`length` is what stands in its second register: its registers without the first two."""

    number: int
    name: str
    members: tuple[Member, ...]
    length: int

    def member(self, name: str) -> Member | None:
        return next((member for member in self.members if member.name == name), None)


@cache
def model(number: int, counts: tuple[tuple[str, int], ...] = ()) -> Model:
    """The model of this number; `counts` say how often its groups repeat, by the name of the group, else once.

    Raises `NoSuchModelError`.
    """
    file = files("sunspec2") / "models" / "json" / f"model_{number}.json"
    if not file.is_file():
        raise NoSuchModelError(f"there is no published model {number}")
    group = json.loads(file.read_text(encoding="utf-8"))["group"]
    laid: list[tuple[str, Any, int]] = []
    end = _lay(group, "", 0, dict(counts), laid)
    places = {name: offset for name, _, offset in laid}
    members = tuple(_member(name, point, offset, places) for name, point, offset in laid)
    return Model(number, str(group.get("label") or group["name"]), members, end - 2)


def _lay(group: Any, prefix: str, at: int, counts: Mapping[str, int], laid: list[tuple[str, Any, int]]) -> int:
    """Put the points of a group one behind the other, from `at` on; where they end."""
    for point in group.get("points", []):
        laid.append((f"{prefix}{point['name']}", point, at))
        at += int(point["size"])
    for below in group.get("groups", []):
        repeated = "count" in below
        for number in range(counts.get(below["name"], 1) if repeated else 1):
            name = f"{prefix}{below['name']}{f'_{number + 1}' if repeated else ''}_"
            at = _lay(below, name, at, counts, laid)
    return at


def _member(name: str, point: Any, offset: int, places: Mapping[str, int]) -> Member:
    factor = places.get(str(point.get("sf", "")))
    symbols = tuple((int(s["value"]), str(s["name"]).replace("_", " ").lower()) for s in point.get("symbols", []))
    return Member(name, str(point["type"]), offset, int(point["size"]), str(point.get("units") or ""),
                  str(point.get("label") or name), symbols, factor)  # fmt: skip


def numeric(found: Model) -> Iterator[Member]:
    """The members that a reading can carry: all but texts."""
    return (member for member in found.members if member.type in TYPES)


def as_point(member: Member, base: int) -> dict[str, Any]:
    """The member as a point of a profile, zero based, of a model whose first register is `base`."""
    kind, sentinel = TYPES[member.type]
    point: dict[str, Any] = {"register": f"holding {base + member.offset}", "type": kind}
    if member.words > 1:
        point["word_order"] = "big"
    if member.factor is not None:
        point["scale_register"] = f"holding {base + member.factor}"
    if sentinel is not None:
        point["sentinels"] = [sentinel]
    if member.unit in UNITS:
        point["unit"] = UNITS[member.unit]
    if member.type.startswith("enum") and member.values:
        point["values"] = dict(member.values)
    return point


def to_write(place: Place, name: str, **more: Any) -> dict[str, Any]:
    """The member of a model at its place as a write point, with what is written there."""
    member = model(place.number).member(name)
    if member is None:
        raise NoSuchModelError(f"model {place.number} has no {name}")
    point = as_point(member, place.address)
    kept = ("register", "type", "word_order", "scale_register", "unit")
    return {key: point[key] for key in kept if key in point} | more
