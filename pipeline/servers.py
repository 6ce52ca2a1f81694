"""The OPC UA servers of a running process: one connection each, shared by all devices behind it.

asyncua takes half a second to import. It is imported here, and only when a definition has a device that speaks OPC UA.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from config.asset import Rated
from config.definition import Asset
from config.door import Connection as Declared
from config.profile import Profile
from config.quantity import Secret

if TYPE_CHECKING:
    from sinks.opcua.writer import OpcuaWriter
    from sources.opcua.access import Access
    from sources.opcua.connection import Connection
    from sources.opcua.device import OpcuaDevice

DAY_NS = 86_400 * 10**9
Clock = Callable[[], float]
Post = Callable[[Any], None]


@dataclass(slots=True, eq=False)
class Servers:
    """`connections` by the name under `connections:`, `devices` by id ("bess1", "site.poc", "inputs.door").

    `directory` keeps the certificate of a server that nobody else vouches for; `utc_ns` is the wall clock.
    """

    declared: dict[str, Declared]
    clock: Clock
    jitter: Callable[[], float]
    directory: Path | None
    utc_ns: Callable[[], int]
    connections: dict[str, Connection] = field(default_factory=dict)
    devices: dict[str, OpcuaDevice] = field(default_factory=dict)

    def device(self, name: str, profile: Profile, connect: str, node: str) -> OpcuaDevice:
        """The device at `node` of the server that is called `connect`."""
        from sources.opcua.device import OpcuaDevice

        connection = self._connection(connect, profile.timeout)
        self.devices[name] = OpcuaDevice(name, profile, node, connection, self.clock, self.utc_ns)
        return self.devices[name]

    def writer(self, name: str, asset: Asset, rated: Rated, post: Post) -> OpcuaWriter:
        """The writer of a device that was made before."""
        from sinks.opcua.writer import OpcuaWriter

        device = self.devices[name]
        return OpcuaWriter(device, rated, post, post, identity=asset.identity, budget=asset.write_budget)

    def contested(self) -> list[str]:
        """Connections that the other side closes again and again."""
        return [f"connections.{name}" for name, one in self.connections.items() if one.second_master()]

    async def close(self) -> None:
        for connection in self.connections.values():
            await connection.close()

    def _connection(self, name: str, timeout: float) -> Connection:
        from sources.opcua.connection import Connection

        if name not in self.connections:
            kept = None if self.directory is None else pin(self.directory, name)
            access = access_of(self.declared[name], kept, lambda: self.utc_ns() // DAY_NS)
            self.connections[name] = Connection(access, clock=self.clock, timeout=timeout, jitter=self.jitter)
        connection = self.connections[name]
        connection.timeout = min(connection.timeout, timeout)  # the most impatient device behind it
        return connection


def pin(directory: Path | str, name: str) -> Path:
    """Where the certificate of a server is kept that nobody else vouches for."""
    return Path(directory) / f"server-{name}.der"


def access_of(declared: Declared, kept: Path | None, utc_day: Callable[[], int] | None) -> Access:
    """How the server of a named connection is reached."""
    from sources.opcua.access import Access

    return Access(
        declared.url, declared.security, declared.user, _text(declared.password), _text(declared.certificate),
        _text(declared.key), declared.ca, kept, utc_day, _text(declared.user_certificate), _text(declared.user_key),
    )  # fmt: skip


def _text(secret: Secret | None) -> str | None:
    return None if secret is None else secret.reveal()
