"""`profile try`: read a live device once, decode it, and write nothing. For a first look before a definition exists.

Modbus and OPC UA poll once; MQTT waits for one message. Values are in the chain's units, powers with their direction in
words.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from config.address import AddressError
from config.canonical import SIGNED, canonical, dimension_of
from config.profile import Profile
from config.topics import topic_of
from config.units import show
from jit.codes import Quality
from sources.modbus.device import ModbusDevice
from sources.mqtt.connection import Broker
from sources.mqtt.telemetry import Telemetry
from sources.points import point_names
from sources.reading import Reading


class TryError(RuntimeError):
    """The device did not answer, or cannot be tried; the message says why."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where the device is. `topic` is for brokers, `node` for OPC UA, `user` and `password` for both."""

    url: str
    topic: str = ""
    node: str = ""
    user: str | None = None
    password: str | None = None
    ca: Path | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """One point as it was read: NaN and a quality when it says nothing."""

    name: str
    value: float
    shown: str
    quality: str
    label: str


async def read_once(profile: Profile, target: Target, timeout_s: float) -> tuple[Seen, ...]:
    """The points of one reading. Raises `TryError`."""
    if profile.protocol == "modbus":
        reading = await _modbus(profile, target, timeout_s)
    elif profile.protocol == "mqtt":
        reading = await _mqtt(profile, target, timeout_s)
    else:
        reading = await _opcua(profile, target, timeout_s)
    return seen(profile, reading)


def seen(profile: Profile, reading: Reading) -> tuple[Seen, ...]:
    """Every point of a reading in words."""
    return tuple(
        _seen(profile, name, float(reading.values[index]), int(reading.quality[index]))
        for index, name in enumerate(point_names(profile))
    )


async def _modbus(profile: Profile, target: Target, timeout_s: float) -> Reading:
    clock = asyncio.get_running_loop().time
    device = ModbusDevice("tried", profile, target.url, clock)
    connection, source = device.connection, device.source(lambda _reading: None)
    try:
        async with asyncio.timeout(timeout_s):
            if not await connection.connect():
                raise TryError(f"nothing answers at {connection.place}")
            reading = await source.poll()
    except TimeoutError:
        raise TryError(f"no answer within {timeout_s:g} s") from None
    finally:
        connection.close()
    if source.fault and not (reading.quality != Quality.PROTOCOL).any():
        raise TryError(source.fault)
    return reading


async def _opcua(profile: Profile, target: Target, timeout_s: float) -> Reading:
    """One reading over a plain connection."""
    from sources.opcua.access import Access
    from sources.opcua.connection import Connection as Server
    from sources.opcua.device import OpcuaDevice

    if not target.node:
        raise TryError("a device on OPC UA needs `--node`")
    clock = asyncio.get_running_loop().time
    server = Server(Access(target.url, user=target.user, password=target.password), clock=clock)
    try:
        source = OpcuaDevice("tried", profile, target.node, server, clock).source(lambda _reading: None)
        async with asyncio.timeout(timeout_s):
            if not await server.connect():
                raise TryError(f"no session at {server.place}")
            reading = await source.poll()
    except TimeoutError:
        raise TryError(f"no answer within {timeout_s:g} s") from None
    except AddressError as error:
        raise TryError(f"{error}; {error.help}") from None
    finally:
        await server.close()
    if source.fault:
        raise TryError(source.fault)
    return reading


async def _mqtt(profile: Profile, target: Target, timeout_s: float) -> Reading:
    if not target.topic:
        raise TryError("a device on MQTT needs `--topic`")
    arrived: asyncio.Future[Reading] = asyncio.get_running_loop().create_future()
    broker = Broker(
        "try", target.url, client_id="bess-pipeline-try", clock=asyncio.get_running_loop().time,
        user=target.user, password=target.password, ca=target.ca,
    )  # fmt: skip
    topic = topic_of(target.topic, profile.topics.telemetry, "try")

    def first(reading: Reading) -> None:
        if not arrived.done():
            arrived.set_result(reading)

    Telemetry("tried", profile, topic, broker, first)
    running = asyncio.create_task(broker.run())
    try:
        async with asyncio.timeout(timeout_s):
            return await arrived
    except TimeoutError:
        raise TryError(f"no message on {topic} within {timeout_s:g} s") from None
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def _seen(profile: Profile, name: str, value: float, quality: int) -> Seen:
    point = profile.read[name]
    bits = ", ".join(bit.name.lower() for bit in Quality if quality & int(bit) and bit.name) or "valid"
    return Seen(name, value, _words(profile, name, value), bits, point.label)


def _words(profile: Profile, name: str, value: float) -> str:
    if value != value:
        return "-"
    point = profile.read[name]
    if point.values and int(value) in point.values and not point.yes:
        return f"{int(value)} ({point.values[int(value)]})"
    if point.yes:
        return "yes" if value else "no"
    known = canonical(profile.kind)
    dimension = known[name] if name in known else dimension_of(point.unit)
    if dimension is None:
        return f"{value:g}"
    if name not in SIGNED:
        return show(round(value, 6), dimension)
    ways = ("discharging", "charging") if profile.kind == "storage" else ("feeding in", "drawing")
    way = "" if value == 0 else f" {ways[0] if value > 0 else ways[1]}"
    return f"{show(abs(round(value, 6)), dimension)}{way}"
