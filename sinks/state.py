"""The output `state`: what the chain saw and decided, published for others to read. It commands nothing.

    <topic>/state              retained: {"online": true, …site…}; when we vanish the broker says {"online": false}
    <topic>/snapshot/<asset>   telemetry, quality and band        <topic>/command/<asset>   a copy of the command
    <topic>/decision/<asset>   the decision trace                 <topic>/alarms            the list of alarms
    <topic>/points/<asset>/<point>   one value with unit, validity and age, in its own interval (a meter: `site.poc`)

* It can never publish on a topic of a device: a `topic` inside one is refused when the output is made, every single
  topic again before it is published, and the connection refuses command topics besides.
* Only `state` is retained: a copy of an old command must not look like one to whoever connects later.
* Newest wins per topic; each topic is published at most once per `every_s`; nothing piles up while the broker is away.

Documents are the JSON of the websocket's topics (`site`, `assets.*`, `decisions.*`, `alarms`); NaN becomes null.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Literal

import orjson
from loguru import logger

from sinks.due import Due, Shown
from sources.mqtt.connection import Broker
from sources.pause import pause

Kind = Literal["snapshot", "decision", "command", "alarms"]
Document = Mapping[str, object] | list[object]

OFFLINE = orjson.dumps({"online": False})
_JSON = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS


class StateOutputError(ValueError):
    """An output that would publish on a device's topic."""


class StateOutput:
    """The output `name` below `topic`. `device_topics` are all topics of all devices. `run()` must run.

    It sets the connection's last will: give every output of this kind a `Broker` of its own.
    """

    def __init__(
        self,
        name: str,
        broker: Broker,
        topic: str,
        *,
        device_topics: Collection[str],
        publish: Collection[Kind] = ("snapshot", "decision", "command", "alarms"),
        every_s: float = 1.0,
        qos: int = 0,
        points: Mapping[str, float] | None = None,
        clock: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self._devices = frozenset(topic.strip("/") for topic in device_topics)
        self._topic = topic.strip("/")
        if not self._topic or self._is_device_topic(f"{self._topic}/state"):
            raise StateOutputError(f"output {name}: {topic!r} is a topic of a device; an output can only publish")
        self.name = name
        self.published = 0
        self.refused = 0
        self._broker = broker
        self._publish = frozenset(publish)
        self._every_s, self._qos = every_s, qos
        self._due = Due(points or {}, clock)
        self._newest: dict[str, Document] = {}
        self._state: Mapping[str, object] = {}
        self._asked: Callable[[], Iterator[object]] | None = None
        self._connects = 0
        broker.last_will(f"{self._topic}/state", OFFLINE)

    def offer(self, kind: Kind, asset: str | None, document: Document) -> None:
        """Publish `document` next time, unless a newer one of the same kind and asset comes first."""
        if kind in self._publish:
            self._newest["/".join(part for part in (self._topic, kind, asset) if part)] = document

    def offer_points(self, points_of: Shown, at: object) -> None:
        """Publish the points whose interval is over; `points_of` tells those of an asset, `at` is their instant."""
        for asset, name, entry in self._due.cut(points_of, at):
            self._newest[f"{self._topic}/points/{asset}/{name}"] = entry

    @property
    def status(self) -> dict[str, object]:
        """How this target is doing, for `/health`."""
        connected = self._broker.connected
        return {"status": "ok" if connected else "lost", "published": self.published, "refused": self.refused}

    def offer_state(self, site: Mapping[str, object]) -> None:
        """The site's state, retained."""
        self._state = site
        self._newest[f"{self._topic}/state"] = {"online": True, **site}

    def ask(self, offers: Callable[[], Iterator[object]]) -> None:
        """Run through `offers` before the next publication: what is published once a second is not cut in every tick.

        Every step of it offers a few documents; between two steps the loop is free, for a tick above all.
        """
        self._asked = offers

    async def run(self) -> None:
        """Publish what was offered, every `every_s`, until cancelled."""
        while True:
            await self._take()
            self.flush()
            await pause(self._every_s)

    async def _take(self) -> None:
        if self._asked is None or not self._broker.connected:
            return
        offers, self._asked = self._asked, None
        for _ in offers():
            await pause(0)

    def flush(self) -> None:
        """Publish the newest documents now; while the broker is away they wait, newest only."""
        if not self._broker.connected:
            return
        if self._connects != self._broker.counters.connects:  # the will may have said that we are gone
            self._connects = self._broker.counters.connects
            self.offer_state(self._state)
        offered, self._newest = self._newest, {}
        for topic, document in offered.items():
            self._send(topic, document)

    async def close(self) -> None:
        """Say that we go; the broker's `close` delivers it."""
        self._newest.clear()
        self._broker.publish(f"{self._topic}/state", OFFLINE, qos=1, retain=True)

    def _send(self, topic: str, document: Document) -> None:
        if self._is_device_topic(topic):
            self._refuse(topic, "a topic of a device")
            return
        try:
            payload = orjson.dumps(document, option=_JSON)
        except (TypeError, ValueError) as error:
            self._refuse(topic, str(error))
            return
        retained = topic == f"{self._topic}/state"
        if self._broker.publish(topic, payload, qos=1 if retained else self._qos, retain=retained):
            self.published += 1
        else:
            self._refuse(topic, "refused by the connection")

    def _is_device_topic(self, topic: str) -> bool:
        return any(topic == device or topic.startswith(f"{device}/") for device in self._devices)

    def _refuse(self, topic: str, why: str) -> None:
        self.refused += 1
        if self.refused == 1:
            logger.error("output {}: {} is not published: {}", self.name, topic, why)
