"""A battery at the broker in the same process: what it publishes, what it hears, and what reached the other side.

    plant ─► telemetry JSON ─► Broker ─► process        process ─► command JSON ─► Broker ─► plant, acknowledgement

`heard` and `said` are as those of a `Station`: all that the invariants know of the process. The number that its command
id ends in counts as the heartbeat: the tick of the command.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from math import isfinite
from typing import Any

from config.profile import Profile
from simulator import telemetry
from simulator.broker import Broker, Message
from simulator.lies import Lies
from simulator.mqtt import below
from simulator.plant import Plant
from simulator.points import from_device
from simulator.station import Heard, Said

REVERTS_S = 10.0  # every command carries it: `valid_until` and the declared watchdog


class MqttStation:
    """One device. `utc_ns` is its own clock, `now` the loop's (s)."""

    def __init__(
        self, broker: Broker, profile: Profile, plant: Plant, asset: str, prefix: str,
        now: Callable[[], float], utc_ns: Callable[[], int], advance: Callable[[], None],
    ) -> None:  # fmt: skip
        self.broker, self.profile, self.plant, self.asset, self.prefix = broker, profile, plant, asset, prefix
        self.lies = Lies()
        self.heard: list[Heard] = []
        self.said: list[Said] = []
        self._now, self._utc_ns, self._advance = now, utc_ns, advance
        self._page: dict[str, Any] = {}
        broker.listen(below(prefix, profile.topics.command), self._receive)

    def publish(self) -> None:
        """One telemetry message; a frozen device repeats its page."""
        self._advance()
        if not (self._page and (self.lies.frozen or self.plant.effects.frozen)):
            self._page = telemetry.storage_telemetry(self.profile, self.plant, self._utc_ns())
        page = self._page if self.lies.honest() else self._page | self._lied()
        values = self._meaning(page)
        message = Message(below(self.prefix, self.profile.topics.telemetry), json.dumps(page).encode())
        self.broker.publish(message, partial(self._note, values))

    def _note(self, values: dict[str, float | None]) -> None:
        """It has arrived: until now nobody could know it, however long it was on its way."""
        if not self.said or self.said[-1].values is not values:
            self.said.append(Said(self._now(), values))

    def _lied(self) -> dict[str, Any]:
        places = {name: point.path or name for name, point in self.profile.read.items()}
        return {place: self.lies.tells(name, self._page[place]) for name, place in places.items()}

    def _meaning(self, page: dict[str, Any]) -> dict[str, float | None]:
        values: dict[str, float | None] = {}
        for name, point in self.profile.read.items():
            found: Any = page.get(point.path or name)
            named = {text: raw for raw, text in point.values.items()}
            number = named.get(found, found) if isinstance(found, str) else found
            if isinstance(number, bool) is not bool(point.yes) or not isinstance(number, int | float):
                values[name] = None
            else:
                told = from_device(self.profile, name, point, float(number))
                values[name] = float(number in point.yes) if point.yes else told if isfinite(told) else None
        return values

    def _refusal(self) -> str | None:
        return "busy" if self.lies.busy or self.lies.exception() is not None else None

    def _receive(self, payload: bytes, retained: bool) -> None:
        self._advance()
        try:
            command = telemetry.read_command(payload, self.asset, self._utc_ns(), retained)
        except telemetry.RefusedError as refused:
            self._answer(refused.command_id, str(refused))
            return
        said: str = command["command_id"]
        kw = from_device(self.profile, "power", self.profile.write["power"], float(command["active_power_kw"]))
        tick = float(said.rpartition("-")[2])
        values: dict[str, float | str] = {"power": kw, "heartbeat": tick, "revert_after": REVERTS_S}
        discards = self.lies.drops_write()
        reason = self._refusal() or (None if discards else telemetry.take(self.profile, self.plant, command))
        self.heard.append(Heard(self._now(), self.broker.sent_s, values, taken=reason is None and not discards))
        if self.lies.rival_kw is not None:
            self.plant.write("power", self.lies.rival_kw)
        self._answer(said, reason)

    def _answer(self, command_id: str | None, reason: str | None) -> None:
        if command_id is not None:
            answer = telemetry.acknowledgement(command_id, reason, self._utc_ns())
            topic = below(self.prefix, self.profile.topics.acknowledge)
            self.broker.publish(Message(topic, json.dumps(answer).encode(), 1))
