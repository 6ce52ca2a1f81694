"""One device behind an OPC UA server: its node, its profile, and the connection that it may share with others.

    device = OpcuaDevice("bess1", profile, "ns=2;s=ESS", connection, loop.time)
    source = device.source(emit)                       # sources.opcua.source, `async run()`
    writer = OpcuaWriter(device, rated, emit_receipt)  # sinks.opcua.writer, `offer`, `async run()`, `async stop()`
"""

from __future__ import annotations

from collections.abc import Callable

from config.node import below
from config.profile import Profile
from sources.opcua.connection import Connection
from sources.opcua.source import OpcuaSource
from sources.reading import Emit


class OpcuaDevice:
    """`device_id` is the device's node id in the graph ("bess1", "site.poc"); `node` its own at the server.

    `clock` is scheduler time (s), the loop's; `utc_ns` tells which time stamps are in the future. The connection is
    kept by its own job. Raises `AddressError` for a node that is none.
    """

    def __init__(
        self, device_id: str, profile: Profile, node: str, connection: Connection, clock: Callable[[], float],
        utc_ns: Callable[[], int] | None = None,
    ) -> None:  # fmt: skip
        self.id, self.profile, self.clock, self.connection = device_id, profile, clock, connection
        self._utc_ns = utc_ns
        self.read = {name: below(node, str(point.node)) for name, point in profile.read.items()}
        self.write = {name: below(node, str(point.node)) for name, point in profile.write.items()}
        self.identity = {str(name): below(node, str(point.node)) for name, point in profile.identity.items()}

    def source(self, emit: Emit) -> OpcuaSource:
        """The source; `emit` is called in the loop's thread, at every change and at least once per poll."""
        return OpcuaSource(self.id, self.profile, self.read, self.connection, self.clock, emit, self._utc_ns)
