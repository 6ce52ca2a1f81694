"""What a device says besides its telemetry: on `status` that it is not available, on `fault` that it has a fault.

    status ─► { "available": false } ─┐
    fault  ─► { "fault_status": … }  ─┴─► restrict(reading): available 0, alarm bits added        telemetry ─► reading

Guarantees: a notice only takes away. `available` becomes 0, alarm bits are added, and what a notice says that cannot be
read is unknown (PROTOCOL), which forbids; nothing here makes a value valid that telemetry did not bring, but an alarm.
A retained notice counts like any other: it says what is wrong, and being old makes that no better.

A notice stands until its topic says otherwise, or is cleared by an empty message. A *fault* also ends when telemetry
itself names the alarms, `HOLD_S` after it at the earliest: such devices publish on `fault` when one comes and nothing
when it goes. Members stand where the telemetry has them: the paths of the points `available` and `alarms`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from math import isnan

from loguru import logger

from config.profile import Profile
from jit.codes import Quality
from sources.mqtt.connection import Broker, Message
from sources.mqtt.telemetry import Decoder
from sources.reading import Reading

HOLD_S = 3.0
_POINTS = {"status": "available", "fault": "alarms"}


@dataclass(frozen=True, slots=True)
class _Notice:
    """A value (NaN: it could not be read) and when it was heard (scheduler seconds)."""

    value: float
    at_s: float


class Notices:
    """The notices of `device` on those of `topics` that are named `status` and `fault`."""

    def __init__(self, device: str, profile: Profile, topics: Mapping[str, str], broker: Broker, qos: int = 1) -> None:
        self._device = device
        self._decoder = Decoder(device, profile)
        self._place = {name: at for at, name in enumerate(self._decoder.points)}
        self._standing: dict[str, _Notice] = {}
        for name, point in _POINTS.items():
            if name in topics and point in self._place:
                broker.subscribe(topics[name], partial(self._hear, name), qos)

    def _hear(self, name: str, message: Message) -> None:
        if not message.payload:
            self._standing.pop(name, None)
            return
        reading, wrong = self._decoder.decode(message.payload, message.arrived_s)
        value = float(reading.values[self._place[_POINTS[name]]])
        before = self._standing.get(name)
        self._standing[name] = _Notice(value, message.arrived_s)
        if isnan(value) and (before is None or not isnan(before.value)):
            logger.warning("{}: what it says on {} cannot be read, {}: it counts as the worst", self._device,
                           message.topic, wrong or f"it has no `{_POINTS[name]}`")

    def restrict(self, reading: Reading) -> Reading:
        """The reading, less what the notices take away."""
        standing = [(name, self._place[_POINTS[name]], notice) for name, notice in self._standing.items()]
        if not standing:
            return reading
        values, quality = reading.values.copy(), reading.quality.copy()
        for name, at, notice in standing:
            told = bool(quality[at] & Quality.VALID)
            if name == "fault" and told and reading.arrived_s - notice.at_s >= HOLD_S:
                del self._standing[name]
            elif isnan(notice.value):
                values[at], quality[at] = notice.value, int(Quality.PROTOCOL)
            elif name == "status":
                values[at] = min(values[at], notice.value) if told else values[at]
            elif notice.value:
                values[at] = int(values[at]) | int(notice.value) if told else notice.value
                quality[at] = quality[at] if told else int(Quality.VALID)
        return replace(reading, values=values, quality=quality)
