"""A real OPC UA server for storage devices, built from their profiles, with as many faces of each as are asked for.

    Plant ──► refresh(), each step ──► variables ──► any client, read or subscribed
    Plant ◄── write(point, value) ◄─── setter ◄───── any client

Guarantees: every declared point is a variable of the declared type below the face's own node, and nothing else is; only
write points can be written, with a value of exactly that type; a value that the device would refuse is refused as out
of range. A value that the device does not have is bad (sensor failure). Each new value carries its time as the source
time stamp. Of several devices, one whose cable is pulled has bad values and refuses writes. `cut` closes the listener
and every connection; `restore` listens on the same port again.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from asyncua import Server, ua
from asyncua.common.node import Node
from asyncua.server.binary_server_asyncio import BinaryServer
from asyncua.ua.uaerrors import UaStatusCodeError

from config.node import below
from config.profile import Point, Profile, TextPoint
from simulator.plant import Plant
from simulator.points import Reader, from_device, reader, to_device
from simulator.registers import RANGE

logging.getLogger("asyncua").setLevel(logging.CRITICAL + 1)  # clients come and go; what matters is in the plant
NAMESPACE = "urn:bess-pipeline:simulator"  # the first of our own: ns=2
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
VARIANT = {
    "uint16": ua.VariantType.UInt16, "int16": ua.VariantType.Int16, "uint32": ua.VariantType.UInt32,
    "int32": ua.VariantType.Int32, "uint64": ua.VariantType.UInt64, "int64": ua.VariantType.Int64,
    "float32": ua.VariantType.Float, "float64": ua.VariantType.Double, "bool": ua.VariantType.Boolean,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Face:
    """A device as one profile shows it, below `node`, e.g. `ns=2;s=ESS`; without `plant` the server's own."""

    profile: Profile
    node: str
    plant: Plant | None = None


@dataclass(slots=True)
class _Shown:
    """A variable that follows the plant, and what it shows now."""

    node: ua.NodeId
    plant: Plant
    point: Point
    read: Reader
    now: object = math.nan


class OpcuaDevice:
    """The server; `utc_ns` is its own clock. Building the standard address space takes seconds, once, in `start`."""

    def __init__(
        self, plant: Plant, faces: tuple[Face, ...], host: str, port: int, utc_ns: Callable[[], int],
        configure: Callable[[Server], Any] = lambda _server: None,
    ) -> None:  # fmt: skip
        self.plant, self.faces, self.host, self.port = plant, faces, host, port
        self._utc_ns, self._configure = utc_ns, configure
        self._server: Server | None = None
        self._listening = False
        self._shown: list[_Shown] = []
        self._texts: list[tuple[ua.NodeId, Plant, str]] = []
        self._several = len({id(face.plant or plant) for face in faces}) > 1

    @property
    def serving(self) -> bool:
        return self._listening

    async def start(self) -> None:
        """Build the server and listen. Raises OSError when the port is taken."""
        server = Server()
        await server.init()
        server.set_server_name("bess-pipeline simulator")
        server.set_endpoint(f"opc.tcp://{self.host}:{self.port}/")
        server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
        made = self._configure(server)
        if asyncio.iscoroutine(made):
            await made
        await server.register_namespace(NAMESPACE)
        for face in self.faces:
            await self._build(server, face)
        self._server = server
        await self.refresh()
        await server.start()
        gc.collect()
        gc.freeze()  # the address space stays: a collection that walks it stops the plant for half a second
        if server.bserver is not None:
            self.port = server.bserver.port
        self._listening = True

    async def stop(self) -> None:
        """End the server; it cannot be started again."""
        server, self._server, self._listening = self._server, None, False
        if server is not None:
            await server.stop()

    async def cut(self) -> None:
        """Close every connection and refuse new ones."""
        if self._server is not None and self._server.bserver is not None and self._listening:
            self._listening = False
            await self._server.bserver.stop()

    async def restore(self) -> None:
        """Listen again on the same port. Raises OSError when someone else took it."""
        server = self._server
        if server is not None and not self._listening:
            listener = BinaryServer(server.iserver, self.host, self.port, server.limits)
            listener.set_policies(server._policies)
            await listener.start()
            server.bserver, self._listening = listener, True

    async def refresh(self) -> None:
        """Bring the variables up to the plant. A frozen device keeps the page it has."""
        if self._server is None:
            return
        time = self._time()
        for shown in self._shown:
            if shown.plant.effects.frozen:
                continue
            number = None if self._lost(shown.plant) else shown.read(shown.plant)
            typed = None if number is None else _typed(shown.point, number)
            if typed != shown.now:
                shown.now = typed
                await self._server.write_attribute_value(shown.node, _value(shown.point, typed, time))
        for node, plant, name in self._texts:
            if plant.effects.frozen:
                continue
            text = ua.Variant(plant.identity[name], ua.VariantType.String)
            await self._server.write_attribute_value(node, ua.DataValue(text, SourceTimestamp=time))

    def _lost(self, plant: Plant) -> bool:
        """Behind a server that stays, for the sake of the others."""
        return self._several and plant.effects.cable

    def _time(self) -> ua.DateTime:
        now = EPOCH + timedelta(microseconds=self._utc_ns() // 1000)
        return ua.DateTime(now.year, now.month, now.day, now.hour, now.minute, now.second, now.microsecond, UTC)

    async def _build(self, server: Server, face: Face) -> None:
        root = ua.NodeId.from_string(face.node)
        parent = await server.nodes.objects.add_object(root, f"{root.NamespaceIndex}:{face.profile.title}")
        placed: dict[str, Node] = {}
        plant = face.plant or self.plant
        for name, point in face.profile.write.items():
            node = placed[str(point.node)] = await self._variable(parent, face, point)
            await node.set_writable()
            server.set_attribute_value_setter(node.nodeid, self._setter(plant, face.profile, name, point))
        for name, point in face.profile.read.items():
            if str(point.node) not in placed:
                node = await self._variable(parent, face, point)
                self._shown.append(_Shown(node.nodeid, plant, point, reader(face.profile, name, point)))
        for name, text in face.profile.identity.items():
            node = await self._variable(parent, face, text)
            self._texts.append((node.nodeid, plant, str(name)))

    async def _variable(self, parent: Node, face: Face, point: Point | TextPoint) -> Node:
        node = ua.NodeId.from_string(below(face.node, str(point.node)))
        if isinstance(point, TextPoint):
            empty = ua.Variant("", ua.VariantType.String)
        else:
            empty = ua.Variant(_typed(point, 0.0), VARIANT[point.type])
        return await parent.add_variable(node, f"{node.NamespaceIndex}:{point.node}", empty)

    def _setter(
        self, plant: Plant, profile: Profile, name: str, point: Point
    ) -> Callable[[Any, Any, ua.DataValue], None]:
        """What becomes of a value that a client writes; the variable shows what the device holds of it."""

        def setter(node: Any, attribute: Any, said: ua.DataValue) -> None:
            if self._lost(plant):
                raise UaStatusCodeError(ua.StatusCodes.BadNoCommunication)  # type: ignore[no-untyped-call]
            found = None if said.Value is None else said.Value.Value
            meant = from_device(profile, name, point, float(found)) if isinstance(found, int | float) else math.nan
            value = _mode(point, found) if name == "mode" and isinstance(found, int) else meant
            if plant.write(name, value) is not None:
                raise UaStatusCodeError(ua.StatusCodes.BadOutOfRange)  # type: ignore[no-untyped-call]
            held = plant.value("setpoint") if name == "power" else None
            shown = found if held is None else _typed(point, to_device(profile, name, point, held))
            node.attributes[attribute].value = _value(point, shown, self._time())

        return setter


def _mode(point: Point, raw: int) -> str:
    """The name of a mode: as the profile calls it, else 0 stop, 1 idle, 2 charge, 3 discharge."""
    usual = ("stop", "idle", "charge", "discharge")
    return point.values.get(raw, usual[raw] if 0 <= raw < len(usual) else "stop").lower()


def _typed(point: Point, number: float) -> bool | int | float | None:
    if point.type == "bool":
        return number != 0.0
    if point.type not in RANGE:
        return number
    low, high = RANGE[point.type]
    return max(low, min(high, round(number))) if math.isfinite(number) else None


def _value(point: Point, typed: object, time: ua.DateTime) -> ua.DataValue:
    if typed is None:
        return ua.DataValue(None, ua.StatusCode(ua.UInt32(ua.StatusCodes.BadSensorFailure)), time)
    return ua.DataValue(ua.Variant(typed, VARIANT[point.type]), SourceTimestamp=time)
