"""A gate between the socket and the library: no frame passes that the library would choke on.

    socket ──► size of each chunk? of the message? ──► library        anything else: the connection is dropped at once

The library waits for as many bytes as a header announces, and copies all that came each time; a header of 4 GB, or of
0, would hold the loop. What is dropped leaves nothing behind: unsent bytes are discarded with the socket (RST), so that
a command that waits in it never reaches the device late.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable

MAX_CHUNK = 65_535  # what our Hello offers
MAX_MESSAGE = 4 * 1024 * 1024
_KINDS = {b"ACK": 28, b"ERR": 16, b"OPN": 24, b"MSG": 24, b"CLO": 24, b"RHE": 16}
_HEADER = 8
_NOTHING_LEFT = struct.pack("ii", 1, 0)


class Guard(asyncio.BufferedProtocol):
    """`inner` is the library's protocol; `lost` is called when the transport is gone; `foul` says what was wrong."""

    def __init__(self, transport: asyncio.Transport, inner: asyncio.Protocol, lost: Callable[[], None]) -> None:
        self.transport, self.foul = transport, ""
        self._inner, self._lost = inner, lost
        self._buffer = bytearray(MAX_CHUNK)
        self._head = b""
        self._left = self._message = 0
        transport.set_protocol(self)

    def get_buffer(self, sizehint: int) -> bytearray:  # noqa: ARG002
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        came = bytes(self._buffer[:nbytes])
        self.foul = self.foul or self._judge(came)
        if self.foul:
            self.abort()
        else:
            self._inner.data_received(came)

    def eof_received(self) -> bool | None:
        return self._inner.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        self._inner.connection_lost(exc)
        self._lost()

    @property
    def unsent(self) -> bool:
        """Whether bytes wait that the socket does not take."""
        return self.transport.get_write_buffer_size() > 0

    def abort(self) -> None:
        """Drop the connection and every byte that has not left."""
        line = self.transport.get_extra_info("socket")
        if line is not None and not self.transport.is_closing():
            line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NOTHING_LEFT)
        self.transport.abort()

    def _judge(self, came: bytes) -> str:
        """What is wrong with these bytes; empty when nothing is."""
        at = 0
        while at < len(came):
            if self._left:
                passed = min(self._left, len(came) - at)
                self._left, at = self._left - passed, at + passed
                continue
            part = came[at : at + _HEADER - len(self._head)]
            self._head, at = self._head + part, at + len(part)
            if len(self._head) == _HEADER:
                wrong = self._begin(self._head)
                if wrong:
                    return wrong
                self._head = b""
        return ""

    def _begin(self, head: bytes) -> str:
        kind, chunk, size = head[:3], head[3:4], int.from_bytes(head[4:], "little")
        if kind not in _KINDS or chunk not in b"FCA":
            return "bytes that are no OPC UA"
        if not _KINDS[kind] <= size <= MAX_CHUNK:
            return f"a chunk of {size} bytes"
        self._message = (self._message if chunk == b"C" else 0) + size
        if self._message > MAX_MESSAGE:
            return f"a message of more than {MAX_MESSAGE} bytes"
        self._left = size - _HEADER
        return ""
