"""One Modbus device: its address, its profile, and the one connection that its source and its writer share.

    device = ModbusDevice("bess1", profile, "modbus-tcp://10.20.0.11:502/1", loop.time)
    source = device.source(emit)                         # sources.modbus.source, `async run()`
    writer = ModbusWriter(device, rated, emit_receipt)   # sinks.modbus.writer, `offer`, `async run()`, `async stop()`

Devices behind one gateway are given one `connection`: many accept a single client, and share the line behind them.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Protocol

from config.address import MODBUS, AddressError, parse_url
from config.asset import Identity
from config.profile import Profile
from sources.identity import wanted
from sources.modbus.connection import Connection
from sources.modbus.expected import Expected
from sources.modbus.saying import Saying
from sources.modbus.seeking import Seeking
from sources.modbus.source import ModbusSource
from sources.reading import Emit
from sources.said import Said


class Link(Protocol):
    """What makes the connection to a host: a socket, or in a simulation bytes in memory."""

    def __call__(
        self, host: str, port: int, *, clock: Callable[[], float], timeout: float, jitter: Callable[[], float]
    ) -> Connection: ...


class ModbusDevice:
    """`device_id` is the device's node id ("bess1", "site.poc"); `clock` is scheduler time (s), the loop's.

    `jitter` returns a number in [0, 1) and spreads reconnects. The connection opens when the source runs.
    Where `url` names several units, the one that the profile `expects` and whose texts are `identity` is the device.
    `tls` is for `modbus-tls://`, which verifies the device. Raises `AddressError` when `url` is not
    `modbus-tcp://host:port/unit`.
    """

    def __init__(
        self,
        device_id: str,
        profile: Profile,
        url: str,
        clock: Callable[[], float],
        *,
        jitter: Callable[[], float] = lambda: 0.5,
        connection: Connection | None = None,
        link: Link = Connection,
        identity: Identity | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        place = parse_url(url)
        if place.scheme not in MODBUS or (place.scheme == "modbus-tls") != (tls is not None):
            raise AddressError("E212", f"`{device_id}` is a Modbus device", "write `modbus-tcp://host:502/1`")
        self.id, self.profile, self.clock = device_id, profile, clock
        self.connection = connection or link(
            place.host, place.port, clock=clock, timeout=profile.timeout, jitter=jitter
        )
        if connection is None:  # else it has that of the first device behind its port
            self.connection.tls = tls
        self.unit = self.connection.stand_in() if place.units else place.unit
        self.connection.join(self.unit, profile.timeout)
        self.seeking = Seeking(profile, self.connection, self.unit, place.units, wanted(identity), clock)
        self.said = Said(profile)
        self.expected = Expected(profile, self.connection, self.unit, clock)

    def source(self, emit: Emit) -> ModbusSource:
        """The cyclic source; `emit` is called in the loop's thread, once per poll."""
        return ModbusSource(
            self.id, self.profile, self.connection, self.unit, self.clock, emit, self.expected, self.seeking,
            Saying(self.profile, self.connection, self.unit, self.clock, self.said),
        )  # fmt: skip

    def close(self) -> None:
        """Close the connection, after the source and the writer have ended."""
        self.connection.close()
