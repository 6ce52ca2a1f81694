"""One Modbus device: its address, its profile, and the one connection that its source and its writer share.

    device = ModbusDevice("bess1", profile, "modbus-tcp://10.20.0.11:502/1", loop.time)
    source = device.source(emit)                         # sources.modbus.source, `async run()`
    writer = ModbusWriter(device, rated, emit_receipt)   # sinks.modbus, `offer(command)`, `async run()`, `async stop()`

Devices behind one gateway may be given one `connection`, for gateways that accept a single client.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from config.profile import Profile
from sources.modbus.connection import Connection
from sources.modbus.source import ModbusSource
from sources.reading import Emit


class UrlError(ValueError):
    """A `connect:` URL that names no Modbus device."""


@dataclass(frozen=True, slots=True)
class Place:
    host: str
    port: int
    unit: int


def parse_url(url: str) -> Place:
    """`modbus-tcp://host:502/1` → host, port (default 502), unit 1 to 255 (default 1). Raises `UrlError`."""
    example = "write e.g. `modbus-tcp://10.20.0.11:502/1`: host, port, unit"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or 502
    except ValueError as error:
        raise UrlError(f"`{url}`: {error}; {example}") from error
    if parts.scheme != "modbus-tcp" or not host or parts.username or parts.query or parts.fragment:
        raise UrlError(f"`{url}` is no Modbus TCP address; {example}")
    unit = parts.path.strip("/") or "1"
    if not unit.isascii() or not unit.isdigit() or not 1 <= int(unit) <= 255:
        raise UrlError(f"`{url}`: unit `{unit}` is not 1 to 255; {example}")
    return Place(host, port, int(unit))


class ModbusDevice:
    """`device_id` is the device's node id ("bess1", "site.poc"); `clock` is scheduler time (s), the loop's.

    `jitter` returns a number in [0, 1) and spreads reconnects. The connection opens when the source runs.
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
    ) -> None:
        place = parse_url(url)
        self.id, self.profile, self.clock, self.unit = device_id, profile, clock, place.unit
        self.connection = connection or Connection(
            place.host, place.port, clock=clock, timeout=profile.timeout, jitter=jitter
        )

    def source(self, emit: Emit) -> ModbusSource:
        """The cyclic source; `emit` is called in the loop's thread, once per poll."""
        return ModbusSource(self.id, self.profile, self.connection, self.unit, self.clock, emit)

    def close(self) -> None:
        """Close the connection, after the source and the writer have ended."""
        self.connection.close()
