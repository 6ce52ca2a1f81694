"""From the plant's values to a device's own numbers and back, by the profile: unit, scale, offset, sign, names.

This is the simulator's own reading of a profile, written independently of the product's, so that each catches the
other's mistakes. Engineering value = (raw · scale + offset) in `unit`; the chain's units: kW, kvar, Hz, V, A, °C, %, s.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from config.profile import Point, Profile
from simulator.plant import Plant, Reported, Says

FACTOR = {
    "": 1.0, "1": 1.0, "%": 1.0, "°C": 1.0, "s": 1.0, "ms": 1e-3, "min": 60.0,
    "W": 1e-3, "kW": 1.0, "MW": 1e3, "var": 1e-3, "kvar": 1.0, "Mvar": 1e3, "VA": 1e-3, "kVA": 1.0,
    "Wh": 1e-3, "kWh": 1.0, "MWh": 1e3,
    "mV": 1e-3, "V": 1.0, "kV": 1e3, "mA": 1e-3, "A": 1.0, "kA": 1e3, "mHz": 1e-3, "Hz": 1.0,
}  # fmt: skip
SIGNED = frozenset({"power", "reactive_power", "setpoint", "reactive_setpoint", "revert_power", "dc_current"})
NAMES = {  # what a device may call a state of ours, best first
    "discharging": ("discharging", "running", "on", "connected"),
    "charging": ("charging", "running", "on", "connected"),
    "idle": ("idle", "running", "ready", "standby", "on", "connected"),
    "fault": ("fault", "error", "tripped"),
    "off": ("off", "disconnected", "standby", "stopped"),
}
PROFILES = Path(__file__).resolve().parent.parent / "config" / "profiles"


class ProfileError(Exception):
    """A profile cannot be simulated: says which, where and why."""


def load(name: str) -> Profile:
    """The profile of this name in `config/profiles`, or the YAML file of this path. Raises ProfileError."""
    path = Path(name) if name.endswith((".yaml", ".yml")) else PROFILES / f"{name}.yaml"
    try:
        document = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
        return Profile.model_validate(document)
    except OSError as error:
        raise ProfileError(f"{path}: cannot be read: {error.strerror}") from error
    except (YAMLError, ValidationError, UnicodeDecodeError) as error:
        raise ProfileError(f"{path}: is not a profile: {error}") from error


def factor(point: Point) -> float:
    try:
        return FACTOR[point.unit]
    except KeyError:
        raise ProfileError(f"unit {point.unit!r} is not known to the simulator") from None


def direction(profile: Profile, name: str) -> float:
    """−1 where the device counts the other way round than the chain (+ = discharging, feeding in), else 1."""
    return -1.0 if name in SIGNED and profile.sign == "positive_is_charge" else 1.0


def to_device(profile: Profile, name: str, point: Point, value: float) -> float:
    """The device's number, not yet rounded to its type, for a value in the chain's unit."""
    return (direction(profile, name) * value / factor(point) - point.offset) / point.scale


def from_device(profile: Profile, name: str, point: Point, raw: float) -> float:
    """The value in the chain's unit of a device's number."""
    return direction(profile, name) * (raw * point.scale + point.offset) * factor(point)


Reader = Callable[[Says], float | None]


def reader(profile: Profile, name: str, point: Point) -> Reader:
    """How a storage device says this point: its number, or None where it has no such value."""
    if name == "heartbeat":
        return lambda says: float(says.heartbeat)
    if name in ("available", "remote"):
        yes, no = _yes_or_no(point, True), _yes_or_no(point, False)
        if name == "available":
            return lambda says: yes if says.available else no
        return lambda says: yes if says.remote else no
    if name == "alarms":
        critical, warning = alarm_bits(profile)
        named = {alarm.text.lower().replace(" ", "-"): 1 << bit for bit, alarm in profile.alarms.items()}
        named |= {text.lower(): raw for raw, text in point.values.items()}
        return lambda says: float(
            (named.get(says.fault.lower(), critical) if says.alarm else 0) | (warning if says.warm else 0)
        )
    if name == "state":
        return lambda says: _named(point, says.mode)
    gauge = _gauge(profile, name, point)
    return lambda says: gauge(says.value(name))


def read_value(profile: Profile, name: str, point: Point, reported: Reported) -> float | None:
    """The device's number of a storage device's point; None where it has no such value."""
    return reader(profile, name, point)(reported)


Metered = dict[str, float | None]


def meter_reader(profile: Profile, name: str, point: Point) -> Callable[[Metered], float | None]:
    """How a meter says this point: its number, or None where it has no such value."""
    gauge = _gauge(profile, name, point)
    return lambda metered: gauge(metered.get(name))


def meter_value(profile: Profile, name: str, point: Point, metered: Metered) -> float | None:
    """The device's number of a meter's point; None where it has no such value."""
    return meter_reader(profile, name, point)(metered)


def _gauge(profile: Profile, name: str, point: Point) -> Callable[[float | None], float | None]:
    sign, unit, offset, scale = direction(profile, name), factor(point), point.offset, point.scale
    return lambda value: None if value is None else (sign * value / unit - offset) / scale


def alarm_bits(profile: Profile) -> tuple[int, int]:
    """The bits a device raises: its first critical alarm that is no temperature's, its temperature warning."""
    critical = [bit for bit, alarm in sorted(profile.alarms.items()) if alarm.critical]
    cold = [bit for bit in critical if "temperature" not in profile.alarms[bit].text.lower()]
    warnings = [
        bit
        for bit, alarm in sorted(profile.alarms.items())
        if not alarm.critical and "over-temperature" in alarm.text.lower()
    ]
    return 1 << next(iter(cold + critical), 0), sum(1 << bit for bit in warnings[:1])


def _yes_or_no(point: Point, yes: bool) -> float:
    if yes:
        return float(point.yes[0]) if point.yes else 1.0
    others = [raw for raw in sorted(point.values) if raw not in point.yes]
    return float(others[0]) if others else (1.0 if 0 in point.yes else 0.0)


def _named(point: Point, state: str) -> float | None:
    names = {text.lower(): raw for raw, text in point.values.items()}
    for name in NAMES[state]:
        if name in names:
            return float(names[name])
    return None


def said_text(plant: Plant, name: str) -> str:
    """What the device says in words: who it is, what it does; of anything else, that it is simulated."""
    return plant.mode if name == "state" else plant.identity.get(name, "simulated")


def rounded(value: float, places: int = 6) -> float:
    """For people and JSON: no noise of binary fractions, no negative zero."""
    return round(value, places) + 0.0 if math.isfinite(value) else value
