"""What the write points of a Modbus device are to hold for a command, in the chain's units.

The power is clamped to ± the rating in the instruction that encodes it; what is not a finite number is 0 kW.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import isfinite, nan

from config.canonical import dimension_of
from config.definition import Rated
from config.profile import Point, Profile
from jit.codes import Mode
from operators.cut import Command
from sources.modbus.codec import Codec

_MODE_NUMBER = {Mode.STOP: 0, Mode.IDLE: 1, Mode.CHARGE: 2, Mode.DISCHARGE: 3}


def clamp(value: float, low: float, high: float) -> float:
    """The final clamp (LH-SAFE-007): into [low, high], and 0 for what is not a finite number."""
    return min(max(value, low), high) if isfinite(value) else 0.0


@dataclass(frozen=True, slots=True)
class Values:
    """The values of one device's write points. `constants` by name, `modes` and `heartbeats` as its registers count."""

    rated: Rated
    constants: dict[str, float] = field(repr=False)  # one of them may be a secret
    modes: dict[Mode, int]
    heartbeats: int
    same: dict[str, str]  # second registers of a value, by name

    @classmethod
    def of(cls, profile: Profile, rated: Rated, password: float | None = None) -> Values:
        """`password`: what the write point that is a secret is to hold; without one it is never written."""
        constants = {name: constant(p) for name, p in profile.write.items() if p.constant is not None}
        constants |= {name: nan if password is None else password for name, p in profile.write.items() if p.secret}
        if rated.apparent is None and profile.ratings is not None:
            rated = rated.model_copy(update={"apparent": profile.ratings.apparent})
        same: dict[str, str] = {name: p.of for name, p in profile.write.items() if p.of is not None}
        return cls(rated, constants, _mode_numbers(profile), _period(profile.write.get("heartbeat")), same)

    def power_kw(self, command: Command) -> float:
        return clamp(command.power_kw, -self.rated.charge, self.rated.discharge)

    def of_point(self, command: Command, power_kw: float, name: str) -> float:
        """What the write point `name` is to hold."""
        if name in self.constants:
            return self.constants[name]
        name = self.same.get(name, name)
        if name == "power":
            return clamp(power_kw, -self.rated.charge, self.rated.discharge)
        if name == "reactive_power":
            apparent = self.rated.apparent or 0.0
            return clamp(command.reactive_kvar, -apparent, apparent)
        if name == "mode":
            return float(self.modes.get(command.mode, self.modes[Mode.STOP]))
        return float(command.heartbeat % self.heartbeats)


def constant(point: Point) -> float:
    """A constant in the chain's unit."""
    dimension = dimension_of(point.unit)
    factor = dimension.units[point.unit] if dimension is not None else Fraction(1)
    return float(Fraction(repr(point.constant)) * factor)


def said(points: Sequence[Codec], words: list[int], name: str) -> float | None:
    """The value that the words of a run say for the point `name`, or None when the run does not carry it."""
    start = 0
    for point in points:
        if point.name == name:
            return point.decode(words[start : start + point.words])[0]
        start += point.words
    return None


def _mode_numbers(profile: Profile) -> dict[Mode, int]:
    """Numbers of the modes: by the names that the profile gives them, else 0 stop, 1 idle, 2 charge, 3 discharge."""
    point = profile.write.get("mode")
    named = {text.lower(): number for number, text in point.values.items()} if point is not None else {}
    return {mode: named.get(mode.name.lower(), number) for mode, number in _MODE_NUMBER.items()}


def _period(heartbeat: Point | None) -> int:
    """After how many ticks a heartbeat starts over: what its type can count exactly."""
    if heartbeat is None or heartbeat.type.startswith("float"):
        return 2**24
    bits = 1 if heartbeat.type == "bool" else 16 * heartbeat.words - (not heartbeat.type.startswith("u"))
    return int(2 ** min(bits, 53))
