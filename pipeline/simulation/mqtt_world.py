"""The world with batteries on MQTT: production client, virtual streams, a broker on bytes, and what goes wrong with it.

    with MqttWorld(mqtt_definition(), tmp_path, profile=mqtt_storage()) as world:
        world.schedule(80.0)
        world.run(20.0).broker.restart(forget=True)
        world.run(20.0).verify()

The meter stays on Modbus. The client library measures its keep-alive on a clock of its own: while the world lives,
that is the world's, so that pings are due and a connection that is dead without a word is given up.
"""

from __future__ import annotations

import time
from types import SimpleNamespace, TracebackType
from typing import Any, Self

from gmqtt.mqtt import connection, handler, protocol

from config.definition import Definition
from config.profile import Profile
from pipeline.simulation.line import Line
from pipeline.simulation.net import stream
from pipeline.simulation.site import STORAGE, definition
from pipeline.simulation.world import World
from simulator.broker import Broker, Message
from simulator.mqtt_station import MqttStation
from simulator.plant import Plant
from simulator.station import Station

PUBLISH_S = 0.5
YES_NO = ("available", "remote")
#: A connection that died without a word is given up after two keep-alive times of 5 s, looked at every 2.5 s; whoever
#: was thrown out steps back for 10 s; a session so short that no command was written in it may have given permission,
#: which then waits for a minute (L3). After that as long as over Modbus.
RECOVERS_S = 12.5 + 10.0 + 60.0 + 10.0
TELL_TIME = (connection, handler, protocol)  # the library's modules that read the machine's clock


def mqtt_storage() -> Profile:
    """The storage of the Modbus world, with members of a JSON document instead of registers."""
    read: dict[str, Any] = {name: {"path": name, "unit": "kW" if unit == "W" else unit} for name, _, unit, _ in STORAGE}
    read |= {name: {"path": name, "type": "bool", "yes": [1]} for name in YES_NO}
    return Profile.model_validate(
        {
            "name": "world-mqtt-storage",
            "version": 1,
            "protocol": "mqtt",
            "kind": "storage",
            "sign": "positive_is_discharge",
            "stamp": "timestamp",
            "read": read,
            "write": {"power": {"path": "active_power_kw", "unit": "kW"}, "mode": {"path": "mode"}},
            "write_order": ["power", "mode"],
            "fresh_by": "heartbeat",
            "poll": f"{PUBLISH_S:g} s",
            "alarms": {0: {"text": "fire", "critical": True}, 1: {"text": "fan"}},
            "watchdog": {"point": "power", "every": "1 s", "reverts_after": "10 s", "reverts_to": "0 kW"},
            "response": {"dead_time": "200 ms", "lag": "300 ms"},
            "resolution": "100 W",
        }
    )


def mqtt_definition(assets: int = 1, **changes: Any) -> Definition:
    connections = {"broker": {"url": "mqtt://broker:1883"}}
    asset = {"profile": "world-mqtt-storage", "connect": "broker"}
    return definition(assets, asset=asset, connections=connections, **changes)


class MqttWorld(World):
    """`broker` is the one that all batteries are at; its line is `net.lines["broker", 1883]`."""

    broker: Broker
    parts = frozenset({"broker"})

    def __enter__(self) -> Self:
        for module in TELL_TIME:
            module.time = SimpleNamespace(monotonic=self.loop.time)
        self.trace.recovers_s = RECOVERS_S
        return super().__enter__()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        super().__exit__(kind, error, trace)
        for module in TELL_TIME:
            module.time = time

    def _station(self, name: str, profile: Profile, plant: Plant) -> Station:
        if profile.protocol != "mqtt":
            return super()._station(name, profile, plant)
        if ("broker", 1883) not in self.net.lines:
            self.broker = Broker()
            self.net.plug_broker("broker", 1883, self.broker)
        plant.feeds, self.hosts[name] = frozenset(("power",)), ("broker", 1883)
        station = MqttStation(
            self.broker, profile, plant, name, f"battery/{name}", self.loop.time, self.true_ns, self.advance
        )
        station.lies.rng = stream(self.seed, f"lies {name}")
        self.loop.call_later(PUBLISH_S, self._publish, station)
        return station  # type: ignore[return-value]  # the trace and the faults ask for the same members

    def _publish(self, station: MqttStation) -> None:
        station.publish()
        self.loop.call_later(PUBLISH_S, self._publish, station)

    @property
    def line_of_broker(self) -> Line:
        """The way to the broker, to be spoiled."""
        return self.line("b1")

    def junk(self, topic: str, payload: bytes) -> None:
        """Something old that the broker keeps and gives to whoever subscribes."""
        self.broker.retained[topic] = Message(topic, payload, 1, retain=True)
