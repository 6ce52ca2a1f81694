"""The world with batteries on MQTT: production client, virtual streams, a broker on bytes, and what goes wrong with it.

    with MqttWorld(mqtt_definition(), tmp_path, profile=mqtt_storage()) as world:
        world.schedule(80.0)
        world.run(20.0).broker.restart(forget=True)
        world.run(20.0).verify()

The meter stays on Modbus. The client library measures its keep-alive on the machine's clock, which stands still here:
no ping is ever due, and a dead connection is noticed by the values that age.
"""

from __future__ import annotations

from typing import Any

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

    def _station(self, name: str, profile: Profile, plant: Plant) -> Station:
        if profile.protocol != "mqtt":
            return super()._station(name, profile, plant)
        if ("broker", 1883) not in self.net.lines:
            self.broker = Broker()
            self.net.plug_broker("broker", 1883, self.broker)
        plant.feeds = "power"
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
        self.trace.healthy = False
        return self.net.lines["broker", 1883]

    def junk(self, topic: str, payload: bytes) -> None:
        """Something old that the broker keeps and gives to whoever subscribes."""
        self.broker.publish(Message(topic, payload, 1, retain=True))
