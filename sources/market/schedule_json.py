"""Schedules as JSON: the strict reader and the writer of one form, used by MQTT, files and the endpoint alike.

    {"asset_id": "bess1",                  optional; absent: the whole site
     "type": "day_ahead",                  day_ahead | intraday | regel_leistung_reserve | commitment (or PascalCase)
     "market_bid_area": "DE-LU",
     "version": 7,                         integer ≥ 0; orders documents of one type and asset
     "issued_at": "2026-03-28T11:00:00Z",  optional; absent: start of the first window
     "windows": [{"start": "2026-03-28T23:00:00Z", "end": "2026-03-29T00:00:00Z", "target_power_kw": 80.0}]}

Guarantees: a `Schedule` that comes out has 1 to 10,000 windows in order of time, none empty, no two overlapping, every
power finite. Anything else raises `ScheduleError` with the JSON path and one sentence, and nothing changes. Members
that are not named here are refused: a misspelt one must not be silently without effect. Power in kW, + = discharging or
feeding in. A window may carry `reactive_kvar`, + = over-excited; without it, it says nothing about reactive power. Only
a commitment's windows may carry `penalty_eur_per_kwh` (≥ 0) and `binding_state`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from itertools import pairwise
from math import isfinite

from sources.instant import format_exact, parse_utc
from sources.schedule import BindingState, Schedule, ScheduleType, Window
from sources.strict_json import JsonError, read, shown

MAX_WINDOWS = 10_000
MAX_BYTES = 2 * 1024 * 1024
_MAX_VERSION = 2**63 - 1

_MEMBERS = frozenset({"asset_id", "type", "market_bid_area", "version", "issued_at", "windows"})
_WINDOW = frozenset({"start", "end", "target_power_kw", "reactive_kvar"})
_COMMITMENT = frozenset({"penalty_eur_per_kwh", "binding_state"})
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:|/-]{0,63}", re.ASCII)
_SPELLINGS: dict[type[ScheduleType | BindingState], dict[str, str]] = {
    names: {spelling: name.value for name in names for spelling in (name.value, name.value.title().replace("_", ""))}
    for names in (ScheduleType, BindingState)
}


class ScheduleError(ValueError):
    """A document that is not a schedule: `path` (`$.windows[3].start`) and `message`; `str()` gives both."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(f"{path}: {message}")
        self.path = path
        self.message = message


def parse(payload: bytes | str | Mapping[str, object], source: str = "") -> Schedule:
    """The schedule that `payload` says; `source` is where it came from. Raises `ScheduleError`, nothing else."""
    document = _document(payload)
    _only(document, _MEMBERS, "$")
    kind = _type(_member(document, "type", "$"))
    area = _name(_member(document, "market_bid_area", "$"), "$.market_bid_area")
    asset = _name(document["asset_id"], "$.asset_id") if "asset_id" in document else None
    version = _version(_member(document, "version", "$"))
    windows = _windows(_member(document, "windows", "$"), kind)
    issued = _instant(document["issued_at"], "$.issued_at") if "issued_at" in document else windows[0].start_ns
    unsigned = Schedule(kind, asset, area, version, issued, windows, digest="", source=source)
    digest = hashlib.sha256(canonical(unsigned)).hexdigest()
    return Schedule(kind, asset, area, version, issued, windows, digest, source)


def to_json(schedule: Schedule) -> dict[str, object]:
    """The document of `schedule`, ready for `json.dumps`; `parse` gives the same schedule back, digest included."""
    document: dict[str, object] = {} if schedule.asset is None else {"asset_id": schedule.asset}
    document |= {
        "type": schedule.type.value,
        "market_bid_area": schedule.area,
        "version": schedule.version,
        "issued_at": format_exact(schedule.issued_ns),
        "windows": [_window_json(window, schedule.type) for window in schedule.windows],
    }
    return document


def canonical(schedule: Schedule) -> bytes:
    """The one spelling of a schedule: sorted members, no spaces, every default written out; the digest is over it."""
    return json.dumps(to_json(schedule), sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def _document(payload: bytes | str | Mapping[str, object]) -> Mapping[str, object]:
    value: object = payload
    if isinstance(payload, bytes | bytearray | str):
        try:
            value = read(payload, MAX_BYTES)
        except JsonError as error:
            raise ScheduleError("$", str(error)) from None
    return _object(value, "$")


def _object(value: object, path: str) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise ScheduleError(path, f"expected an object, got {shown(value)}")
    return value


def _only(members: Mapping[str, object], known: frozenset[str], path: str) -> None:
    for name in members:
        if name not in known:
            raise ScheduleError(_below(path, name), f"unknown member; known are {', '.join(sorted(known))}")


def _below(path: str, name: object) -> str:
    if isinstance(name, str) and name.isascii() and name.isidentifier() and len(name) <= 40:
        return f"{path}.{name}"
    return f"{path}[{shown(name)}]"


def _member(members: Mapping[str, object], name: str, path: str) -> object:
    if name not in members:
        raise ScheduleError(f"{path}.{name}", "missing")
    return members[name]


def _text(value: object, path: str) -> str:
    if not isinstance(value, str):
        raise ScheduleError(path, f"expected a text, got {shown(value)}")
    return value


def _name(value: object, path: str) -> str:
    text = _text(value, path)
    if _NAME.fullmatch(text) is None:
        raise ScheduleError(path, f"expected 1 to 64 letters, digits or _.:|/-, got {shown(text)}")
    return text


def _spelling(value: object, path: str, names: type[ScheduleType | BindingState]) -> str:
    """A member of an enumeration as snake_case; `DayAhead` is accepted for `day_ahead`."""
    text = _text(value, path)
    found = _SPELLINGS[names].get(text)
    if found is not None:
        return found
    raise ScheduleError(path, f"expected one of {', '.join(names)}, got {shown(text)}")


def _type(value: object) -> ScheduleType:
    return ScheduleType(_spelling(value, "$.type", ScheduleType))


def _version(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ScheduleError("$.version", f"expected an integer, got {shown(value)}")
    if not 0 <= value <= _MAX_VERSION:
        raise ScheduleError("$.version", f"expected 0 or more (63 bits), got {shown(value)}")
    return value


def _instant(value: object, path: str) -> int:
    text = _text(value, path)
    try:
        return parse_utc(text)
    except ValueError as error:
        raise ScheduleError(path, f"{error}; got {shown(text)}") from None


def _number(value: object, path: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ScheduleError(path, f"expected a number, got {shown(value)}")
    try:
        number = float(value)
    except OverflowError:
        number = float("inf")
    if not isfinite(number):
        raise ScheduleError(path, f"expected a finite number, got {shown(value)}")
    return number + 0.0  # -0.0 and 0.0 are one power and must have one digest


def _windows(value: object, kind: ScheduleType) -> tuple[Window, ...]:
    if not isinstance(value, list | tuple):
        raise ScheduleError("$.windows", f"expected a list, got {shown(value)}")
    if not value:
        raise ScheduleError("$.windows", "expected at least one window")
    if len(value) > MAX_WINDOWS:
        raise ScheduleError("$.windows", f"{len(value)} windows are more than the {MAX_WINDOWS} allowed")
    windows = [_window(item, f"$.windows[{index}]", kind) for index, item in enumerate(value)]
    order = sorted(range(len(windows)), key=lambda index: windows[index].start_ns)
    for earlier, later in pairwise(order):
        if windows[later].start_ns < windows[earlier].end_ns:
            raise ScheduleError(f"$.windows[{later}].start", f"overlaps $.windows[{earlier}]")
    return tuple(windows[index] for index in order)


def _window(value: object, path: str, kind: ScheduleType) -> Window:
    members = _object(value, path)
    commitment = kind is ScheduleType.COMMITMENT
    for name in _COMMITMENT & members.keys():
        if not commitment:
            raise ScheduleError(f"{path}.{name}", "only a commitment may carry it")
    _only(members, _WINDOW | _COMMITMENT if commitment else _WINDOW, path)
    start = _instant(_member(members, "start", path), f"{path}.start")
    end = _instant(_member(members, "end", path), f"{path}.end")
    if end <= start:
        raise ScheduleError(f"{path}.end", "is not after start")
    power = _number(_member(members, "target_power_kw", path), f"{path}.target_power_kw")
    reactive = _number(members["reactive_kvar"], f"{path}.reactive_kvar") if "reactive_kvar" in members else None
    penalty = _number(members.get("penalty_eur_per_kwh", 0.0), f"{path}.penalty_eur_per_kwh")
    if penalty < 0.0:
        raise ScheduleError(f"{path}.penalty_eur_per_kwh", f"expected 0 or more, got {shown(penalty)}")
    binding = _spelling(members.get("binding_state", "binding"), f"{path}.binding_state", BindingState)
    return Window(start, end, power, penalty, BindingState(binding), reactive)


def _window_json(window: Window, kind: ScheduleType) -> dict[str, object]:
    members: dict[str, object] = {
        "start": format_exact(window.start_ns),
        "end": format_exact(window.end_ns),
        "target_power_kw": window.power_kw,
    }
    if window.reactive_kvar is not None:
        members["reactive_kvar"] = window.reactive_kvar
    if kind is ScheduleType.COMMITMENT:
        members["penalty_eur_per_kwh"] = window.penalty_eur_per_kwh
        members["binding_state"] = window.binding.value
    return members
