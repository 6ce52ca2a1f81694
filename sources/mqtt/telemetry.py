"""Telemetry as JSON: one message of a device becomes one `Reading`.

    payload ──► strict JSON object ──► member at `path` ──► type? sentinel? ──► scale, unit, sign ──► value, VALID
                     │                      ├─ absent, null, sentinel ──► NaN, MISSING
                     │                      └─ another type, not finite, a text not listed ──► NaN, PROTOCOL
                     └─ not JSON, too large, not an object ──► all NaN, PROTOCOL

Guarantees: a point is VALID only if its member was there, of the declared type, and finite; nothing is ever 0 because
it was missing; nothing here raises on what arrived. A retained message is shown but never VALID: its points carry
RETAINED, because nobody knows how old it is. A time stamp that cannot be read takes VALID from all points (TIME); an
absent one is no time stamp, and the age counts from the arrival. Ranges, and time stamps in the future or too old, are
`validate`'s.

Types: `bool` takes true, false, 0, 1; integers take whole numbers of their range; floats take numbers. A text is taken
only by a point with `values`, and stands for the number listed there. Units and signs: `sources.points`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import isfinite, nan
from typing import Protocol

import numpy as np
from loguru import logger

from config.profile import Point, Profile
from jit.codes import Quality
from sources.complaint import Complaints
from sources.instant import parse_utc
from sources.mqtt.connection import Broker, Message
from sources.points import Scaling, point_names, scaling
from sources.reading import Emit, Reading, lost
from sources.strict_json import JsonError, read, shown

MAX_BYTES = 64 * 1024

_ABSENT = object()
_WHOLE = {
    "uint16": (0, 2**16 - 1),
    "int16": (-(2**15), 2**15 - 1),
    "uint32": (0, 2**32 - 1),
    "int32": (-(2**31), 2**31 - 1),
    "uint64": (0, 2**64 - 1),
    "int64": (-(2**63), 2**63 - 1),
}
_UNIT_NS = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1_000, "ns": 1}
_Result = tuple[float, Quality]
_MISSING: _Result = (nan, Quality.MISSING)
_PROTOCOL: _Result = (nan, Quality.PROTOCOL)


class ProfileError(ValueError):
    """A profile that cannot be used over MQTT, and which point is at fault."""


@dataclass(frozen=True, slots=True)
class _Member:
    """Where one point is and how its member becomes a value."""

    path: tuple[str, ...]
    point: Point
    scaling: Scaling
    texts: Mapping[str, int]

    def result(self, document: object) -> _Result:
        found = member(document, self.path)
        if found is _ABSENT or found is None:
            return _MISSING
        raw = self._raw(found)
        if raw is None:
            return _PROTOCOL
        value, quality = self.scaling.value(raw)
        return value + 0.0, quality

    def _raw(self, found: object) -> float | int | None:
        if isinstance(found, str):
            return self.texts.get(found)
        if isinstance(found, bool):
            return int(found) if self.point.type == "bool" else None
        if not isinstance(found, int | float) or not _is_finite(found):
            return None
        if self.point.type == "bool":
            return found if found in {0, 1} else None
        bounds = _WHOLE.get(self.point.type)
        if bounds is None:
            return found
        return int(found) if found == int(found) and bounds[0] <= found <= bounds[1] else None


class Notices(Protocol):
    """What else the device says about itself, and what of a reading that leaves (`sources.mqtt.notices`)."""

    def restrict(self, reading: Reading) -> Reading: ...


class Decoder:
    """What a profile says about a device's JSON, ready to decode. Raises `ProfileError` for a point without a path."""

    def __init__(self, device: str, profile: Profile, max_bytes: int = MAX_BYTES) -> None:
        self.device = device
        self.points = point_names(profile)
        self.max_bytes = max_bytes
        self._members = tuple(_member(profile, name) for name in self.points)
        self._stamp = None if profile.stamp is None else tuple(profile.stamp.split("."))
        self._unit_ns = _UNIT_NS.get(profile.stamp_unit or "", 0)

    def decode(self, payload: bytes, arrived_s: float, retained: bool = False) -> tuple[Reading, str]:
        """The reading of one message, and what is wrong with the message as a whole ("" if nothing)."""
        try:
            document = read(payload, self.max_bytes)
        except JsonError as error:
            return lost(self.device, arrived_s, len(self.points)), str(error)
        if not isinstance(document, dict):
            return lost(self.device, arrived_s, len(self.points)), f"expected an object, got {shown(document)}"
        results = [member.result(document) for member in self._members]
        values = np.array([value for value, _ in results], np.float64)
        quality = np.array([int(bits) for _, bits in results], np.int64)
        stamp_ns, wrong = self._stamp_of(document)
        if wrong:
            quality = _instead_of_valid(quality, Quality.TIME)
        if retained:
            quality = _instead_of_valid(quality, Quality.RETAINED)
        return Reading(self.device, arrived_s, values, quality, stamp_ns), wrong

    def _stamp_of(self, document: object) -> tuple[int | None, str]:
        found = _ABSENT if self._stamp is None else member(document, self._stamp)
        if found is _ABSENT or found is None:
            return None, ""
        if self._unit_ns:
            return self._counted(found)
        text = found if isinstance(found, str) else ""
        try:
            return parse_utc(f"{text[:-6]}Z" if text.endswith("+00:00") else text), ""
        except ValueError as error:
            return None, f"time stamp {shown(found)}: {error}"


    def _counted(self, found: object) -> tuple[int | None, str]:
        if isinstance(found, bool) or not isinstance(found, int | float) or not _is_finite(found):
            return None, f"time stamp {shown(found)}: expected a number"
        ns = found * self._unit_ns if isinstance(found, int) else int(Decimal(repr(found)) * self._unit_ns)
        return (ns, "") if 0 <= ns < 2**63 else (None, f"time stamp {shown(found)}: not since 1970 in this unit")


class Telemetry:
    """A device's telemetry topic as a source: every message on `topic` is emitted as one `Reading`.

    A message that cannot be read is emitted as PROTOCOL and logged in one line when it begins and when the reason
    changes. Silence is not reported: the values age, and `snapshot` calls them stale.
    """

    def __init__(
        self, device: str, profile: Profile, topic: str, broker: Broker, emit: Emit, max_bytes: int = MAX_BYTES,
        *, qos: int = 1, notices: Notices | None = None,
    ) -> None:  # fmt: skip
        self.topic = topic
        self.refused = 0
        self._decoder = Decoder(device, profile, max_bytes)
        self._emit = emit
        self._complaints = Complaints(lambda wrong: logger.warning("{}: telemetry on {}: {}", device, topic, wrong))
        self._notices = notices
        broker.subscribe(topic, self.receive, qos)

    @property
    def points(self) -> tuple[str, ...]:
        """Names of the points in the order of `Reading.values`."""
        return self._decoder.points

    def receive(self, message: Message) -> None:
        reading, wrong = self._decoder.decode(message.payload, message.arrived_s, message.retained)
        if wrong:
            self.refused += 1
            self._complaints.wrong(wrong)
        else:
            self._complaints.well()
        self._emit(reading if self._notices is None else self._notices.restrict(reading))


def _member(profile: Profile, name: str) -> _Member:
    point = profile.read[name]
    if not point.path:
        raise ProfileError(f"profile {profile.name}: the point {name} has no path")
    texts = {text: number for number, text in point.values.items()}
    return _Member(tuple(point.path.split(".")), point, scaling(profile, name, point), texts)


def member(document: object, path: Sequence[str]) -> object:
    """The member at `path`, `_ABSENT` if it is not there. A list's members are its places, from 0."""
    found = document
    for name in path:
        if isinstance(found, list) and name.isdecimal() and int(name) < len(found):
            found = found[int(name)]
        elif isinstance(found, dict) and name in found:
            found = found[name]
        else:
            return _ABSENT
    return found


def _is_finite(number: float) -> bool:
    try:
        return isfinite(number)
    except OverflowError:  # an integer beyond float64
        return False


def _instead_of_valid(quality: np.typing.NDArray[np.int64], bit: Quality) -> np.typing.NDArray[np.int64]:
    return (quality & ~int(Quality.VALID)) | int(bit)
