"""F06, F08, F12, F14 at an OPC UA server: status codes, time stamps, subscriptions and sessions."""

from __future__ import annotations

from typing import Any

from pipeline.simulation.faults.kind import End, nothing, put
from pipeline.simulation.world import World
from simulator.opcua_host import OpcuaHost
from simulator.opcua_station import CODES, OpcuaStation

UNCERTAIN = ("UncertainLastUsableValue", "UncertainSubstituteValue", "UncertainSensorNotAccurate", "GoodLocalOverride")
BAD = ("BadSensorFailure", "BadNotConnected", "BadNoCommunication", "BadWaitingForInitialData", "BadOutOfService")
DENIED = ("BadUserAccessDenied", "BadOutOfRange", "BadNotWritable")


def status(world: World, device: str, point: str, code: str) -> End:
    """A point goes on to have a value, and a status that says what it is worth."""
    codes = _station(world, device).codes
    codes[point] = CODES[code]

    def end() -> None:
        codes.pop(point, None)

    return end


def stamped(world: World, device: str, seconds: float) -> End:
    """The source's clock is wrong."""
    return put(_station(world, device), "ahead_s", seconds, 0.0)


def denied(world: World, device: str, code: str) -> End:
    """Nothing may be written."""
    return put(_station(world, device), "denied", code, "")


def unheard(world: World, _device: str, how: str) -> End:
    """Subscriptions say nothing any more (`quiet`), or nothing but that they live (`deaf`)."""
    return put(_server(world), how, True, False)


def sessions(world: World, _device: str, how: str) -> End:
    """The server restarts, or has forgotten all sessions."""
    server = _server(world)
    server.restart() if how == "restart" else server.forget()
    return nothing


def _server(world: World) -> OpcuaHost:
    if "opcua" not in world.parts:
        raise TypeError("no OPC UA server in this world")
    world.trace.healthy = False
    there: Any = world
    server: OpcuaHost = there.server
    return server


def _station(world: World, device: str) -> OpcuaStation:
    return _server(world).stations[f"ns=2;s={device}"]
