"""JSON of the devices that speak MQTT: what they publish, and what they make of a command. Pure, no connection.

Telemetry puts each point of the profile at its path, in the device's unit and sign; a value the device does not have is
`null`. Enumerations are published by name, `bool` as true or false, the time stamp at the profile's `stamp`.
A command is taken only when it is fresh, meant for this asset, consistent and inside the rating; else it is refused
with the reason in the acknowledgement.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from config.profile import Point, Profile
from simulator.plant import Plant
from simulator.points import from_device, meter_value, read_value, rounded, said_text

LARGEST_PAYLOAD = 65_536
MODES = {"Stop": 0, "Idle": 0, "Charge": -1, "Discharge": 1}


def storage_telemetry(profile: Profile, plant: Plant, utc_ns: int) -> dict[str, Any]:
    """What the battery publishes now."""
    reported = plant.reported()
    points = ((name, point, read_value(profile, name, point, reported)) for name, point in profile.read.items())
    document = _document(profile, points, utc_ns)
    for name, text in (profile.identity | profile.texts).items():
        _put(document, text.path or name, said_text(plant, name))
    return document


def storage_fault(profile: Profile, plant: Plant, utc_ns: int) -> dict[str, Any] | None:
    """What the battery publishes when a fault comes; None while there is none, or no word for one."""
    point = profile.read.get("alarms")
    if point is None or not plant.alarm:
        return None
    return _document(profile, [("alarms", point, read_value(profile, "alarms", point, plant.reported()))], utc_ns)


def meter_telemetry(profile: Profile, plant: Plant, utc_ns: int) -> dict[str, Any]:
    """What the meter at the point of connection publishes now."""
    metered = plant.metered()
    points = ((name, point, meter_value(profile, name, point, metered)) for name, point in profile.read.items())
    return _document(profile, points, utc_ns)


def _document(profile: Profile, points: Iterable[tuple[str, Point, float | None]], utc_ns: int) -> dict[str, Any]:
    document: dict[str, Any] = {}
    _put(document, profile.stamp or "timestamp", rfc3339(utc_ns))
    for name, point, number in points:
        _put(document, point.path or name, _member(name, point, number))
    return document


def _put(document: dict[str, Any], path: str, member: object) -> None:
    *folders, leaf = path.split(".")
    for folder in folders:
        document = document.setdefault(folder, {})
    document[leaf] = member


def _member(name: str, point: Point, number: float | None) -> object:
    if number is None:
        return point.sentinels[0] if point.sentinels else None
    if point.type == "bool":
        return number != 0
    if point.values:
        return point.values.get(int(number), f"code {number:g}")
    return int(number) if name == "heartbeat" else rounded(number, 4)


def rfc3339(utc_ns: int) -> str:
    """UTC with milliseconds, e.g. `2026-01-31T12:00:00.000Z`."""
    instant = datetime.fromtimestamp(utc_ns // 1_000_000_000, UTC)
    return f"{instant:%Y-%m-%dT%H:%M:%S}.{utc_ns // 1_000_000 % 1000:03d}Z"


class RefusedError(ValueError):
    """Why a command is not taken; `command_id` when it could be read."""

    def __init__(self, reason: str, command_id: str | None = None) -> None:
        super().__init__(reason)
        self.command_id = command_id


def read_command(payload: bytes, asset: str, utc_ns: int, retained: bool) -> dict[str, Any]:
    """A command that may be taken: `command_id`, `mode` and `active_power_kw` are sound. Raises RefusedError."""
    command = _object(payload)
    given = command.get("command_id")
    command_id = given if isinstance(given, str) and 0 < len(given) <= 200 else None
    reason = _objection(command, asset, utc_ns, retained) if command_id is not None else "command_id is missing"
    if reason is not None:
        raise RefusedError(reason, command_id)
    return command


def _object(payload: bytes) -> dict[str, Any]:
    if len(payload) > LARGEST_PAYLOAD:
        raise RefusedError("payload is too large")
    try:
        command = json.loads(payload)
    except (ValueError, RecursionError):
        raise RefusedError("payload is not JSON") from None
    if not isinstance(command, dict):
        raise RefusedError("payload is not a JSON object")
    return command


def _objection(command: dict[str, Any], asset: str, utc_ns: int, retained: bool) -> str | None:
    mode, power = command.get("mode"), _finite(command.get("active_power_kw"))
    until = _instant_ns(command.get("valid_until"))
    if retained:
        return "a command must not be retained"
    if command.get("asset_id") != asset:
        return f"asset_id is not {asset}"
    if until is None:
        return "valid_until is not an RFC 3339 time in UTC"
    if until <= utc_ns:
        return "valid_until is over"
    if not isinstance(mode, str) or mode not in MODES:
        return f"mode is not one of {', '.join(MODES)}"
    if power is None:
        return "active_power_kw is not a finite number"
    if (MODES[mode] == 0 and power != 0) or MODES[mode] * power < 0:
        return f"{power:g} kW contradicts mode {mode}"
    return None


def _finite(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:  # an integer of hundreds of digits
        return None


def _instant_ns(text: object) -> int | None:
    if not isinstance(text, str) or not text.endswith("Z"):
        return None
    try:
        instant = datetime.fromisoformat(text)
        return int(instant.timestamp() * 1000) * 1_000_000
    except (ValueError, OverflowError):
        return None


def take(profile: Profile, plant: Plant, command: dict[str, Any]) -> str | None:
    """Give a sound command to the plant. Returns why the device refuses it, or None."""
    number = float(command["active_power_kw"])
    point = profile.write.get("power", Point(unit="kW"))
    power_kw = from_device(profile, "power", point, number)
    reason = plant.refusal("power", power_kw)
    plant.write("mode", str(command["mode"]).lower()) if reason is None else None
    reactive = _finite(command.get("reactive_power_kvar"))
    if reason is None and reactive is not None and "reactive_power" in profile.write:
        plant.write("reactive_power", from_device(profile, "reactive_power", profile.write["reactive_power"], reactive))
    return plant.write("power", power_kw) or reason


def acknowledgement(command_id: str, reason: str | None, utc_ns: int) -> dict[str, Any]:
    """`{command_id, accepted, dispatched_at, reason?}`."""
    answer: dict[str, Any] = {"command_id": command_id, "accepted": reason is None, "dispatched_at": rfc3339(utc_ns)}
    return answer if reason is None else answer | {"reason": reason}
