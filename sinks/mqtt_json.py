"""Commands as JSON on the wire, and the acknowledgements that come back.

    {"command_id": "…", "timestamp": "2026-01-31T12:00:00.000Z", "asset_id": "bess1", "mode": "Discharge",
     "active_power_kw": 37.0, "reactive_power_kvar": 0.0, "valid_until": "2026-01-31T12:00:03.000Z",
     "reason": "limited by bms_discharge", "source": "Schedule"}

    {"command_id": "…", "accepted": true, "dispatched_at": "…", "reason": "…"}          the last two are optional

`reactive_power_kvar` is absent when the command has none. Power, mode and heartbeat stand at the profile's write paths,
in its unit and with its sign; what a step of a sequence writes stands beside 0 kW, at its own path.
`final` is the last clamp before the bytes: whatever the chain computed, what leaves is
finite, inside the rating, and of the direction that the mode says; NaN and every contradiction are 0 kW.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite, sqrt

import orjson

from config.definition import Rated
from config.profile import Point, Profile
from jit.codes import Mode
from operators.cut import Command
from sources.instant import format_utc
from sources.points import Scaling, scaling
from sources.strict_json import JsonError, read, shown

MAX_ACK_BYTES = 4096

_MODES = {Mode.STOP: "Stop", Mode.IDLE: "Idle", Mode.CHARGE: "Charge", Mode.DISCHARGE: "Discharge"}
_FIXED = ("command_id", "timestamp", "asset_id", "valid_until", "reason", "source", "reactive_power_kvar")
_DEFAULT_POWER = Point(path="active_power_kw", unit="kW")


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """The device's answer to the command `command_id`."""

    command_id: str
    accepted: bool
    reason: str


def final(command: Command, rated: Rated) -> tuple[Mode, float, float | None]:
    """Mode, active power (kW) and reactive power (kvar, None: not commanded) that may leave."""
    mode, power = command.mode, command.power_kw
    if mode not in _MODES or not isfinite(power):
        return Mode.STOP, 0.0, None
    low = 0.0 if mode in {Mode.STOP, Mode.IDLE, Mode.DISCHARGE} else -abs(rated.charge)
    high = 0.0 if mode in {Mode.STOP, Mode.IDLE, Mode.CHARGE} else abs(rated.discharge)
    power = min(max(power, low), high) + 0.0
    return mode, power, None if mode is Mode.STOP else _reactive(command.reactive_kvar, power, rated.apparent)


def _reactive(reactive_kvar: float, power_kw: float, apparent_kva: float | None) -> float | None:
    if not isfinite(reactive_kvar):
        return None
    if apparent_kva is None:
        return reactive_kvar
    room = sqrt(max(0.0, apparent_kva**2 - power_kw**2))
    return min(max(reactive_kvar, -room), room) + 0.0


class Encoder:
    """Commands of one asset as payloads, by its profile. Raises TypeError when the profile's write paths collide."""

    def __init__(self, profile: Profile, rated: Rated) -> None:
        self._rated = rated
        self._power = profile.write.get("power", _DEFAULT_POWER)
        self._scaling: Scaling = scaling(profile, "power", self._power)
        self._mode = profile.write.get("mode")
        self._heartbeat = profile.write.get("heartbeat")
        self._steps = {name: profile.write[name] for name in profile.steps}
        probe: dict[str, object] = dict.fromkeys(_FIXED)
        steps = (_path(point, name) for name, point in self._steps.items())
        usual = (_path(self._mode, "mode"), _path(self._power, "active_power_kw"), _path(self._heartbeat, "x"))
        for path in (*usual, *dict.fromkeys(steps)):
            _put(probe, path, None)

    def encode(self, command: Command) -> tuple[bytes, float]:
        """The payload, and the power in kW (+ = discharging) that its bytes say."""
        mode, power, reactive = final(command, self._rated)
        members: dict[str, object] = {
            "command_id": command.id,
            "timestamp": format_utc(command.issued_ns),
            "asset_id": command.asset,
            "valid_until": format_utc(command.valid_until_ns),
            "reason": command.reason,
            "source": command.source,
        }
        _put(members, _path(self._mode, "mode"), _MODES[mode])
        _put(members, _path(self._power, "active_power_kw"), float(self._scaling.raw(power)))
        if reactive is not None:
            members["reactive_power_kvar"] = reactive
        if self._heartbeat is not None:
            _put(members, _path(self._heartbeat, "heartbeat"), command.heartbeat)
        for name in command.steps if power == 0.0 else ():
            if name in self._steps:
                _put(members, _path(self._steps[name], name), self._steps[name].constant)
        return orjson.dumps(members), power


def read_acknowledgement(payload: bytes) -> Acknowledgement | str:
    """The acknowledgement, or what is wrong with it. Never raises."""
    try:
        document = read(payload, MAX_ACK_BYTES)
    except JsonError as error:
        return str(error)
    if not isinstance(document, Mapping):
        return f"expected an object, got {shown(document)}"
    command_id, accepted, reason = document.get("command_id"), document.get("accepted"), document.get("reason")
    if not isinstance(command_id, str) or not command_id:
        return f"command_id: expected a text, got {shown(command_id)}"
    if not isinstance(accepted, bool):
        return f"accepted: expected true or false, got {shown(accepted)}"
    return Acknowledgement(command_id, accepted, reason[:200] if isinstance(reason, str) else "")


def _path(point: Point | None, default: str) -> str:
    return default if point is None or point.path is None else point.path


def _put(members: dict[str, object], path: str, value: object) -> None:
    *parents, name = path.split(".")
    for parent in parents:
        below = members.setdefault(parent, {})
        if not isinstance(below, dict):
            raise TypeError(f"the write paths of a profile overlap at {parent}")
        members = below
    if name in members:
        raise TypeError(f"the write paths of a profile overlap at {name}")
    members[name] = value
