"""A Modbus TCP server for SCADA, to read from: holding and input registers show the same page of `blocks`.

    client of `clients` ──FC3, FC4──► the newest page, whole in one request as far as it asks
                        ──anything else──► exception 1, counted: there is no code here that could write

Who is not among `clients` is closed before a byte is read; so is who is silent for `IDLE_S`, and who comes when
`MOST_CLIENTS` are there. Nothing that a client sends raises here or waits for anything but its own socket.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from ipaddress import ip_address, ip_network

from loguru import logger

from sources.complaint import Complaints
from sources.pause import pause

IDLE_S, MOST_CLIENTS, LARGEST = 300.0, 16, 260
READ = (3, 4)
ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE, BUSY = 1, 2, 3, 6


class RegisterServer:
    """The output `name`. `pages` makes the page in pieces, between which the loop is free. `run()` must run."""

    def __init__(
        self, name: str, host: str, port: int, clients: Sequence[str], *, pages: Callable[[], Iterator[bytes]],
        every_s: float = 1.0,
    ) -> None:  # fmt: skip
        self.name, self.host, self.port = name, host, port
        self.connected = 0
        self.refused = 0
        self.listening = False
        self._networks = [ip_network(client, strict=False) for client in clients]
        self._pages, self._every_s = pages, every_s
        self._page = b""
        self._new = False
        self._writers: set[asyncio.StreamWriter] = set()
        self._complaints = Complaints(lambda text: logger.warning("outputs.{}: {}", name, text))

    def offer(self, _frame: object) -> None:
        """There is something newer to show."""
        self._new = True

    async def run(self) -> None:
        """Listen and keep the page fresh until cancelled. OSError when the port cannot be had."""
        server = await asyncio.start_server(self._serve, self.host, self.port, limit=LARGEST)
        self.port, self.listening = server.sockets[0].getsockname()[1], True
        try:
            while True:
                await self._refresh()
                await pause(self._every_s)
        finally:
            self.listening = False
            server.close()
            for writer in self._writers:  # who stays connected holds no end up
                writer.transport.abort()

    async def _refresh(self) -> None:
        if not self._new:
            return
        self._new = False
        page = bytearray()
        for piece in self._pages():
            page += piece
            await pause(0)
        self._page = bytes(page)

    def _may(self, peer: str) -> bool:
        address = ip_address(peer.partition("%")[0])
        address = getattr(address, "ipv4_mapped", None) or address
        return address.is_loopback or any(address in network for network in self._networks)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = str(writer.get_extra_info("peername")[0])
        if not self._may(peer) or self.connected >= MOST_CLIENTS:
            self._complaints.wrong(f"{peer} is refused")
            writer.transport.abort()
            return
        self.connected += 1
        self._writers.add(writer)
        try:
            with suppress(asyncio.IncompleteReadError, ConnectionError, TimeoutError):
                while await self._one(reader, writer):
                    pass
        finally:
            self.connected -= 1
            self._writers.discard(writer)
            writer.transport.abort()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """One request and its answer; false ends the conversation."""
        async with asyncio.timeout(IDLE_S):
            transaction, protocol, length, unit = struct.unpack(">HHHB", await reader.readexactly(7))
            if protocol != 0 or not 2 <= length <= LARGEST - 6:
                return False
            request = await reader.readexactly(length - 1)
            reply = self.answer(request)
            writer.write(struct.pack(">HHHB", transaction, 0, len(reply) + 1, unit) + reply)
            await writer.drain()
        return True

    def answer(self, request: bytes) -> bytes:
        """The reply to one request, both without their header."""
        function = request[0]
        if function not in READ:
            self.refused += 1
            if self.refused == 1:
                logger.warning("outputs.{}: a client tries to write (function {}): refused", self.name, function)
            return bytes((function & 0x7F | 0x80, ILLEGAL_FUNCTION))
        if len(request) != 5:
            return bytes((function | 0x80, ILLEGAL_VALUE))
        first, count = struct.unpack(">HH", request[1:])
        if not 1 <= count <= 125:
            return bytes((function | 0x80, ILLEGAL_VALUE))
        if not self._page:
            return bytes((function | 0x80, BUSY))  # before the first tick there is nothing to show
        words = self._page[2 * first : 2 * (first + count)]
        if len(words) < 2 * count:
            return bytes((function | 0x80, ILLEGAL_ADDRESS))
        return bytes((function, 2 * count)) + words
