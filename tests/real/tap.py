"""A TCP proxy in front of a broker that lies, and that reads for itself what a client puts on the wire.

    client ──► Tap (passes, swallows, drops, stalls) ──► broker
                └─► published: every PUBLISH of the client, by a decoder of its own, with the time it left

    async with Tap(broker.port) as tap:
        tap.swallow = True         # half-open: bytes vanish both ways, nothing is closed
        tap.flow.clear()           # stalled: bytes wait, and are passed on after `tap.flow.set()`
        tap.drop()                 # every connection is reset
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self

_PUBLISH, _CONNECT = 3, 1


@dataclass(frozen=True)
class Published:
    """One PUBLISH as the client sent it. `at_s` is loop time, `connection` counts the client's connections from 1."""

    at_s: float
    connection: int
    topic: str
    payload: bytes
    qos: int
    retain: bool
    again: bool
    expiry_s: int | None


class Tap:
    """`refusal`: what a CONNECT of MQTT 5 is answered with before its connection is closed; None: it is let through."""

    def __init__(self, port: int, refusal: bytes | None = None) -> None:
        self.swallow = False
        self.flow = asyncio.Event()
        self.flow.set()
        self.published: list[Published] = []
        self.connections = 0
        self.port = 0
        self._target, self._refusal = port, refusal
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter | None] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}"

    def drop(self) -> None:
        for writer in self._writers:
            if writer is not None:
                writer.transport.abort()
        self._writers.clear()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        self.flow.set()
        self.drop()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=5.0)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        listener = _Listener(self, self.connections)
        other: asyncio.StreamWriter | None = None
        try:
            self._writers.add(writer)
            first = await reader.read(65536)
            listener.hear(first)
            if self._refusal is not None and listener.level == 5:
                writer.write(self._refusal)
                await writer.drain()
                return
            below, other = await asyncio.open_connection("127.0.0.1", self._target)
            self._writers.add(other)
            other.write(first)
            await asyncio.gather(self._pump(reader, other, listener), self._pump(below, writer, None))
        except OSError:
            pass
        finally:
            writer.close()
            if other is not None:
                other.transport.abort()
            self._writers -= {writer, other}
            self._tasks.discard(task)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, heard: _Listener | None) -> None:
        with suppress(OSError):
            while chunk := await reader.read(65536):
                if heard is not None:
                    heard.hear(chunk)
                await self.flow.wait()
                if not self.swallow:
                    writer.write(chunk)
                    await writer.drain()
        writer.transport.abort()


class _Listener:
    """The packets of one connection, taken apart."""

    def __init__(self, tap: Tap, connection: int) -> None:
        self._tap, self._connection = tap, connection
        self._bytes = b""
        self.level = 0

    def hear(self, chunk: bytes) -> None:
        self._bytes += chunk
        while len(self._bytes) >= 2:
            length, at = _number(self._bytes, 1)
            if length is None or len(self._bytes) < at + length:
                return
            head, body, self._bytes = self._bytes[0], self._bytes[at : at + length], self._bytes[at + length :]
            if head >> 4 == _CONNECT:
                self.level = body[6]
            elif head >> 4 == _PUBLISH:
                self._tap.published.append(self._publish(head, body))

    def _publish(self, head: int, body: bytes) -> Published:
        size = int.from_bytes(body[:2])
        topic, at, qos = body[2 : 2 + size].decode(), 2 + size, head >> 1 & 3
        at += 2 if qos else 0
        expiry = None
        if self.level == 5:
            length, at = _number(body, at)
            assert length is not None
            if length:
                assert body[at] == 2, "a property that this decoder does not know"
                expiry = int.from_bytes(body[at + 1 : at + 5])
            at += length
        now_s = asyncio.get_running_loop().time()
        return Published(now_s, self._connection, topic, body[at:], qos, bool(head & 1), bool(head & 8), expiry)


def _number(octets: bytes, at: int) -> tuple[int | None, int]:
    """A number of variable length at `at`, and where it ends; None while it is not whole."""
    value = 0
    for place in range(4):
        if at + place >= len(octets):
            return None, at
        value |= (octets[at + place] & 127) << 7 * place
        if octets[at + place] < 128:
            return value, at + place + 1
    raise AssertionError("no number")
