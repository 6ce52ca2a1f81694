"""A connection on which both sides speak when they like, as MQTT's: bytes in order, late but never out of turn.

    client protocol ◄──► Pushed ──(Line)──► Broker

TCP repeats what is lost: a share that is dropped comes late instead, and what meets a silent line waits until it speaks
again. Whoever waits on a connection that the other side forgot has to notice by itself.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

from pipeline.simulation.line import Line

REPEATED_S = 0.3
Way = deque[tuple[float, Callable[[], None]]]  # in the order of arrival: when, and what happens then


class Speaker(Protocol):
    """What speaks when it likes: a broker, a server with subscriptions. `sent_s` is when bytes left their client."""

    def connected(self, wire: Any, /) -> Any: ...

    def received(self, client: Any, octets: bytes, sent_s: float, /) -> None: ...

    def ended(self, client: Any, /) -> None: ...


class Pushed(asyncio.Transport):
    """One connection of a client to a broker. `deaf`: the other side forgot it."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, line: Line, broker: Speaker, protocol: Any, alive: Callable[[], bool],
        spent: Callable[[bytes], bytes],
    ) -> None:  # fmt: skip
        super().__init__()
        self._spent = spent
        self._loop, self._line, self._broker, self._protocol, self._alive = loop, line, broker, protocol, alive
        self._hears: Callable[[bytes], None] = getattr(protocol, "hear", None) or protocol.data_received
        self._closed = self.deaf = False
        self._out: Way = deque()
        self._back: Way = deque()
        self._client = broker.connected(self)
        line.admit(self)

    def write(self, octets: bytes | bytearray | memoryview) -> None:
        meant = self._spent(bytes(octets))
        sent_s = self._loop.time()
        self._carry(self._out, meant, self._arrive, lambda: self._broker.received(self._client, meant, sent_s))

    def send(self, octets: bytes, arrived: Callable[[], None] | None = None) -> None:
        def hear() -> None:
            if self._closed or not self._alive():
                return
            if arrived is not None:
                arrived()
            for piece in self._line.split(octets):
                self._hears(piece)

        self._carry(self._back, octets, self._return, hear)

    def _carry(self, way: Way, octets: bytes, arrive: Callable[[], None], act: Callable[[], None]) -> None:
        if self._closed or self.deaf or not self._alive():
            return
        carried = None if self._line.dead else self._line.carry(octets)
        takes_s = carried[0].takes_s if carried else REPEATED_S
        newest_s = way[-1][0] if way else 0.0
        way.append((max(newest_s, self._loop.time() + takes_s), act))
        if len(way) == 1:
            self._loop.call_at(way[0][0], arrive)

    def _arrive(self) -> None:
        """At the broker, whatever has become of the sender meanwhile."""
        self._next(self._out, self._arrive)

    def _return(self) -> None:
        self._next(self._back, self._return)

    def _next(self, way: Way, again: Callable[[], None]) -> None:
        """What is due arrives in its turn; on a silent line it is sent again a little later."""
        now = self._loop.time()
        if self.deaf or self._line.cut:
            way.clear()
        elif self._line.dead:
            self._loop.call_at(now + REPEATED_S, again)
        elif way:
            _, act = way.popleft()
            act()
            if way:
                self._loop.call_at(max(now, way[0][0]), again)

    def get_write_buffer_size(self) -> int:
        return 0

    def is_closing(self) -> bool:
        return self._closed

    def close(self) -> None:
        self._end(None)

    def abort(self) -> None:
        self._end(None)

    def drop(self) -> None:
        """Closed with a reset from our side: what waited for a line that is silent is gone with it."""
        if self._line.dead:
            self._out.clear()
        self._end(None)

    def reset(self) -> None:
        self._end(ConnectionResetError("reset by the other side"))

    def _end(self, error: Exception | None) -> None:
        if self._closed:
            return
        self._closed = True
        if self in self._line.open_:
            self._line.open_.remove(self)
        self._broker.ended(self._client)
        if error is None or self._alive():
            self._loop.call_soon(self._protocol.connection_lost, error)
