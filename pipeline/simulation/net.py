"""The network as bytes in memory: hosts that answer, and connections over lines that may be spoiled (`line.py`).

    client protocol ──► request ──(Line)──► Host.answer ──► reply ──(Line)──► client protocol

A line belongs to a host. One random stream per line and fault, so that a further host does not shift the others.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from functools import partial
from hashlib import blake2b
from typing import Any

from pipeline.simulation.exchange import Exchange
from pipeline.simulation.line import Carried, Host, Line
from pipeline.simulation.pushed import Pushed, Speaker


def stream(seed: int, name: str) -> random.Random:
    """The random stream of one consumer."""
    return random.Random(blake2b(f"{seed}/{name}".encode()).digest())


class Transport(asyncio.Transport):
    """One connection: a request at a time is carried there, its answer back. `deaf`: the other side forgot it."""

    def __init__(self, net: MemoryNet, line: Line, protocol: Any, host: str = "") -> None:
        super().__init__()
        self._exchange = Exchange(net.timeout_s, lambda at_s, age_s: net.hasty.append((host, at_s, age_s)))
        self._loop, self._net, self._line, self._protocol, self._born = net.loop, net, line, protocol, net.generation
        self._hear: Callable[[bytes], None] = getattr(protocol, "hear", None) or protocol.data_received
        self._closed = self.deaf = False
        line.admit(self)

    def write(self, octets: bytes | bytearray | memoryview) -> None:
        if self._closed or self.deaf or not self._alive():
            return
        meant, sent_s = self._net.spent(bytes(octets)), self._loop.time()
        self._exchange.sent(meant, sent_s)
        for carried in self._line.carry(meant):
            said = b"" if carried.copy else None if carried.octets == meant else meant
            self._loop.call_later(carried.takes_s, self._arrive, carried.octets, sent_s, said)

    def straight(self, octets: bytes) -> bytes | None:
        """The answer at once where nothing is wrong with the line, b"" where the host gives none; None: write, wait."""
        line, net = self._line, self._net
        if self._closed or self.deaf or not line.plain or net.left is not None or net.generation != self._born:
            return None
        host = line.host
        reply = host.answer(octets, self._loop.time())
        if reply is None:
            return b""
        host.delivered(reply)
        return reply

    def _alive(self) -> bool:
        """Whether the process that opened it still is."""
        return self._net.generation == self._born

    def _arrive(self, octets: bytes, sent_s: float, meant: bytes | None) -> None:
        """At the host, whatever has become of the sender meanwhile."""
        reply = self._line.host.answer(octets, sent_s, meant)
        if reply is None or self.deaf:
            return
        for carried in self._line.bring(reply):
            self._loop.call_later(carried.takes_s, self._back, carried)

    def _back(self, carried: Carried) -> None:
        if self._closed or self.deaf or not self._alive():
            return
        *pieces, last = self._line.split(carried.octets)
        for piece in pieces:
            self._hear(piece)
        if not self._closed:
            self._line.host.delivered(carried.octets)
            self._exchange.heard(carried.octets)
            self._hear(last)

    def is_closing(self) -> bool:
        return self._closed

    def close(self) -> None:
        self._forget()

    def abort(self) -> None:
        self._forget()

    def reset(self) -> None:
        if not self._closed:
            self._forget()
            if self._alive():
                self._loop.call_soon(self._protocol.connection_lost, ConnectionResetError("reset by the other side"))

    def _forget(self) -> None:
        self._closed = True
        if self in self._line.open_:
            self._line.open_.remove(self)


class Mute:
    """The far end of a line on which nothing is answered: a broker takes the bytes itself."""

    def answer(self, octets: bytes, sent_s: float, meant: bytes | None = None) -> bytes | None:  # noqa: ARG002
        return None

    def delivered(self, reply: bytes) -> None:
        """Nobody noted what was asked."""


class MemoryNet:
    """Lines by (host, port). `generation` counts the processes: what an ended one sends goes nowhere."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.generation = 0
        self.left: int | None = None  # bytes that the process still sends; then it is no more
        self.spoken: Callable[[], None] = lambda: None  # called with the last of them
        self.timeout_s = 0.3  # how long whoever asks waits for an answer
        self.hasty: list[tuple[str, float, float]] = []  # host, s, s since a request that nobody had answered
        self.lines: dict[tuple[str, int], Line] = {}
        self.brokers: dict[tuple[str, int], Speaker] = {}

    def plug(self, name: str, port: int, host: Host) -> Line:
        self.lines[name, port] = Line(host, partial(self._stream, name))
        return self.lines[name, port]

    def plug_broker(self, name: str, port: int, broker: Speaker) -> Line:
        """A host that speaks when it likes."""
        line = self.plug(name, port, Mute())
        self.brokers[name, port] = broker
        return line

    def _stream(self, name: str, what: str) -> random.Random:
        return stream(self.seed, f"line {name} {what}")

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        return asyncio.get_running_loop()

    def spent(self, octets: bytes) -> bytes:
        """What of these bytes still leaves the process."""
        if self.left is None:
            return octets
        octets = octets[: self.left]
        self.left -= len(octets)
        if not self.left:
            self.left = None
            self.spoken()
        return octets

    def disconnect_all(self) -> None:
        """The process is gone: the other ends stay, nothing of it is sent or heard any more."""
        self.generation += 1
        for line in self.lines.values():
            line.open_.clear()

    async def open(self, factory: Callable[[], Any], host: str, port: int) -> tuple[Any, Any]:
        line = self.lines.get((host, port))
        if line is None or line.cut:
            raise ConnectionRefusedError(f"{host}:{port} refuses")
        if line.dead:
            await asyncio.get_running_loop().create_future()  # the caller's time-out ends it
        born, loop, protocol = self.generation, asyncio.get_running_loop(), factory()
        broker = self.brokers.get((host, port))
        transport: Transport | Pushed
        if broker is None:
            transport = Transport(self, line, protocol, host)
        else:
            transport = Pushed(loop, line, broker, protocol, lambda: born == self.generation, self.spent)
        protocol.connection_made(transport)
        return transport, protocol
