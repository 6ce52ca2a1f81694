"""The world with batteries behind an OPC UA server: production source, proving, writer and connection, virtual time.

    with OpcuaWorld(opcua_definition(2), tmp_path, profile=opcua_storage()) as world:
        KINDS["uncertain"].begin(world, "b1", point="soc", code="UncertainLastUsableValue")
        world.run(10.0).verify()

While it lives, connections open sessions with the server in memory (`opcua_session.py`). The meter
stays on Modbus.
"""

from __future__ import annotations

from functools import partial
from types import TracebackType
from typing import Any, Self

from config.definition import Definition
from config.profile import Profile
from pipeline.simulation.net import stream
from pipeline.simulation.opcua_session import OpcuaSession
from pipeline.simulation.site import STORAGE, definition
from pipeline.simulation.world import World
from simulator.opcua_host import OpcuaHost
from simulator.opcua_station import OpcuaStation
from simulator.plant import Plant
from simulator.station import Station
from sources.opcua.connection import Connection
from sources.opcua.session import Session

AT = ("plc", 4840)
YES_NO = ("available", "remote")
#: A connection that died without a word: two reads without an answer, a back-off, a step of opening that finds nobody.
RECOVERS_S = 20.0


def opcua_storage() -> Profile:
    """The storage of the Modbus world, with nodes instead of registers. The counter goes before the power."""
    read: dict[str, Any] = {
        name: {"node": name, "type": "uint32" if name in ("alarms", "heartbeat") else "float64",
               "unit": "kW" if unit == "W" else unit}
        for name, _, unit, _ in STORAGE
    }  # fmt: skip
    read |= {name: {"node": name, "type": "bool", "yes": [1]} for name in YES_NO}
    power = {"node": "power_request", "type": "float64", "unit": "kW"}
    return Profile.model_validate(
        {
            "name": "world-opcua-storage",
            "version": 1,
            "protocol": "opcua",
            "kind": "storage",
            "sign": "positive_is_discharge",
            "stamp": "heartbeat",
            "read": read,
            "write": {"heartbeat": {"node": "counter", "type": "uint32"}, "power": power},
            "write_order": ["heartbeat", "power"],
            "fresh_by": "heartbeat",
            "poll": "500 ms",
            "timeout": "300 ms",
            "alarms": {0: {"text": "fire", "critical": True}, 1: {"text": "fan"}},
            "watchdog": {"point": "power", "every": "1 s", "reverts_after": "10 s", "reverts_to": "0 kW"},
            "response": {"dead_time": "200 ms", "lag": "300 ms"},
            "resolution": "100 W",
        }
    )


def opcua_definition(assets: int = 1, **changes: Any) -> Definition:
    connections = {"plc": {"url": "opc.tcp://plc:4840", "security": "None"}}
    asset = {"profile": "world-opcua-storage", "connect": "plc", "node": "ns=2;s=b{}"}
    return definition(assets, asset=asset, connections=connections, **changes)


class OpcuaWorld(World):
    """`server` is the one that all batteries are behind; its line is `net.lines[AT]`."""

    server: OpcuaHost
    parts = frozenset({"opcua"})

    def __enter__(self) -> Self:
        Connection.opens = partial(OpcuaSession, self.server)  # type: ignore[assignment]  # all that is asked of one
        self.trace.recovers_s = RECOVERS_S
        return super().__enter__()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        super().__exit__(kind, error, trace)
        Connection.opens = Session

    def _station(self, name: str, profile: Profile, plant: Plant) -> Station:
        if profile.protocol != "opcua":
            return super()._station(name, profile, plant)
        if AT not in self.net.lines:
            self.server = OpcuaHost(self.loop.time, self.loop.call_later)
            self.net.plug_broker(*AT, self.server)
        plant.feeds, self.hosts[name] = frozenset(("power",)), AT
        root = f"ns=2;s={name}"
        station = OpcuaStation(profile, plant, root, self.loop.time, self.true_ns, self.advance)
        station.lies.rng = stream(self.seed, f"lies {name}")
        self.server.stations[root] = station
        return station  # type: ignore[return-value]  # the trace and the faults ask for the same members
