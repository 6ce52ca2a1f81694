"""The registers that SCADA reads: blocks that say what they are, so that a reader skips what it does not know.

    0  "BESS"   2  layout version   3  number of blocks   4  first block
    block:  id (1 site, 2 battery, 3 alarms, 4 meter)   length that follows   name, 32 characters   points
    end:    0xFFFF, 0

Every point is two registers, high word first: a float32, or an unsigned number. A float that is not known is NaN, an
unsigned number 0xFFFFFFFF: never 0. Powers kW and kvar, + = discharging or feeding in; charge %; temperatures °C; a
battery's state is its number in `docs/scada.md`.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterator, Mapping, Sequence
from math import isfinite, nan
from typing import Any, Literal, Protocol

from jit.codes import State

Kind = Literal["float32", "uint32"]
VERSION = 1
NAME_WORDS = 16
FLOATS_MOST = 3.4e38
UNKNOWN = 0xFFFFFFFF

#: Where a point stands in the documents of the websocket's topics `site` and `assets.*`.
SITE: tuple[tuple[str, Kind], ...] = (
    ("tick", "uint32"), ("armed", "uint32"), ("poc_kw", "float32"), ("poc_kvar", "float32"),
    ("frequency_hz", "float32"), ("total_kw", "float32"), ("total_kvar", "float32"), ("import_limit_kw", "float32"),
    ("export_limit_kw", "float32"),
)  # fmt: skip
BATTERY: tuple[tuple[str, Kind], ...] = (
    ("state", "uint32"), ("armed", "uint32"), ("latched", "uint32"), ("valid", "uint32"), ("age_s", "float32"),
    ("telemetry.soc_percent", "float32"), ("telemetry.soh_percent", "float32"),
    ("telemetry.active_power_kw", "float32"), ("telemetry.reactive_power_kvar", "float32"),
    ("telemetry.dc_voltage", "float32"), ("telemetry.dc_current", "float32"),
    ("telemetry.temperature_celsius", "float32"), ("band.low_kw", "float32"), ("band.high_kw", "float32"),
    ("asked_kw", "float32"), ("command_kw", "float32"), ("command_kvar", "float32"), ("write.readback_kw", "float32"),
)  # fmt: skip
#: Of a meter's points by their names; what is not valid is not known.
METER: tuple[tuple[str, Kind], ...] = (
    ("valid", "uint32"), ("age_s", "float32"), ("power", "float32"), ("reactive_power", "float32"),
    ("frequency", "float32"), ("voltage", "float32"), ("current", "float32"),
)  # fmt: skip
ALARMS: tuple[tuple[str, Kind], ...] = (("standing", "uint32"), ("unacknowledged", "uint32"))


class View(Protocol):
    """What people are shown of a process, as the websocket's topics have it."""

    def site(self) -> Mapping[str, Any]: ...

    def assets(self) -> Sequence[str]: ...

    def asset(self, asset: str) -> Mapping[str, Any] | None: ...

    def alarms(self) -> Sequence[Mapping[str, Any]]: ...

    def measured(self) -> Sequence[str]: ...

    def points_of(self, device: str) -> Sequence[Mapping[str, Any]]: ...


def pages(view: View) -> Iterator[bytes]:
    """All registers, two octets each, block by block."""
    names = view.assets()
    site = view.site()
    yield struct.pack(">4sHH", b"BESS", VERSION, len(names) + 2 + len(view.measured()))
    yield _block(1, str(site.get("name", "")), SITE, _of_site(site))
    for name in names:
        yield _block(2, name, BATTERY, _of_battery(view.asset(name) or {}))
    yield _block(3, "alarms", ALARMS, _of_alarms(view.alarms()))
    for name in view.measured():
        yield _block(4, name, METER, _of_meter(view.points_of(name)))
    yield struct.pack(">HH", 0xFFFF, 0)


#: What an output's `publish` has to name for a battery's point to be shown; the others always are.
CHOSEN = {"telemetry": "snapshot", "band": "snapshot", "asked_kw": "command", "command_kw": "command",
          "command_kvar": "command", "write": "command"}  # fmt: skip


def values(view: View, publish: Collection[str]) -> Iterator[tuple[str, dict[str, float | None]]]:
    """The same by name, block by block, for servers that name what they show; None is not known."""
    shown = [(path, form) for path, form in BATTERY if CHOSEN.get(path.split(".")[0]) in {None, *publish}]
    yield "site", _named(SITE, _of_site(view.site()))
    for name in view.assets():
        yield f"assets.{name}", _named(shown, _of_battery(view.asset(name) or {}))
    for name in view.measured() if "snapshot" in publish else ():
        yield name.replace("site.", "meters.", 1), _named(METER, _of_meter(view.points_of(name)))
    if "alarms" in publish:
        yield "alarms", _named(ALARMS, _of_alarms(view.alarms()))


def _named(points: Sequence[tuple[str, Kind]], told: Mapping[str, Any]) -> dict[str, float | None]:
    found = ((path.rpartition(".")[2], _at(told, path)) for path, _ in points)
    return {name: float(value) if isinstance(value, int | float) and isfinite(value) else None for name, value in found}


def _block(kind: int, name: str, points: Sequence[tuple[str, Kind]], values: Mapping[str, Any]) -> bytes:
    said = name.encode()[: 2 * NAME_WORDS].ljust(2 * NAME_WORDS, b"\0")
    body = b"".join(_word(form, _at(values, path)) for path, form in points)
    return struct.pack(">HH", kind, NAME_WORDS + len(body) // 2) + said + body


def _word(form: Kind, value: Any) -> bytes:
    number = isinstance(value, int | float) and isfinite(value)
    if form == "float32":
        return struct.pack(">f", float(value) if number and abs(value) <= FLOATS_MOST else nan)
    return struct.pack(">I", int(value) & UNKNOWN if number and 0 <= value < UNKNOWN else UNKNOWN)


def _at(values: Mapping[str, Any], path: str) -> Any:
    found: Any = values
    for part in path.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def _of_site(told: Mapping[str, Any]) -> dict[str, Any]:
    mode = told.get("mode")
    return {**told, "armed": None if mode is None else int(mode == "armed")}


def _of_battery(told: Mapping[str, Any]) -> dict[str, Any]:
    state, quality = str(told.get("state")).upper(), _at(told, "quality.flag")
    return {**told, "state": int(State[state]) if state in State.__members__ else None,
            "armed": None if "authority" not in told else int(told["authority"] == "armed"),
            "latched": None if "latched" not in told else int(bool(told["latched"])),
            "valid": None if quality is None else int(quality == "Valid")}  # fmt: skip


def _of_alarms(told: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    return {"standing": sum(1 for alarm in told if alarm["active"]),
            "unacknowledged": sum(1 for alarm in told if not alarm["acknowledged"])}  # fmt: skip


def _of_meter(points: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Its valid values; itself it is valid when its power is, or what it measures at all."""
    known = {str(point["point"]): point["value"] for point in points if point["valid"]}
    told = {str(point["point"]) for point in points}
    judged = "power" if "power" in told else next(iter(told & {"frequency", "voltage"}), None)
    age = points[0]["age_s"] if points else None
    return {**known, "valid": None if judged is None else int(judged in known), "age_s": age}
