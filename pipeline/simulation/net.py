"""The network as bytes in memory: hosts that answer, and lines that lose, delay and cut what runs over them.

    client protocol ──► request ──(delay, loss)──► Host.answer ──► reply ──(delay, loss)──► client protocol

A line belongs to a host. Its faults act on bytes: nothing here knows what they mean. One random stream per line, so
that a further host does not shift the faults of the others.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Protocol

LATENCY_S = 0.002


def stream(seed: int, name: str) -> random.Random:
    """The random stream of one consumer."""
    return random.Random(blake2b(f"{seed}/{name}".encode()).digest())


class Host(Protocol):
    """What stands at the far end: bytes in, bytes out (none: silence). `sent_s` is when they left the sender."""

    def answer(self, octets: bytes, sent_s: float) -> bytes | None: ...


@dataclass
class Line:
    """The way to one host. `delay_s` is the mean of an exponential distribution on top of the latency, each way."""

    host: Host
    rng: random.Random
    cut: bool = False  # connections drop and are refused
    silent: bool = False  # connections stand, nothing passes
    drop: float = 0.0  # share of requests and of replies that are lost
    delay_s: float = 0.0
    open_: list[Transport] = field(default_factory=list)

    def takes(self) -> float | None:
        """Seconds that the next bytes need; None: they are lost."""
        if self.cut or self.silent or (self.drop and self.rng.random() < self.drop):
            return None
        return LATENCY_S + (self.rng.expovariate(1.0 / self.delay_s) if self.delay_s else 0.0)

    def break_(self) -> None:
        """Every connection over it is reset by the other side."""
        for transport in list(self.open_):
            transport.reset()


class Transport(asyncio.Transport):
    """One connection: a request at a time is carried there, its answer back."""

    def __init__(self, loop: asyncio.AbstractEventLoop, line: Line, protocol: Any, alive: Callable[[], bool]) -> None:
        super().__init__()
        self._loop, self._line, self._protocol, self._alive = loop, line, protocol, alive
        self._closed = False
        line.open_.append(self)

    def write(self, octets: bytes | bytearray | memoryview) -> None:
        takes = None if self._closed or not self._alive() else self._line.takes()
        if takes is not None:
            self._loop.call_later(takes, self._arrive, bytes(octets), self._loop.time())

    def _arrive(self, octets: bytes, sent_s: float) -> None:
        """At the host, whatever has become of the sender meanwhile."""
        reply = self._line.host.answer(octets, sent_s)
        if reply is None:
            return
        takes = self._line.takes()
        if takes is not None:
            self._loop.call_later(takes, self._back, reply)

    def _back(self, reply: bytes) -> None:
        if not self._closed and self._alive():
            self._protocol.data_received(reply)

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


class MemoryNet:
    """Lines by (host, port). `generation` counts the processes: what an ended one sends goes nowhere."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.generation = 0
        self.lines: dict[tuple[str, int], Line] = {}

    def plug(self, name: str, port: int, host: Host) -> Line:
        self.lines[name, port] = Line(host, stream(self.seed, f"line {name}"))
        return self.lines[name, port]

    def disconnect_all(self) -> None:
        """The process is gone: the other ends stay, nothing of it is sent or heard any more."""
        self.generation += 1
        for line in self.lines.values():
            line.open_.clear()

    async def open(self, factory: Callable[[], Any], host: str, port: int) -> tuple[Any, Any]:
        line = self.lines.get((host, port))
        if line is None or line.cut:
            raise ConnectionRefusedError(f"{host}:{port} refuses")
        if line.silent:
            await asyncio.get_running_loop().create_future()  # the caller's time-out ends it
        born = self.generation
        protocol = factory()
        transport = Transport(asyncio.get_running_loop(), line, protocol, lambda: born == self.generation)
        protocol.connection_made(transport)
        return transport, protocol
