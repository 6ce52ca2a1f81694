"""A TCP proxy with the faults of real networks and gateways, one switch each; it starts as a plain wire.

    client ──► drop · delay · black hole · half-open · one client · corrupt ──► device

* drop_requests, drop_replies: so many of the next ones are lost, the connection stands.
* delay_s: replies come so much later. * swallow: a black hole: nothing passes, nothing is closed, new ones are taken.
* half_open(): the device's side is gone and nobody tells the client. * one_client: a new one evicts the one before.
* corrupt: position → bits that are turned over in the next reply.
"""

from __future__ import annotations

import asyncio

from tests.real.modbus import Wire


class Proxy(Wire):
    """See the module. Everything may be switched at any time."""

    def __init__(self, target: int) -> None:
        super().__init__(target)
        self.drop_requests = 0
        self.drop_replies = 0
        self.delay_s = 0.0
        self.one_client = False
        self.corrupt: dict[int, int] = {}
        self.evicted = 0
        self._forgotten: set[asyncio.StreamWriter] = set()
        self.forward = self._request
        self.change = self._reply

    def half_open(self) -> None:
        """The device forgets every connection, as after a power cut: no FIN, no RST."""
        self._forgotten |= set(self._streams[::2])
        for far in self._streams[1::2]:
            far.transport.abort()
        self._streams.clear()

    def opened(self, writer: asyncio.StreamWriter) -> None:
        if self.one_client and self._streams:
            self.evicted += 1
            self.cut()

    def relay(self, writer: asyncio.StreamWriter, octets: bytes) -> None:
        if not octets or writer.transport.is_closing():
            return
        if self.delay_s:
            asyncio.get_running_loop().call_later(self.delay_s, self._late, writer, octets)
        else:
            writer.write(octets)

    def ended(self, writer: asyncio.StreamWriter) -> None:
        if writer not in self._forgotten:
            writer.close()

    def _late(self, writer: asyncio.StreamWriter, octets: bytes) -> None:
        if not writer.transport.is_closing():
            writer.write(octets)

    def _request(self, octets: bytes) -> bytes:
        if self.drop_requests:
            self.drop_requests -= 1
            return b""
        return octets

    def _reply(self, octets: bytes) -> bytes:
        if self.drop_replies:
            self.drop_replies -= 1
            return b""
        spoiled = bytearray(octets)
        for position, bits in self.corrupt.items():
            if position < len(spoiled):
                spoiled[position] ^= bits
        self.corrupt = {}
        return bytes(spoiled)
