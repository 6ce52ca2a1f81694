"""A TCP line with faults, between any client and any server: what a network does that neither of them asked for.

    client ◄──► Proxy ◄──► server            `await Proxy(host, port, …).start()`, then switch its faults

    delay_s    every chunk leaves so much later, in order, both ways
    hole       bytes are taken and go nowhere; the connections stay open, whoever closes them
    deaf       nothing is taken any more: the sender's own buffers fill
    half       requests pass, replies do not
    single     a new connection closes the one before, as small gateways do
    shut       new connections are reset at once

`cut` resets every connection, `corrupt` changes one byte of the next reply. `seen` is what a client sent, per
connection, with the time of `clock` (s) at which it came out of the client.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field

CHUNK = 65_536
Pause = Callable[[float], Awaitable[None]]  # waits so many seconds


@dataclass(eq=False)
class Line:
    """One connection through the proxy."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    seen: list[tuple[float, bytes]] = field(default_factory=list)

    def reset(self) -> None:
        for side in (self.client, self.server):
            side.transport.abort()


class Proxy:
    """Listens on 127.0.0.1, a free port unless one is given. Faults may be switched at any time."""

    def __init__(self, host: str, port: int, *, clock: Callable[[], float], pause: Pause, listen: int = 0) -> None:
        self.port = listen
        self.delay_s = 0.0
        self.hole = self.deaf = self.half = self.single = self.shut = False
        self.lines: list[Line] = []
        self.connections = 0
        self._target, self._clock, self._pause = (host, port), clock, pause
        self._corrupt = False
        self._server: asyncio.Server | None = None
        self._jobs: set[asyncio.Task[None]] = set()
        self._hears = asyncio.Event()
        self._hears.set()

    async def start(self) -> Proxy:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def stop(self) -> None:
        """Close everything; no task is left."""
        if self._server is not None:
            self._server.close()
        self.heal()
        self.shut = True
        self.cut()  # which ends what passes
        await asyncio.gather(*self._jobs)

    def heal(self) -> None:
        """No fault is on. What fell into a hole stays there."""
        self.delay_s = 0.0
        self.hole = self.half = self.single = self.shut = False
        self.listen_again()

    def stop_listening(self) -> None:
        """Take nothing more from the clients' sockets (`deaf`)."""
        self.deaf = True
        self._hears.clear()

    def listen_again(self) -> None:
        self.deaf = False
        self._hears.set()

    def cut(self) -> None:
        """Reset every connection."""
        for line in self.lines:
            line.reset()

    def corrupt(self) -> None:
        """Change one byte in the middle of the next reply."""
        self._corrupt = True

    def _refuses(self) -> bool:
        return self.shut

    async def _accept(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        job = asyncio.current_task()
        if job is not None:
            self._jobs.add(job)
            job.add_done_callback(self._jobs.discard)
        if self._refuses():
            client.transport.abort()
            return
        try:
            far, server = await asyncio.open_connection(*self._target)
        except OSError:
            client.transport.abort()
            return
        if self._refuses():  # since it was shut, or stopped, meanwhile
            client.transport.abort()
            server.transport.abort()
            return
        if self.single:
            self.cut()
        line = Line(client, server)
        self.lines.append(line)
        self.connections += 1
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pass(line, reader, server, reply=False))
                group.create_task(self._pass(line, far, client, reply=True))
        except* OSError:
            pass
        finally:
            line.reset()

    async def _pass(
        self, line: Line, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, reply: bool
    ) -> None:
        while True:
            if not reply:
                await self._hears.wait()
            chunk = await source.read(CHUNK)
            if not chunk:
                break
            if not reply:
                line.seen.append((self._clock(), chunk))
            if self.delay_s:
                await self._pause(self.delay_s)
            if not (self.hole or (self.half and reply)):
                sink.write(self._changed(chunk) if reply else chunk)
        if self.hole:
            return  # the other side is told nothing
        with suppress(OSError):
            sink.close()

    def _changed(self, chunk: bytes) -> bytes:
        if not self._corrupt:
            return chunk
        self._corrupt = False
        middle = len(chunk) // 2
        return chunk[:middle] + bytes([chunk[middle] ^ 0xFF]) + chunk[middle + 1 :]
