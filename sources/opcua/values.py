"""What a server says of a node, as a value in the chain's unit, its quality and its time; and a value as it is written.

    DataValue ──► status ──► type? sentinel? ──► scale, unit, sign ──► value, quality
                    │           ├─ null, sentinel, NaN ──► NaN, MISSING
                    │           └─ another type, an array, out of the type's range ──► NaN, PROTOCOL
                    ├─ Bad ─────────────────────────────────────────► NaN, PROTOCOL
                    ├─ Uncertain: shown, never valid ───────────────► STALE, or SUBSTITUTED where it says so
                    └─ Good, but overridden by hand ────────────────► SUBSTITUTED

VALID is Good alone (reliability §1.4). Severity 3 is reserved and counts as Bad. A numeric type other than the declared
one is taken when the number fits the declared one; what is written has exactly the declared type, for servers take no
other. A source time stamp of 0 (1601) is none; one before 1970 is 1970: old. Nothing here raises on what a server says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import isfinite, isnan, nan
from typing import Protocol

from config.profile import Point, Profile, RegisterType
from jit.codes import Quality
from sources.points import Scaling, scaling
from sources.rounding import INTEGER, raw_number

_SEVERITY, _CODE = 0xC000_0000, 0xFFFF_0000
_UNCERTAIN = 0x4000_0000
_SUBSTITUTED = {0x0096_0000, 0x4091_0000}  # GoodLocalOverride, UncertainSubstituteValue
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NEVER = datetime(1601, 1, 1, tzinfo=UTC)
_LAST_NS = 2**63 - 1


class Status(Protocol):
    """A status code: `value` is its number."""

    @property
    def value(self) -> int: ...


class Held(Protocol):
    """A variant: `Value` is its content."""

    @property
    def Value(self) -> object: ...  # noqa: N802 - the standard's name


class Said(Protocol):
    """A data value as the library decodes it."""

    @property
    def Value(self) -> Held | None: ...  # noqa: N802
    @property
    def StatusCode(self) -> Status | None: ...  # noqa: N802
    @property
    def SourceTimestamp(self) -> datetime | None: ...  # noqa: N802


@dataclass(frozen=True, slots=True)
class Told:
    """A node as it was told: its value in the chain's unit, its quality, when its source says it was (UTC, ns)."""

    value: float
    quality: Quality
    stamp_ns: int | None
    raw: object = None


UNKNOWN = Told(nan, Quality.PROTOCOL, None)


@dataclass(frozen=True, slots=True)
class Reader:
    """One read point, compiled."""

    type: RegisterType
    scaling: Scaling
    texts: Mapping[str, int]

    def told(self, said: Said) -> Told:
        stamp_ns = stamp(said.SourceTimestamp)
        found = None if said.Value is None else said.Value.Value
        quality = of_status(0 if said.StatusCode is None else said.StatusCode.value)
        if quality & Quality.PROTOCOL:
            return Told(nan, quality, stamp_ns, found)
        if found is None:
            return Told(nan, Quality.MISSING, stamp_ns)
        raw = self._raw(found)
        if raw is None:
            return Told(nan, Quality.PROTOCOL, stamp_ns, found)
        value, own = self.scaling.value(raw)
        return Told(value + 0.0, quality if own == Quality.VALID else own, stamp_ns, found)

    def _raw(self, found: object) -> float | int | None:
        if isinstance(found, str):
            return self.texts.get(found)
        if isinstance(found, bool):
            return int(found) if self.type == "bool" else None
        if not isinstance(found, int | float):
            return None
        bounds = INTEGER.get(self.type)
        if bounds is None or not isfinite(found):
            return found
        return int(found) if found == int(found) and bounds[0] <= found <= bounds[1] else None


@dataclass(frozen=True, slots=True)
class Writer:
    """One write point, compiled: `raw(value)` is what is sent."""

    name: str
    type: RegisterType
    scaling: Scaling

    def raw(self, value: float) -> bool | int | float:
        """Rounded toward zero to what the type can hold. Raises ValueError on NaN."""
        if isnan(value):
            raise ValueError(f"`{self.name}`: NaN cannot be written")
        raw = raw_number(self.type, self.scaling, value)
        return bool(raw) if self.type == "bool" else raw

    def meant(self, raw: float) -> float:
        """What a number that is sent means in the chain's unit."""
        return self.scaling.value(raw)[0]


def reader(profile: Profile, name: str) -> Reader:
    """Compile a read point."""
    point: Point = profile.read[name]
    return Reader(point.type, scaling(profile, name, point), {text: number for number, text in point.values.items()})


def writer(profile: Profile, name: str) -> Writer:
    """Compile a write point."""
    point = profile.write[name]
    return Writer(name, point.type, scaling(profile, name, point))


def of_status(code: int) -> Quality:
    """The quality that a status code (32 bits) alone gives."""
    if code & _CODE in _SUBSTITUTED:
        return Quality.SUBSTITUTED
    severity = code & _SEVERITY
    if severity == 0:
        return Quality.VALID
    return Quality.STALE if severity == _UNCERTAIN else Quality.PROTOCOL


def stamp(source: datetime | None) -> int | None:
    """A source time stamp in ns since 1970, or None where there is none: 0 stands for that."""
    if source is None:
        return None
    said = source if source.tzinfo is not None else source.replace(tzinfo=UTC)
    if said <= _NEVER:
        return None
    return max(0, min((said - _EPOCH) // timedelta(microseconds=1) * 1000, _LAST_NS))
