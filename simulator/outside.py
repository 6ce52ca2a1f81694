"""Everything that connects the plants to the world, opened and closed together.

    battery 1 ─┬─ Modbus TCP: a server of its own, or a unit behind one gateway ─┐
    battery 2 ─┤  MQTT: topics of its own                                        ├─ each face shows the same plant
    battery …  ┘  OPC UA: a node of its own on one server ───────────────────────┘
    the meter: sees all of them; the next unit of the first Modbus server, or a topic
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from loguru import logger

from config.address import AddressError
from config.node import check_node
from config.profile import Profile
from simulator import build, control, mqtt, points
from simulator.modbus import ModbusDevice
from simulator.plant import Plant
from simulator.player import Player

if TYPE_CHECKING:
    from simulator.opcua import OpcuaDevice

LAST_PORT = 65_535
EARLIER_NODE = "ns=2;s=Battery"


@dataclass
class Battery:
    """One battery and its connections; servers that it shares with others are not cut for it."""

    name: str
    plant: Plant
    node: str
    topic: str
    modbus: ModbusDevice | None = None
    unit: int | None = None
    own: tuple[ModbusDevice | OpcuaDevice, ...] = ()
    link: mqtt.MqttBattery | None = None
    restarts: int = 0

    async def obey_cable(self) -> None:
        """Cut or restore the connections as the fault says; a restart drops them once."""
        cut = self.plant.effects.cable or self.plant.restarts > self.restarts
        self.restarts = self.plant.restarts
        for server in self.own:
            if server.serving == cut:
                try:
                    await (server.cut() if cut else server.restore())
                except OSError as error:
                    logger.warning("{}; trying on", error)
        if self.link is not None:
            await self.link.link.close() if cut else self.link.link.open()

    def describe(self) -> dict[str, Any]:
        """Where it is found."""
        port = None if self.modbus is None else self.modbus.port
        return {"id": self.name, "modbus_port": port, "unit": self.unit, "node": self.node, "topic": self.topic}


class Outside:
    """The plants that these options describe, and their connections. Raises what `main` reports in one line.

    The wall clock and the way to wait are handed in.
    """

    def __init__(self, options: argparse.Namespace, utc_ns: Callable[[], int], pause: mqtt.Pause) -> None:
        self._utc_ns, self._pause = utc_ns, pause
        played = build.read_scenario(options)
        self.shown = build.profiles(options)
        meter = build.of_kind(options.meter_profile, "meter")
        self.broker = None if options.broker is None else mqtt.broker(options.broker)
        self.plants = build.plants(options, self.shown, played, utc_ns() / 1e9)
        self.player = None if played is None else Player(played, self.plants, options.speed)
        if self.player is not None:
            self.player.advance(0.0)  # what begins at once is there before anybody asks
        self.batteries = [Battery(name, plant, *_places(options, name)) for name, plant in self.plants.items()]
        self.first = self.batteries[0]
        self.modbus = self._modbus(options, meter)
        self.opcua = self._opcua(options)
        self._mqtt(options)
        self.grid = self._grid(options, meter)
        for each in self.batteries:
            alone = each.modbus is not None and not each.modbus.gateway
            shared = self.opcua if len(self.batteries) == 1 else None
            each.own = tuple(s for s in (each.modbus if alone else None, shared) if s is not None)
        self.door = control.Door(control.application(self.plants, self.describe), options.control_port)

    def _speaks(self, protocol: str) -> Profile | None:
        return next((profile for profile in self.shown if profile.protocol == protocol), None)

    def _modbus(self, options: argparse.Namespace, meter: Profile) -> list[ModbusDevice]:
        profile = self._speaks("modbus")
        measured = [(self.first.plant, meter)] if meter.protocol == "modbus" else []
        if profile is None:
            return [ModbusDevice(measured, options.host, options.modbus_port)] if measured else []
        groups = [self.batteries] if options.gateway else [[each] for each in self.batteries]
        if options.modbus_port + len(groups) - 1 > LAST_PORT:
            raise points.ProfileError(f"{len(groups)} servers from port {options.modbus_port} on are too many")
        servers = []
        for number, group in enumerate(groups):
            devices = [(each.plant, profile) for each in group] + (measured if number == 0 else [])
            port = options.modbus_port + number if options.modbus_port else 0
            servers.append(ModbusDevice(devices, options.host, port))
            for unit, each in enumerate(group, start=1):
                each.modbus, each.unit = servers[-1], unit
        return servers

    def _opcua(self, options: argparse.Namespace) -> OpcuaDevice | None:
        """The batteries on OPC UA: each below its own node, the first also below that of the earlier system."""
        profile = self._speaks("opcua")
        if profile is None:
            return None
        from simulator.opcua import Face, OpcuaDevice  # half a second, for those who ask for it

        faces = {each.node: Face(profile, each.node, each.plant) for each in self.batteries}
        faces.setdefault(EARLIER_NODE, Face(points.load("opcua-simulator"), EARLIER_NODE, self.first.plant))
        where = options.host, options.opcua_port or 0
        return OpcuaDevice(self.first.plant, tuple(faces.values()), *where, self._utc_ns)

    def _mqtt(self, options: argparse.Namespace) -> None:
        profile, broker = self._speaks("mqtt"), self.broker
        if profile is None or broker is None:
            return
        for each in self.batteries:
            where = each.name, options.topic, self._utc_ns
            each.link = mqtt.MqttBattery(broker, self._pause, each.plant, profile, *where)

    def _grid(self, options: argparse.Namespace, meter: Profile) -> mqtt.Grid | None:
        if self.broker is None:
            return None
        market = None
        if options.schedule_topic:
            count = len(self.batteries)
            power, energy = 0.8 * options.power * count, options.capacity * count
            market = mqtt.Market(options.schedule_topic, options.seed, power, energy)
        return mqtt.Grid(self.broker, self._pause, self.first.plant, meter, options.meter_topic, market)

    @property
    def servers(self) -> list[ModbusDevice | OpcuaDevice]:
        return [*self.modbus, *([self.opcua] if self.opcua is not None else [])]

    def describe(self) -> dict[str, Any]:
        """Ports and connections, for the control page; of several Modbus servers the first."""
        modbus = self.modbus[0] if self.modbus else None
        return {
            "modbus": None if modbus is None else {"port": modbus.port, "serving": modbus.serving},
            "opcua": None if self.opcua is None else {"port": self.opcua.port, "serving": self.opcua.serving},
            "broker": None if self.grid is None else {"url": str(self.broker), "connected": self.grid.link.connected},
            "places": [each.describe() for each in self.batteries],
            "scenario": None if self.player is None else self.player.describe(),
        }

    def ready_line(self) -> str:
        parts = [f"modbus-tcp://{server.host}:{server.port}/1" for server in self.modbus]
        if self.opcua is not None:
            parts.insert(0, f"opc.tcp://{self.opcua.host}:{self.opcua.port}")
        source = self.first.plant.model.frequency.source
        parts += [f"control http://127.0.0.1:{self.door.port}/", f"frequency {source}"]
        if self.broker is not None:
            parts.append(f"broker {self.broker}")
        if self.player is not None:
            parts.append(f"scenario {self.player.scenario.name}")
        return "simulator ready: " + ", ".join(parts)

    def advance(self, dt: float) -> None:
        """Move every plant by `dt` seconds, after what the scenario has for them by then."""
        if self.player is not None:
            self.player.advance(dt)
        for plant in self.plants.values():
            plant.advance(dt)

    async def refresh(self) -> None:
        for each in self.batteries:
            await each.obey_cable()
        for server in self.servers:
            await server.refresh()

    def publish(self) -> None:
        now = self._utc_ns()
        for client in (self.grid, *(each.link for each in self.batteries)):
            if client is not None:
                client.publish(now)

    async def close(self) -> None:
        for client in (self.grid, *(each.link for each in self.batteries)):
            if client is not None:
                await client.link.close()
        for server in self.modbus:
            await server.cut()
        if self.opcua is not None:
            await self.opcua.stop()
        self.door.should_exit = True


def _places(options: argparse.Namespace, name: str) -> tuple[str, str]:
    """Node and topic of a battery. Raises ProfileError when several would be in one place."""
    several = options.assets > 1
    node = options.node or ("ns=2;s={asset}" if several else "ns=2;s=ESS")
    for option, place in (("--node", node), ("--topic", options.topic)):
        if several and "{asset}" not in place:
            raise points.ProfileError(f"{option} {place} is the same for every battery: write {{asset}} in it")
    try:
        return check_node(node.replace("{asset}", name)), options.topic.replace("{asset}", name)
    except AddressError as error:
        raise points.ProfileError(f"--node {node}: {error}") from None
